//! Two tenants with the same data: whatever the schema offers, one finds nothing of the other by its ids. The test walks
//! the schema, so that a new field is covered without anybody remembering it.

use std::collections::{BTreeMap, HashMap};

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition},
};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use waybill::{
    access::{Caller, Scopes},
    config::{Config, Limits},
    graphql::{Endpoint, Item, Request},
    store::Tenant,
};

use super::scopes::peopled;
use crate::harness::{PluginServer, TestApp, wait::within};

/// What a tenant hears of its own.
const OWN: &str = "subscription { orderEvents { order { clientId } } }";
/// How deep a selection goes: a page, its nodes, and what is below them.
const DEPTH: usize = 3;

fn of(tenant: &str) -> Caller {
    Caller {
        tenant: Tenant::new(tenant),
        subject: format!("{tenant}-subject").into(),
        scopes: Scopes::all(),
        trace: None,
    }
}

/// The same data for each tenant, with its name in every text.
async fn fill(app: &TestApp, tenant: &str, server: &PluginServer) {
    let run = async |mutation: &str, kind: &str, input: Value, selection: &str| {
        let document =
            format!("mutation M($input: {kind}!) {{ {mutation}(input: $input) {{ {selection} }} }}");
        let reply = app.execute_as(of(tenant), &document, json!({"input": input})).await.data();
        assert_eq!(reply[mutation]["userErrors"], json!([]), "{mutation}");
        reply[mutation].clone()
    };
    let errors = "userErrors { code message path }";
    let definition = json!({"owner": "ORDER", "key": "k", "type": "STRING", "description": tenant});
    run("attributeDefinitionCreate", "AttributeDefinitionCreateInput", definition, errors).await;
    let plugin = json!({"name": tenant, "http": {"url": server.url}});
    let plugin = run("pluginCreate", "PluginCreateInput", plugin, &format!("plugin {{ id }} {errors}")).await;
    let step = json!({"name": "check", "pluginId": plugin["plugin"]["id"], "failurePolicy": "REJECT"});
    let workflow = json!({"name": tenant, "trigger": "ORDER_INITIATED", "start": "check", "steps": [step]});
    run("pluginWorkflowCreate", "PluginWorkflowCreateInput", workflow, errors).await;
    let endpoint = json!({"url": server.url, "description": tenant});
    run("webhookEndpointCreate", "WebhookEndpointCreateInput", endpoint, errors).await;
    run("apiKeyCreate", "ApiKeyCreateInput", json!({"name": tenant, "scopes": ["admin"]}), errors).await;
    let mut order = peopled();
    order["clientId"] = json!(tenant);
    order["customAttributes"] = json!({"k": tenant});
    run("orderCreate", "OrderCreateInput", order, errors).await;
}

/// Everything that looks like an id in a text, by what stands before the underscore.
fn ids(text: &str, found: &mut BTreeMap<String, String>) {
    for word in text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_') {
        if let Some((prefix, rest)) = word.split_once('_')
            && rest.len() == 26
            && prefix.len() <= 3
        {
            found.entry(prefix.to_owned()).or_insert_with(|| word.to_owned());
        }
    }
}

/// The schema, to be walked with ids.
struct Walk {
    types: HashMap<String, TypeKind>,
    ids: BTreeMap<String, String>,
}

