//! Tests that scopes are checked where the work is done, and not only in the document beforehand.
//!
//! The test walks the schema: each field of the roots, and each field below them that the table of the guard names, is
//! executed without the check of the document, on behalf of callers who lack what the table says. So a field that is
//! added without a check of its own fails here.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use async_graphql::{
    Request, Response,
    dataloader::DataLoader,
    parser::{
        parse_schema,
        types::{
            BaseType, FieldDefinition, InputValueDefinition, Type, TypeDefinition, TypeKind,
            TypeSystemDefinition,
        },
    },
};
use entity::id::{OrderId, PluginRunId, WebhookEndpointId};
use futures_util::StreamExt as _;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::{Value, json};

use super::{
    Endpoint, Schema, context::Operation, event::EventColumn, flat::Flat as _, gather::Loads, guard::SCOPES,
    handover::Handover, loaders::StoreLoader, order::Order, sdl, work_order::WorkOrder,
};
use crate::{
    access::{Caller, Scope},
    app::App,
    budget::Budget,
    config::Config,
    domain::plugin::Answer,
    seam::{Clock, Ids},
    secret::Keyring,
    serve,
    store::{self, Database},
    usecase::{
        self,
        plugin::{AttemptRecord, Settlement, StoredStep, settle_step},
    },
};

const ROOTS: [&str; 3] = ["Query", "Mutation", "Subscription"];
/// A subscription that is not refused has nothing to tell; this is how long it may take to be refused.
const REFUSED_WITHIN: Duration = Duration::from_secs(20);

/// A service with something of everything in its store.
struct Seeded {
    app: App,
    schema: Schema,
    /// Names the store.
    url: String,
    /// Ids of things that there are, by what their mutations' names begin with.
    ids: BTreeMap<&'static str, String>,
    types: BTreeMap<String, TypeDefinition>,
    _folder: tempfile::TempDir,
}

#[tokio::test]
async fn every_root_field_is_refused_where_it_is_carried_out() {
    let seeded = Seeded::make().await;
    let mut count = 0;
    for (root, field) in seeded.root_fields() {
        let name = format!("{root}.{}", field.name.node);
        // As for the look at the document: what is not in the table needs everything.
        let needed = needed(&name).unwrap_or(&[Scope::Admin]);
        if needed.is_empty() {
            continue;
        }
        let document = format!("{} {{ {} }}", root.to_lowercase(), seeded.call(&field, &field.name.node));
        let expected = refusal(&name, needed);
        for scopes in lacking(needed) {
            let before = seeded.rows().await;
            let response = seeded.execute(&scopes, &document).await;
            assert_eq!(errors(&response), std::slice::from_ref(&expected), "{document}\nwith {scopes:?}");
            assert_eq!(seeded.rows().await, before, "{document} wrote something with {scopes:?}");
            count += 1;
        }
    }
    assert!(count > 100, "only {count} operations were tried");

    // And not for another reason: with what the table says, and no more, none of them is refused.
    for (root, field) in seeded.root_fields() {
        let name = format!("{root}.{}", field.name.node);
        let needed = needed(&name).unwrap_or(&[Scope::Admin]);
        // A subscription that is not refused waits.
        if needed.is_empty() || root == "Subscription" {
            continue;
        }
        let document = format!("{} {{ {} }}", root.to_lowercase(), seeded.call(&field, &field.name.node));
        let response = seeded.execute(needed, &document).await;
        let refused = errors(&response).into_iter().find(|(code, _)| code == "FORBIDDEN");
        assert_eq!(refused, None, "{document}");
    }
}

