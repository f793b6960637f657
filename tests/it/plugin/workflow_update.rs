//! `pluginWorkflowUpdate` and `pluginWorkflowDelete`.

use serde_json::{Value, json};

use super::{gate, order_of, plugin, refused, run_statuses, runs, workflow};
use crate::harness::{PluginServer, TestApp, samples::order, text};

const FIELDS: &str =
    "name start steps { name plugin { name } onPass onReject failurePolicy } enabled version";

async fn updated(app: &TestApp, input: Value) -> Value {
    let payload = app.change("pluginWorkflowUpdate", input, &format!("pluginWorkflow {{ {FIELDS} }}")).await;
    payload["pluginWorkflow"].clone()
}

#[tokio::test]
async fn a_workflow_takes_on_what_is_given_and_keeps_the_rest() {
    let app = TestApp::start().await;
    let (first, _) = plugin(&app, "first", json!({"url": "https://plugins.example"})).await;
    let (second, _) = plugin(&app, "second", json!({"url": "https://plugins.example"})).await;
    let id = workflow(&app, "intake", &first, "CONTINUE").await;
    let step = |plugin: &str, name: &str, policy: &str| json!({"name": name, "plugin": {"name": plugin}, "onPass": null, "onReject": null, "failurePolicy": policy});
    let mut expected = json!({
        "name": "intake", "start": "check", "steps": [step("first", "check", "CONTINUE")], "enabled": true,
        "version": 1,
    });
    // What changes nothing adds no version.
    let same = json!({"id": id, "name": "intake", "start": "check", "enabled": true});
    assert_eq!(updated(&app, same).await, expected);
    expected["name"] = json!("at the door");
    expected["enabled"] = json!(false);
    expected["version"] = json!(2);
    let input = json!({"id": id, "expectedVersion": 1, "name": "at the door", "enabled": false});
    assert_eq!(updated(&app, input).await, expected);
    expected["start"] = json!("ask");
    expected["steps"] = json!([step("second", "ask", "REJECT")]);
    expected["version"] = json!(3);
    let input = json!({"id": id, "start": "ask", "steps": [{"name": "ask", "pluginId": second}]});
    assert_eq!(updated(&app, input).await, expected);
}

#[tokio::test]
async fn each_thing_that_is_wrong_with_a_change_is_named_and_nothing_is_saved() {
    let app = TestApp::start().await;
    let (plugin_id, _) = plugin(&app, "checker", json!({"url": "https://plugins.example"})).await;
    let id = workflow(&app, "intake", &plugin_id, "REJECT").await;
    let unknown = "plg_01h00000000000000000000000";
    for (input, problems) in [
        (json!({"id": "pwf_01h00000000000000000000000", "name": "abc"}), vec!["NOT_FOUND id"]),
        (json!({"id": "plg_01h00000000000000000000000", "name": "abc"}), vec!["INVALID id"]),
        (json!({"id": id, "expectedVersion": 2, "name": "abc"}), vec!["CONFLICT expectedVersion"]),
        (json!({"id": id, "name": "ab", "start": "x"}), vec!["INVALID name", "INVALID start"]),
        // The start that stands names none of the new steps.
        (
            json!({"id": id, "steps": [{"name": "a", "pluginId": unknown, "onPass": "a"}]}),
            vec!["INVALID steps.0.onPass", "INVALID start", "NOT_FOUND steps.0.pluginId"],
        ),
    ] {
        assert_eq!(refused(&app, "pluginWorkflowUpdate", input).await.0, problems);
    }
}

#[tokio::test]
async fn a_run_keeps_the_steps_that_it_was_stored_with() {
    let app = TestApp::start().await;
    let (before, after) = (PluginServer::start().await, PluginServer::start().await);
    let (first, _) = plugin(&app, "first", json!({"url": before.url})).await;
    let (second, _) = plugin(&app, "second", json!({"url": after.url})).await;
    let id = workflow(&app, "intake", &first, "REJECT").await;
    app.create(order(1)).await;
    updated(&app, json!({"id": id, "start": "ask", "steps": [{"name": "ask", "pluginId": second}]})).await;
    app.create(order(1)).await;
    assert_eq!(app.settle().await, 2);
    assert_eq!((before.calls().len(), after.calls().len()), (1, 1));
    let steps: Vec<String> = runs(&app).await.iter().map(|run| text(&run["steps"][0]["step"])).collect();
    assert_eq!(steps, ["check", "ask"]);
}

#[tokio::test]
async fn a_workflow_is_deleted_once_its_runs_have_ended_and_they_still_show_it() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    gate(&app, "checker", &server).await;
    let (order_id, _) = app.create(order(1)).await;
    let list = "{ pluginWorkflows { nodes { id } count { value } } }";
    let id = text(&app.run(list).await.data()["pluginWorkflows"]["nodes"][0]["id"]);
    let input = json!({"id": id});
    assert_eq!(refused(&app, "pluginWorkflowDelete", input.clone()).await.0, ["IN_USE id"]);
    assert_eq!(app.settle().await, 1);
    let payload = app.change("pluginWorkflowDelete", input.clone(), "deletedId").await;
    assert_eq!(payload["deletedId"], json!(id));
    assert_eq!(app.run(list).await.data(), json!({"pluginWorkflows": {"nodes": [], "count": {"value": 0}}}));
    assert_eq!(run_statuses(&app).await, ["checker PASSED"]);
    assert_eq!(refused(&app, "pluginWorkflowDelete", input).await.0, ["NOT_FOUND id"]);
    // Nothing is held up any more.
    let (other, _) = app.create(order(1)).await;
    assert_eq!(order_of(&app, &other, "status").await, order_of(&app, &order_id, "status").await);
}
