//! The plugin manager: what is saved, when plugins are asked, how, and what comes of their answers.

mod budget;
mod call;
mod compute;
mod condition;
mod create;
mod defer;
mod dropped;
mod enrich;
mod examples;
mod expression;
mod fair;
mod flood;
mod gate;
mod held;
mod refusal;
mod request;
mod retry;
mod runs;
mod schemas;
mod steps;
mod takeover;
mod template;
mod trace;
mod trial;
mod triggers;
mod update;
mod watch;
mod words;
mod workflow;
mod workflow_update;

use entity::plugin_run;
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};
use uuid::Uuid;
use waybill::{
    access::Caller,
    domain::plugin::{Answer, FailurePolicy, Reason},
    store::{self, Reader},
    usecase::plugin::{Settlement, StoredStep, settle_step},
};

use crate::harness::{PluginServer, TestApp, code_and_path, text};

/// An answer that rejects.
const NO: &str =
    r#"{"verdict": "REJECT", "reasons": [{"code": "NO_SERVICE", "message": "nobody goes there"}]}"#;

/// Saves a plugin at an endpoint, and gives its id and its secret.
pub(crate) async fn plugin(app: &TestApp, name: &str, http: Value) -> (String, String) {
    let input = json!({"name": name, "http": http});
    let payload = app.change("pluginCreate", input, "plugin { id } secret").await;
    (text(&payload["plugin"]["id"]), text(&payload["secret"]))
}

/// Saves a workflow of one step, and gives its id.
pub(crate) async fn workflow(app: &TestApp, name: &str, plugin_id: &str, policy: &str) -> String {
    let step = json!({"name": "check", "pluginId": plugin_id, "failurePolicy": policy});
    let input = json!({"name": name, "trigger": "ORDER_INITIATED", "start": "check", "steps": [step]});
    let payload = app.change("pluginWorkflowCreate", input, "pluginWorkflow { id }").await;
    text(&payload["pluginWorkflow"]["id"])
}

/// Saves a plugin and a workflow of that name that asks it at intake; gives the plugin's id and its secret.
pub(crate) async fn gate(app: &TestApp, name: &str, server: &PluginServer) -> (String, String) {
    let (id, secret) = plugin(app, name, json!({"url": server.url})).await;
    workflow(app, name, &id, "REJECT").await;
    (id, secret)
}

/// What a query selects of an order.
async fn order_of(app: &TestApp, id: &str, selection: &str) -> Value {
    app.run(&format!("{{ order(id: {id:?}) {{ {selection} }} }}")).await.data()["order"].clone()
}

/// Every run, oldest first, with its attempts.
async fn runs(app: &TestApp) -> Vec<Value> {
    let document = "{ pluginRuns(last: 50) { nodes {
        workflow { name } status startedAt finishedAt
        steps { step verdict reasons { code message path } attempts { number statusCode error responseExcerpt } }
    } } }";
    let mut runs = app.run(document).await.data()["pluginRuns"]["nodes"].as_array().unwrap().clone();
    runs.reverse();
    runs
}

/// Workflow and status of every run, oldest first.
async fn run_statuses(app: &TestApp) -> Vec<String> {
    let run = |run: &Value| format!("{} {}", text(&run["workflow"]["name"]), text(&run["status"]));
    runs(app).await.iter().map(run).collect()
}

/// Takes up every run that is due as a process would that dies then, and gives the name of its hold.
async fn claim_and_die(app: &TestApp) -> Uuid {
    let (now, lease) = (app.app.clock.now(), app.app.ids.uuid());
    let until = now + chrono::Duration::seconds(30);
    let mut claimed = 0;
    for (lane, _) in store::queue::lanes(&app.app.database, None, 100).await.unwrap() {
        let runs = store::queue::claim_runs(&app.app.database, &lane, now, until, lease, 100).await;
        claimed += runs.unwrap().runs.len();
    }
    assert!(claimed > 0);
    lease
}

/// Settles a run as a process would that held it under `lease`.
async fn settle_late(app: &TestApp, run: &plugin_run::Model, lease: Uuid, plugin_id: &str, answer: Answer) {
    let settlement = Settlement {
        run: plugin_run::Model { lease: Some(lease), ..run.clone() },
        step: StoredStep {
            name: "check".to_owned(),
            plugin_id: plugin_id.to_owned(),
            on_pass: None,
            on_reject: None,
            failure_policy: FailurePolicy::Reject,
        },
        plugin_name: "late".to_owned(),
        max_attempts: 5,
        deadline: app.app.clock.now(),
        seen: 0,
        attempt: None,
        answer,
    };
    settle_step(&app.app, &Caller::local().tenant, settlement).await.unwrap();
}

fn pass() -> Answer {
    Answer::Pass { reasons: Vec::new() }
}

fn reject(code: &str) -> Answer {
    Answer::Reject { reasons: vec![Reason { code: code.into(), message: "no".into(), path: None }] }
}

/// The tables of plugins and workflows, as they are.
async fn configured(app: &TestApp) -> (Vec<entity::plugin::Model>, Vec<entity::plugin_workflow::Model>) {
    let db = &sea_orm::Database::connect(&app.database.url).await.unwrap();
    let plugins = entity::plugin::Entity::find().all(db).await.unwrap();
    let workflows = entity::plugin_workflow::Entity::find().all(db).await.unwrap();
    db.clone().close().await.unwrap();
    (plugins, workflows)
}

/// Sends a mutation of the configuration that must be refused, sees to it that nothing was written, and gives code and
/// path of each error, and the first message.
async fn refused(app: &TestApp, mutation: &str, input: Value) -> (Vec<String>, String) {
    let before = configured(app).await;
    let shown = match mutation {
        "pluginCreate" | "pluginUpdate" => "plugin { id } secret",
        mutation if mutation.ends_with("Delete") => "deletedId",
        _ => "pluginWorkflow { id }",
    };
    let selection = format!("{shown} userErrors {{ code message path }}");
    let payload = app.mutate(mutation, input, &selection).await;
    for field in ["plugin", "secret", "pluginWorkflow", "deletedId"] {
        assert_eq!(payload.get(field).unwrap_or(&Value::Null), &Value::Null, "{payload:#}");
    }
    assert_eq!(configured(app).await, before, "a refusal wrote something: {payload:#}");
    let errors = payload["userErrors"].as_array().unwrap();
    (errors.iter().map(code_and_path).collect(), text(&errors[0]["message"]))
}

/// Reads as the only tenant that HTTP knows.
fn reader(app: &TestApp) -> Reader {
    app.app.reader(&Caller::local())
}