#[tokio::test]
async fn every_guarded_field_below_a_root_is_refused_where_it_is_resolved() {
    let seeded = Seeded::make().await;
    let mut count = 0;
    for (name, needed) in SCOPES {
        let (of, field) = name.split_once('.').unwrap();
        if ROOTS.contains(&of) {
            continue;
        }
        let document = seeded.path_to(of, field);
        // An interface's field is resolved by the object.
        let expected: Vec<_> =
            seeded.objects_of(of).iter().map(|of| refusal(&format!("{of}.{field}"), needed)).collect();
        for missing in *needed {
            let scopes: Vec<_> = Scope::ALL.into_iter().filter(|scope| scope != missing).collect();
            let scopes: Vec<_> = scopes.into_iter().filter(|scope| *scope != Scope::Admin).collect();
            let response = seeded.execute(&scopes, &document).await;
            let errors = errors(&response);
            assert!(!errors.is_empty(), "{document} was answered with {scopes:?}: {:?}", response.data);
            for error in errors {
                assert!(expected.contains(&error), "{document}\nwith {scopes:?}: {error:?}");
            }
            count += 1;
        }
        let response = seeded.execute(&[Scope::OrdersRead, Scope::ConfigRead, Scope::PiiRead], &document);
        assert_eq!(errors(&response.await), [], "{document}");
    }
    assert!(count > 10, "only {count} operations were tried");
}

#[test]
fn no_guarded_field_is_written_past_its_resolver() {
    for (name, _) in SCOPES {
        let (of, field) = name.split_once('.').unwrap();
        let is_written = match of {
            "Order" => Order::column(field).is_some(),
            "WorkOrder" => WorkOrder::column(field).is_some(),
            "OrderEvent" => EventColumn::of(field).is_some(),
            _ => false,
        };
        assert!(!is_written, "{name} is written without its check");
    }
}

fn needed(field: &str) -> Option<&'static [Scope]> {
    SCOPES.iter().find(|(name, _)| *name == field).map(|(_, scopes)| *scopes)
}

/// The scopes of callers who lack something: all of it, or one of what is needed and nothing else.
fn lacking(needed: &[Scope]) -> Vec<Vec<Scope>> {
    let but = |missing: &[Scope]| -> Vec<_> {
        Scope::ALL.into_iter().filter(|scope| *scope != Scope::Admin && !missing.contains(scope)).collect()
    };
    let mut callers = vec![Vec::new(), but(needed)];
    callers.extend(needed.iter().map(|missing| but(&[*missing])));
    callers
}

fn refusal(field: &str, needed: &[Scope]) -> (String, String) {
    let needed: Vec<_> = needed.iter().map(|scope| scope.as_str()).collect();
    let message = format!("the caller lacks a scope: {field} needs {}", needed.join(" and "));
    ("FORBIDDEN".to_owned(), message)
}

/// The codes and messages of an answer's errors.
fn errors(response: &Response) -> Vec<(String, String)> {
    let errors = serde_json::to_value(&response.errors).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let errors = errors.as_array().unwrap().iter();
    errors.map(|error| (text(&error["extensions"]["code"]), text(&error["message"]))).collect()
}

fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(inner) => named(inner),
    }
}

/// Whether an argument has to be given.
fn is_required(input: &InputValueDefinition) -> bool {
    !input.ty.node.nullable && input.default_value.is_none()
}

/// Whether a field needs no arguments: one with arguments may lead to nothing.
fn leads_on(field: &FieldDefinition) -> bool {
    !field.arguments.iter().any(|input| is_required(&input.node))
}

/// Ways through the schema.
impl Seeded {
    /// The fields of an object or interface; none of anything else.
    fn fields(&self, of: &str) -> Vec<FieldDefinition> {
        let fields = match &self.types.get(of).map(|definition| &definition.kind) {
            Some(TypeKind::Object(object)) => &object.fields,
            Some(TypeKind::Interface(interface)) => &interface.fields,
            _ => return Vec::new(),
        };
        fields.iter().map(|field| field.node.clone()).collect()
    }

    fn root_fields(&self) -> Vec<(&'static str, FieldDefinition)> {
        let fields =
            ROOTS.into_iter().flat_map(|root| self.fields(root).into_iter().map(move |of| (root, of)));
        fields.collect()
    }

    /// The objects that are of a type: itself, or those of an interface.
    fn objects_of(&self, name: &str) -> Vec<String> {
        let implements = |definition: &TypeDefinition| match &definition.kind {
            TypeKind::Object(object) => object.implements.iter().any(|of| of.node == name),
            _ => false,
        };
        let objects = self.types.iter().filter(|(object, definition)| {
            *object == name && matches!(definition.kind, TypeKind::Object(_)) || implements(definition)
        });
        objects.map(|(object, _)| object.clone()).collect()
    }

