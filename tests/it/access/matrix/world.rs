//! A server that wants to know who is calling, with something of every kind in its store.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use serde_json::{Value, json};
use waybill::{
    access::{Caller, Scope, Scopes, mint},
    config::{AccessConfig, Config, Limits},
    store::Tenant,
};

use super::{
    fingerprint::Fingerprint,
    schema::{Schema, is_required, named},
};
use crate::harness::{PluginServer, TestApp, samples, text};

const SECRET: &[u8] = b"a secret of at least thirty-two bytes";
/// How deep a look into the store goes: a page, its nodes, and what is below them.
const DEPTH: usize = 3;
/// Whose everything is.
pub(super) const TENANT: &str = "default";
/// Who has nothing here.
pub(super) const OTHER: &str = "other";

/// Somebody who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Who {
    pub(super) tenant: &'static str,
    pub(super) scopes: Scopes,
}

impl Who {
    pub(super) fn new(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self { tenant: TENANT, scopes: scopes.into_iter().collect() }
    }

    pub(super) fn names(self) -> String {
        let scopes: Vec<_> = self.scopes.iter().map(Scope::as_str).collect();
        format!("{} with [{}]", self.tenant, scopes.join(" "))
    }

    fn caller(self) -> Caller {
        Caller { tenant: Tenant::new(self.tenant), subject: "carl".into(), scopes: self.scopes, trace: None }
    }
}

/// How the server is configured that everything is asked of.
pub(super) fn config() -> Config {
    // A look at everything is more than any client asks for.
    let limits = Limits { complexity: 10_000_000, depth: 100, tokens: 100_000, ..Limits::default() };
    Config { access: access(), batch_limit: 10, limits, ..Config::default() }
}

/// Lets in whoever has a token of the secret, or a key.
pub(super) fn access() -> AccessConfig {
    let recheck_every = Duration::from_hours(1);
    AccessConfig { jwt_secret: Some(SECRET.to_vec().into()), recheck_every, ..AccessConfig::default() }
}

/// The token of somebody.
pub(super) fn token(app: &TestApp, who: Who) -> String {
    let now = app.app.clock.now();
    mint(&SECRET.to_vec().into(), &who.caller(), (now, now + chrono::Duration::days(1)), None, None).unwrap()
}

/// The server, and what is in it.
pub(super) struct World {
    pub(super) app: TestApp,
    pub(super) schema: Schema,
    pub(super) server: PluginServer,
    /// An id of each type that has some.
    pub(super) ids: BTreeMap<String, String>,
    /// Where the log of events begins.
    pub(super) cursor: String,
    fingerprint: Fingerprint,
    /// What is needed to find something of a type by its id.
    finding: HashMap<String, Scope>,
    keys: HashMap<Who, String>,
}

impl World {
    pub(super) async fn start() -> Self {
        let app = TestApp::configured(config()).await;
        let server = PluginServer::start().await;
        let cursor = fill(&app, &server).await;
        let fingerprint = Fingerprint::of(&app).await;
        let schema = Schema::read();
        let (ids, finding, keys) = (BTreeMap::new(), HashMap::new(), HashMap::new());
        let mut world = Self { app, schema, server, ids, cursor, fingerprint, finding, keys };
        world.look_for_ids().await;
        world.learn_what_finding_needs().await;
        world
    }

    /// What somebody is let in with: the key that was made for it, or else a token.
    pub(super) fn credentials(&self, who: Who) -> String {
        self.keys.get(&who).cloned().unwrap_or_else(|| token(&self.app, who))
    }

    /// Makes keys for those who have a scope: a key has at least one.
    pub(super) async fn make_keys(&mut self, callers: impl IntoIterator<Item = Who>) {
        for who in callers {
            if self.keys.contains_key(&who) || who.scopes.iter().next().is_none() {
                continue;
            }
            let scopes: Vec<_> = who.scopes.iter().map(Scope::as_str).collect();
            let input = json!({"name": "key", "scopes": scopes});
            let made = change(&self.app, who.tenant, "apiKeyCreate", "ApiKeyCreateInput", input, "key").await;
            self.keys.insert(who, text(&made["key"]));
        }
    }

    /// Everything that may change: what the store holds, and how often a plugin was asked.
    pub(super) async fn state(&self) -> Vec<String> {
        let mut rows = self.fingerprint.rows().await;
        rows.push(format!("plugins: {} calls", self.server.calls().len()));
        rows.sort();
        rows
    }

    /// What is needed to find something of that type by its id.
    pub(super) fn finding(&self, of: &str) -> Scope {
        self.finding[of]
    }

    /// Lets every kind of thing happen that is told to subscribers.
    pub(super) async fn stir(&self) {
        let order = samples::with(samples::order(1), "clientId", json!("stirred"));
        change(&self.app, TENANT, "orderCreate", "OrderCreateInput", order, "order { id }").await;
    }