impl Walk {
    fn new(ids: &BTreeMap<String, String>) -> Self {
        let schema = parse_schema(waybill::graphql::sdl()).unwrap();
        let types = schema.definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => {
                Some((definition.node.name.node.to_string(), definition.node.kind))
            }
            _ => None,
        });
        Self { types: types.collect(), ids: ids.clone() }
    }

    fn fields(&self, root: &str) -> Vec<&FieldDefinition> {
        match &self.types[root] {
            TypeKind::Object(object) => object.fields.iter().map(|field| &field.node).collect(),
            TypeKind::Interface(interface) => interface.fields.iter().map(|field| &field.node).collect(),
            _ => Vec::new(),
        }
    }

    fn inputs(&self, name: &str) -> Option<Vec<&InputValueDefinition>> {
        match self.types.get(name) {
            Some(TypeKind::InputObject(object)) => {
                Some(object.fields.iter().map(|field| &field.node).collect())
            }
            _ => None,
        }
    }

    /// What can be selected of a type without arguments; empty where it has nothing to select.
    fn selection(&self, of: &str, depth: usize) -> String {
        let mut selected = vec!["__typename".to_owned()];
        for field in self.fields(of) {
            let needs = field.arguments.iter().any(|argument| is_required(&argument.node));
            let leads_to = named(&field.ty.node);
            let is_leaf =
                matches!(self.types.get(leads_to), None | Some(TypeKind::Scalar | TypeKind::Enum(_)));
            if needs {
                continue;
            }
            if is_leaf {
                selected.push(field.name.node.to_string());
            } else if depth > 0 && !matches!(self.types[leads_to], TypeKind::Union(_)) {
                selected.push(format!("{} {}", field.name.node, self.selection(leads_to, depth - 1)));
            }
        }
        format!("{{ {} }}", selected.join(" "))
    }

    /// A value of an argument or of a field of an input in which every id is `id`.
    fn value(&self, place: &str, ty: &Type, id: &str, depth: usize) -> String {
        if let BaseType::List(inner) = &ty.base {
            return format!("[{}]", self.value(place, inner, id, depth));
        }
        let name = named(ty);
        match (name, self.types.get(name)) {
            ("ID", _) => format!("{:?}", self.id_at(place, id)),
            ("String", _) => "\"x\"".to_owned(),
            ("Int" | "Float", _) => "1".to_owned(),
            ("Boolean", _) => "true".to_owned(),
            ("JSON", _) => "{}".to_owned(),
            ("DateTime", _) => "\"2026-03-01T00:00:00Z\"".to_owned(),
            ("Decimal", _) => "\"1\"".to_owned(),
            (_, Some(TypeKind::Enum(values))) => values.values[0].node.value.node.to_string(),
            (_, Some(TypeKind::InputObject(_))) => {
                let mut members = Vec::new();
                for field in self.inputs(name).unwrap() {
                    let is_first = depth == 0 || members.is_empty();
                    if is_required(field) || (is_first && depth < 3 && self.has_id(named(&field.ty.node))) {
                        let at = format!("{place}.{}", field.name.node);
                        let value = self.value(&at, &field.ty.node, id, depth + 1);
                        members.push(format!("{}: {value}", field.name.node));
                    }
                }
                format!("{{{}}}", members.join(", "))
            }
            _ => panic!("the test cannot fill {place} of the type {name}: teach `Walk::value` that type"),
        }
    }

    /// The id for a place: of the kind that its name tells, or else the one that is tried.
    fn id_at<'a>(&'a self, place: &str, id: &'a str) -> &'a str {
        let kinds = [
            ("workOrderId", "wo"),
            ("returnOf", "wo"),
            ("orderId", "ord"),
            ("workflowId", "pwf"),
            ("pluginId", "plg"),
            ("endpointId", "whe"),
            ("runId", "run"),
        ];
        let name = place.rsplit(['.', '(']).next().unwrap().trim_end_matches([':', ')']);
        let kind = kinds.iter().find(|(known, _)| *known == name);
        kind.and_then(|(_, kind)| self.ids.get(*kind)).map_or(id, String::as_str)
    }

    /// Whether a value of that type is an id, or an object with an id in it.
    fn has_id(&self, name: &str) -> bool {
        let is_id = |field: &InputValueDefinition| named(&field.ty.node) == "ID";
        name == "ID" || self.inputs(name).is_some_and(|fields| fields.into_iter().any(is_id))
    }

    /// Every operation of a root field that names `id` wherever it takes one.
    fn operation(&self, root: &str, field: &FieldDefinition, id: &str) -> String {
        let arguments = field.arguments.iter().map(|argument| &argument.node);
        let arguments: Vec<_> = arguments
            .filter(|argument| is_required(argument) || self.holds_id(named(&argument.ty.node), 0))
            .map(|argument| {
                let place = format!("{root}.{}({}:)", field.name.node, argument.name.node);
                format!("{}: {}", argument.name.node, self.value(&place, &argument.ty.node, id, 0))
            })
            .collect();
        let arguments =
            if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
        let leads_to = named(&field.ty.node);
        let is_leaf = matches!(self.types.get(leads_to), None | Some(TypeKind::Scalar | TypeKind::Enum(_)));
        let selection = if is_leaf { String::new() } else { self.selection(leads_to, DEPTH) };
        format!("{} {{ {}{arguments} {selection} }}", root.to_lowercase(), field.name.node)
    }

    fn holds_id(&self, name: &str, depth: usize) -> bool {
        self.has_id(name)
            || depth < 2
                && self.inputs(name).is_some_and(|fields| {
                    fields.into_iter().any(|field| self.holds_id(named(&field.ty.node), depth + 1))
                })
    }
}

fn is_required(input: &InputValueDefinition) -> bool {
    !input.ty.node.nullable && input.default_value.is_none()
}

fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}

/// The service with both tenants, and the ids of one of them.
async fn two_tenants() -> (TestApp, BTreeMap<String, String>) {
    // A selection of everything is more than any client asks for.
    let limits = Limits { complexity: 10_000_000, depth: 100, tokens: 100_000, ..Limits::default() };
    let config = Config { limits, ..Config::default() };
    let (app, server) = (TestApp::configured(config).await, PluginServer::start().await);
    for tenant in ["alpha", "beta"] {
        fill(&app, tenant, &server).await;
    }
    app.settle().await;
    app.deliver().await;
    let mut found = BTreeMap::new();
    let walk = Walk::new(&found);
    for field in walk.fields("Query") {
        if !field.arguments.iter().any(|argument| is_required(&argument.node)) {
            let document = format!("{{ {} {} }}", field.name.node, selection_of(&walk, field));
            let reply = app.execute_as(of("alpha"), &document, json!({})).await;
            ids(&reply.0["data"].to_string(), &mut found);
        }
    }
    (app, found)
}