    /// The shortest query for a field of a type, through any root field that needs a scope.
    fn path_to(&self, goal: &str, field: &str) -> String {
        let mut open = VecDeque::new();
        for root in self.fields("Query") {
            let scopes = needed(&format!("Query.{}", root.name.node));
            if scopes.is_some_and(|scopes| !scopes.is_empty()) && leads_on(&root) {
                open.push_back((named(&root.ty.node).to_owned(), vec![root.name.node.to_string()]));
            }
        }
        let mut met = HashSet::new();
        while let Some((of, path)) = open.pop_front() {
            if of == goal {
                let found = self.fields(goal).into_iter().find(|found| found.name.node == field).unwrap();
                let mut path = path;
                path.push(self.call(&found, field));
                return format!("{{ {} {}", path.join(" { "), "}".repeat(path.len()));
            }
            if !met.insert(of.clone()) {
                continue;
            }
            for next in self.fields(&of).into_iter().filter(leads_on) {
                let call = next.name.node.to_string();
                open.push_back((named(&next.ty.node).to_owned(), [path.clone(), vec![call]].concat()));
            }
            for object in self.objects_of(&of).into_iter().filter(|object| *object != of) {
                let fragment = format!("... on {object}");
                open.push_back((object, [path.clone(), vec![fragment]].concat()));
            }
        }
        panic!("nothing leads to {goal}");
    }

    /// A field with what its arguments need, and something of what it leads to.
    fn call(&self, field: &FieldDefinition, root: &str) -> String {
        let below = if self.fields(named(&field.ty.node)).is_empty() { "" } else { " { __typename }" };
        format!("{}{}{below}", field.name.node, self.arguments(field, root))
    }

    /// The arguments that a field cannot do without.
    fn arguments(&self, field: &FieldDefinition, root: &str) -> String {
        let given: Vec<_> =
            field.arguments.iter().filter_map(|input| self.given(&input.node, root)).collect();
        if given.is_empty() { String::new() } else { format!("({})", given.join(", ")) }
    }

    fn given(&self, input: &InputValueDefinition, root: &str) -> Option<String> {
        let name = input.name.node.as_str();
        is_required(input).then(|| format!("{name}: {}", self.value(&input.ty.node, name, root)))
    }

    /// A value of a type, for what is called `name` of the root field `root`.
    fn value(&self, ty: &Type, name: &str, root: &str) -> String {
        let of = match &ty.base {
            BaseType::List(inner) => return format!("[{}]", self.value(inner, name, root)),
            BaseType::Named(of) => of.as_str(),
        };
        match of {
            "ID" => format!("{:?}", self.id(name, root)),
            "Int" | "Float" => "1".to_owned(),
            "Boolean" => "true".to_owned(),
            "String" => "\"COMPLETE\"".to_owned(),
            "Decimal" => "\"1.50\"".to_owned(),
            "DateTime" => "\"2026-03-01T08:00:00Z\"".to_owned(),
            "JSON" => "{}".to_owned(),
            _ => match &self.types[of].kind {
                TypeKind::Enum(of) => of.values[0].node.value.node.to_string(),
                TypeKind::InputObject(of) => {
                    let given = of.fields.iter().filter_map(|field| self.given(&field.node, root));
                    format!("{{{}}}", given.collect::<Vec<_>>().join(", "))
                }
                kind => panic!("nothing is known of values of {of}: {kind:?}"),
            },
        }
    }

    /// The id of something that there is: of what the value's name says, such as `orderId`, or else the field's.
    fn id(&self, name: &str, root: &str) -> &str {
        let is_of = |kind: &str| match name.strip_suffix("Id") {
            Some(of) => kind.to_lowercase().ends_with(&of.to_lowercase()),
            None => root.starts_with(kind),
        };
        let found = self.ids.iter().filter(|(kind, _)| is_of(kind)).max_by_key(|(kind, _)| kind.len());
        match found {
            Some((_, id)) => id,
            // Everything else that can be found by its id, or by a list of them.
            None if ["node", "nodes"].contains(&root) => &self.ids["order"],
            None => panic!("no id is known for {name} of {root}; add what it is of to the seeds"),
        }
    }
}