    async fn look_for_ids(&mut self) {
        for field in self.schema.fields("Query") {
            if field.arguments.iter().any(|argument| is_required(&argument.node)) {
                continue;
            }
            let leads_to = named(&field.ty.node);
            if !self.schema.is_leaf(leads_to) {
                let document = format!("{{ {} {} }}", field.name.node, self.everything(leads_to, DEPTH));
                let reply = self.app.execute_as(all(TENANT).caller(), &document, json!({})).await.data();
                collect(&reply, &mut self.ids);
            }
        }
        let has_id = |of: &&str| {
            self.schema
                .fields(of)
                .iter()
                .any(|field| named(&field.ty.node) == "ID" && field.name.node == "id")
        };
        let of_node = self.schema.objects("Node").into_iter().filter(has_id);
        for of in of_node {
            assert!(
                self.ids.contains_key(of),
                "the test has nothing of the type {of}: teach `fill` to make one"
            );
        }
    }

    /// What can be selected of a type without arguments.
    fn everything(&self, of: &str, depth: usize) -> String {
        let mut selected = vec!["__typename".to_owned()];
        for field in self.schema.fields(of) {
            let leads_to = named(&field.ty.node);
            if field.arguments.iter().any(|argument| is_required(&argument.node)) {
                continue;
            }
            if self.schema.is_leaf(leads_to) {
                selected.push(field.name.node.to_string());
            } else if depth > 0 {
                selected.push(format!("{} {}", field.name.node, self.everything(leads_to, depth - 1)));
            }
        }
        format!("{{ {} }}", selected.join(" "))
    }

    /// Asks for something of each type with each scope alone. One of them is enough, and without any it is refused.
    async fn learn_what_finding_needs(&mut self) {
        let types = self.schema.objects("Node");
        let find = |of: &&str| format!("{of}: node(id: {:?}) {{ __typename }}", self.ids[*of]);
        let document = format!("{{ {} }}", types.iter().map(find).collect::<Vec<_>>().join(" "));
        let mut enough = HashMap::<_, Vec<_>>::new();
        for scope in Scope::ALL.map(Some).into_iter().chain([None]).filter(|it| *it != Some(Scope::Admin)) {
            let reply = self.app.execute_as(Who::new(scope).caller(), &document, json!({})).await.0;
            for of in &types {
                if reply["data"][of]["__typename"] == json!(of) {
                    enough.entry((*of).to_owned()).or_default().push(scope);
                }
            }
        }
        for of in types {
            let enough = enough.remove(of).unwrap_or_default();
            let [Some(scope)] = enough[..] else { panic!("{of} is found with one of {enough:?}") };
            self.finding.insert(of.to_owned(), scope);
        }
    }
}

/// Who may do everything that has a name of its own.
pub(super) fn all(tenant: &'static str) -> Who {
    Who { tenant, scopes: Scopes::all() }
}

/// Executes a mutation past the server whose doors are tried.
async fn change(
    app: &TestApp,
    tenant: &'static str,
    mutation: &str,
    kind: &str,
    input: Value,
    selection: &str,
) -> Value {
    let document = format!(
        "mutation M($input: {kind}!) {{ payload: {mutation}(input: $input) {{ {selection} userErrors {{ message path }} }} }}"
    );
    let reply = app.execute_as(all(tenant).caller(), &document, json!({"input": input})).await.data();
    assert_eq!(reply["payload"]["userErrors"], json!([]), "{mutation}");
    reply["payload"].clone()
}

/// Makes something of every kind, and gives the cursor of the first event.
async fn fill(app: &TestApp, server: &PluginServer) -> String {
    let change = async |mutation: &str, input: Value, selection: &str| {
        let kind = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
        change(app, TENANT, mutation, &kind, input, selection).await
    };
    for kind in ["STRING", "NUMBER", "BOOLEAN", "DATE_TIME", "OBJECT"] {
        let definition = json!({"owner": "ORDER", "key": kind.to_lowercase(), "type": kind});
        change("attributeDefinitionCreate", definition, "").await;
    }
    let plugin = json!({"name": "asked", "http": {"url": server.url}});
    let plugin = change("pluginCreate", plugin, "plugin { id }").await;
    let step = json!({"name": "x", "pluginId": plugin["plugin"]["id"]});
    let workflow = json!({"name": "at intake", "trigger": "ORDER_INITIATED", "start": "x", "steps": [step]});
    change("pluginWorkflowCreate", workflow, "").await;
    change("webhookEndpointCreate", json!({"url": server.url}), "").await;
    change("apiKeyCreate", json!({"name": "there before", "scopes": ["orders:read"]}), "").await;
    let mut order = samples::order(1);
    order["customAttributes"] = json!({
        "string": "a", "number": 1, "boolean": true, "date_time": "2026-03-01T00:00:00Z", "object": {"a": 1},
    });
    change("orderCreate", order, "").await;
    app.settle().await;
    app.deliver().await;
    let log = "{ orderEvents(first: 1) { nodes { cursor } } }";
    let log = app.execute_as(all(TENANT).caller(), log, json!({})).await.data();
    text(&log["orderEvents"]["nodes"][0]["cursor"])
}

/// The ids of an answer, each by its type.
fn collect(answer: &Value, ids: &mut BTreeMap<String, String>) {
    match answer {
        Value::Array(members) => members.iter().for_each(|member| collect(member, ids)),
        Value::Object(fields) => {
            if let (Some(Value::String(of)), Some(Value::String(id))) =
                (fields.get("__typename"), fields.get("id"))
            {
                ids.entry(of.clone()).or_insert_with(|| id.clone());
            }
            fields.values().for_each(|field| collect(field, ids));
        }
        _ => {}
    }
}