fn selection_of(walk: &Walk, field: &FieldDefinition) -> String {
    let leads_to = named(&field.ty.node);
    if matches!(walk.types.get(leads_to), None | Some(TypeKind::Scalar | TypeKind::Enum(_))) {
        String::new()
    } else {
        walk.selection(leads_to, DEPTH)
    }
}

/// What of one tenant stands in an answer to the other, beside the ids that were asked for.
fn leaks(reply: &str, document: &str, known: &BTreeMap<String, String>) -> Vec<String> {
    let ids = known.values().filter(|id| !document.contains(*id) && reply.contains(*id)).cloned();
    ids.chain(reply.contains("alpha").then(|| "alpha".to_owned())).collect()
}

#[tokio::test]
async fn no_query_and_no_mutation_finds_anything_of_another_tenant() {
    let (app, known) = two_tenants().await;
    for kind in ["ord", "wo", "evt", "plg", "pwf", "run", "atd", "whe", "key"] {
        assert!(known.contains_key(kind), "the test has no {kind}: {known:?}");
    }
    let before = owned(&app).await;
    let walk = Walk::new(&known);
    let mut own_finds = 0;
    for root in ["Query", "Mutation"] {
        for field in walk.fields(root) {
            for id in known.values() {
                let document = walk.operation(root, field, id);
                let reply = app.execute_as(of("beta"), &document, json!({})).await.0;
                let code = &reply["errors"][0]["extensions"]["code"];
                let codes =
                    ["GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED", "QUERY_TOO_COMPLEX", "INTERNAL"];
                assert!(!codes.iter().any(|bad| code == bad), "{document}: {reply:#}");
                let found = leaks(&reply.to_string(), &document, &known);
                assert!(found.is_empty(), "{document} shows {found:?}: {reply:#}");
                if root == "Query" {
                    let own = app.execute_as(of("alpha"), &document, json!({})).await.0;
                    own_finds += usize::from(own["data"].to_string().contains("alpha"));
                }
            }
        }
    }
    assert!(own_finds > 30, "the test finds too little of the caller's own: {own_finds}");
    assert_eq!(owned(&app).await, before);
}

/// What the store holds of the tenant whose ids are used.
async fn owned(app: &TestApp) -> String {
    let stored = app.stored().await;
    let orders: Vec<_> = stored.orders.iter().filter(|row| row.tenant_id == "alpha").collect();
    let work_orders: Vec<_> = stored.work_orders.iter().filter(|row| row.tenant_id == "alpha").collect();
    let events: Vec<_> = stored.events.iter().filter(|row| row.tenant_id == "alpha").collect();
    let runs: Vec<_> = stored.runs.iter().filter(|row| row.tenant_id == "alpha").collect();
    let definitions: Vec<_> = stored.definitions.iter().filter(|row| row.tenant_id == "alpha").collect();
    let configured = "{ plugins { nodes { id enabled version } } pluginWorkflows { nodes { id enabled version } }
        webhookEndpoints { nodes { id url enabled } } apiKeys { id revokedAt } lifecycle(owner: ORDER) { version } }";
    let configured = app.execute_as(of("alpha"), configured, json!({})).await.data();
    format!("{orders:?} {work_orders:?} {events:?} {runs:?} {definitions:?} {configured}")
}

#[tokio::test]
async fn no_subscription_hears_anything_of_another_tenant() {
    let (app, known) = two_tenants().await;
    let walk = Walk::new(&known);
    let schema = waybill::graphql::schema(&app.app.config);
    let endpoint = Endpoint::new(schema, app.app.clone(), of("beta"), "test");
    let (heard, mut told) = tokio::sync::mpsc::unbounded_channel();
    let listen = |document: String| {
        let chosen = endpoint.choose(&Request::new(document.as_str()));
        let (mut stream, heard) = (endpoint.execute_stream(chosen), heard.clone());
        tokio::spawn(async move {
            while let Some(item) = stream.next().await {
                let text = match item {
                    Item::Written(text) => text.to_string(),
                    Item::Response(response) => serde_json::to_string(&response).unwrap(),
                };
                heard.send((document.clone(), text)).unwrap();
            }
        });
    };
    listen(OWN.to_owned());
    let mut count = 0;
    for field in walk.fields("Subscription") {
        for id in known.values() {
            listen(walk.operation("Subscription", field, id));
            count += 1;
        }
    }

    for tenant in ["alpha", "beta"] {
        let mut order = peopled();
        order["clientId"] = json!(tenant);
        let document =
            "mutation M($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
        app.execute_as(of(tenant), document, json!({"input": order})).await.data();
    }
    let mut refused = 0;
    loop {
        let (document, text) = within("an event of its own", told.recv()).await.unwrap();
        assert!(!text.contains("alpha"), "{document}: {text}");
        if document == OWN && text.contains("beta") {
            break;
        }
        // An id of the wrong kind is refused; the message may repeat it.
        assert!(text.contains("errors"), "{document}: {text}");
        refused += 1;
    }
    assert!(refused < count, "nobody listens");
    while let Ok((document, text)) = told.try_recv() {
        assert!(!text.contains("alpha"), "{document}: {text}");
    }
}