/// Operations.
impl Seeded {
    /// Executes a document as the endpoint does, but without its look at what the document needs.
    async fn execute(&self, scopes: &[Scope], document: &str) -> Response {
        let caller = Caller { scopes: scopes.iter().copied().collect(), ..Caller::local() };
        let reader = self.app.reader(&caller);
        let loads = Loads::default();
        let loader = StoreLoader::new(reader.clone(), Arc::clone(&self.app.lifecycles));
        let handover = Arc::<Handover>::default();
        let request = Request::new(document).data(Operation {
            app: self.app.clone(),
            caller,
            reader,
            budget: Arc::new(Budget::new(self.schema.limits.allowance())),
            request_id: "test".into(),
            loader: Arc::new(DataLoader::new(loader, loads.spawner()).delay(Duration::ZERO)),
            resume: None,
            place: None,
            handover: Some(Arc::clone(&handover)),
            forms: Arc::clone(&self.schema.forms),
        });
        let mut responses = loads.gather(self.schema.validated.execute_stream(request));
        let first = tokio::time::timeout(REFUSED_WITHIN, responses.next()).await;
        assert!(!handover.is_full(), "{document} is answered past the executor");
        first.ok().flatten().unwrap_or_else(|| panic!("{document} was taken up with {scopes:?}"))
    }

    /// Every row of every table.
    async fn rows(&self) -> Vec<(String, Vec<String>)> {
        let db = sea_orm::Database::connect(&self.url).await.unwrap();
        let texts = async |sql: String| -> Vec<String> {
            let rows = db.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap();
            rows.into_iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
        };
        let tables = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
        let mut all = Vec::new();
        for table in texts(tables.to_owned()).await {
            let columns = texts(format!("SELECT name FROM pragma_table_info('{table}')")).await;
            // Any value as text, bytes among them.
            let values: Vec<_> = columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
            let rows =
                texts(format!("SELECT {} FROM \"{table}\" ORDER BY 1", values.join(" || ',' || "))).await;
            all.push((table, rows));
        }
        db.close().await.unwrap();
        all
    }

    async fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        let database = Database::open(&url, Some(2)).await.unwrap();
        database.migrate().await.unwrap();
        let config = Config { plugin_allow_net: vec!["127.0.0.0/8".parse().unwrap()], ..Config::default() };
        let keyring = Keyring::parse("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=").unwrap();
        let schema = super::schema(&config);
        let clock = Clock::manual("2026-03-01T08:00:00Z".parse().unwrap());
        let app = serve::assemble(config, database, keyring, clock, Ids::counted()).unwrap();
        let types = parse_schema(sdl()).unwrap().definitions.into_iter().filter_map(|definition| {
            let TypeSystemDefinition::Type(definition) = definition else { return None };
            Some((definition.node.name.node.to_string(), definition.node))
        });
        let (types, ids) = (types.collect(), BTreeMap::new());
        let mut seeded = Self { app, schema, url, ids, types, _folder: folder };
        seeded.fill().await;
        let rows = seeded.rows().await;
        assert!(rows.iter().filter(|(_, rows)| !rows.is_empty()).count() > 10, "{rows:?}");
        seeded
    }

    /// Carries out a mutation, and gives the id of what came of it.
    async fn seed(&self, mutation: &str, input: &Value, selection: &str) -> String {
        let (first, rest) = mutation.split_at(1);
        let kind = format!("{}{rest}Input", first.to_uppercase());
        let document =
            format!("mutation M($input: {kind}!) {{ it: {mutation}(input: $input) {{ {selection} }} }}");
        let endpoint = Endpoint::new(self.schema.clone(), self.app.clone(), Caller::local(), "test");
        let request =
            crate::graphql::Request::new(document).with_variables(&json!({"input": input})).unwrap();
        let response = endpoint.execute(&request).await;
        assert_eq!(errors(&response), [], "{mutation}");
        let data = response.data.into_json().unwrap();
        let it = &data["it"];
        let entity = it.as_object().unwrap().values().next().unwrap();
        entity["id"].as_str().or(entity.as_str()).unwrap().to_owned()
    }

    async fn fill(&mut self) {
        for (kind, value) in [
            ("STRING", json!("a")),
            ("NUMBER", json!(1)),
            ("BOOLEAN", json!(true)),
            ("DATE_TIME", json!("2026-03-01T08:00:00Z")),
            ("OBJECT", json!({"a": 1})),
        ] {
            let key = kind.to_lowercase();
            let input = json!({"owner": "ORDER", "key": key, "type": kind, "defaultValue": value});
            let id = self.seed("attributeDefinitionCreate", &input, "attributeDefinition { id }").await;
            self.ids.insert("attributeDefinition", id);
        }
        let input = json!({"url": "http://127.0.0.1:9/"});
        let endpoint = self.seed("webhookEndpointCreate", &input, "webhookEndpoint { id }").await;
        let input = json!({"name": "rule", "expression": "true"});
        let plugin = self.seed("pluginCreate", &input, "plugin { id }").await;
        let steps = json!([{"name": "check", "pluginId": plugin}]);
        let input = json!({"name": "gate", "trigger": "ORDER_INITIATED", "start": "check", "steps": steps});
        let workflow = self.seed("pluginWorkflowCreate", &input, "pluginWorkflow { id }").await;
        let input = json!({"name": "key", "scopes": ["orders:read"]});
        let key = self.seed("apiKeyCreate", &input, "id").await;
        let input = json!({
            "clientId": "acme", "clientOrderId": "A-1",
            "consignee": {"name": "Asha Rao", "phone": {"countryCode": "+91", "number": "9876543210"}},
            "destination": {"facilityId": "WH-8"},
            "workOrders": [{
                "type": "MOVE_CONTAINERS",
                "pickup": {"location": {"facilityId": "WH-7"}},
                "containers": [{"containerId": "BOX-1"}]
            }]
        });
        let order = self.seed("orderCreate", &input, "order { id }").await;
        let reader = self.app.reader(&Caller::local());
        let order_id = OrderId::parse(&order).unwrap();
        let work_order = store::work_order::of_order(&reader.db(), order_id).await.unwrap()[0].id;
        let run = self.settle_run().await;
        let endpoint_id = WebhookEndpointId::parse(&endpoint).unwrap();
        let row = store::webhook::by_id(&reader.db(), endpoint_id).await.unwrap().unwrap();
        usecase::webhook::dispatch(&self.app, &Caller::local(), &row).await.unwrap();
        self.ids.extend([
            ("apiKey", key),
            ("order", order),
            ("plugin", plugin),
            ("pluginRun", run.to_string()),
            ("pluginWorkflow", workflow),
            ("webhookEndpoint", endpoint),
            ("workOrder", work_order.to_string()),
        ]);
    }

    /// Answers the run that waits, as the worker does.
    async fn settle_run(&self) -> PluginRunId {
        let caller = Caller::local();
        let reader = self.app.reader(&caller);
        let request =
            store::PageRequest { limit: 1, direction: store::Direction::Forward, after: None, before: None };
        let filter = store::plugin_run::RunFilter::default();
        let run = store::plugin_run::page(&reader.db(), &filter, &request).await.unwrap().rows.pop().unwrap();
        let id = run.id;
        let steps: Vec<StoredStep> = serde_json::from_str(&run.steps).unwrap();
        let now = self.app.clock.now();
        let settlement = Settlement {
            run,
            step: steps.into_iter().next().unwrap(),
            plugin_name: "rule".to_owned(),
            max_attempts: 1,
            deadline: now,
            seen: 0,
            attempt: Some(AttemptRecord {
                started_at: now,
                duration: Duration::ZERO,
                status_code: None,
                response_excerpt: Some("Asha Rao".into()),
            }),
            answer: Answer::Fail { error: "no".into() },
        };
        settle_step(&self.app, &caller.tenant, settlement).await.unwrap();
        id
    }
}
