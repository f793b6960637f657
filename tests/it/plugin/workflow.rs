//! `pluginWorkflowCreate`, and from when on a workflow holds orders up.

use serde_json::{Value, json};

use super::{gate, order_of, plugin, refused, run_statuses, workflow};
use crate::harness::{
    PluginServer, TestApp,
    samples::{order, with},
    text,
    wait::until,
};

fn input(plugin_id: &str) -> Value {
    json!({
        "name": "intake",
        "trigger": "ORDER_INITIATED",
        "start": "check",
        "steps": [{"name": "check", "pluginId": plugin_id}],
    })
}

#[tokio::test]
async fn a_workflow_is_saved_as_it_was_given() {
    let app = TestApp::start().await;
    let (plugin_id, _) = plugin(&app, "checker", json!({"url": "https://plugins.example"})).await;
    let fields =
        "id name trigger start steps { name plugin { id } onPass onReject failurePolicy } enabled version";
    let payload = app
        .change("pluginWorkflowCreate", input(&plugin_id), &format!("pluginWorkflow {{ {fields} }}"))
        .await;
    let id = text(&payload["pluginWorkflow"]["id"]);
    assert!(id.starts_with("pwf_"), "{id}");
    let expected = json!({
        "id": id,
        "name": "intake",
        "trigger": "ORDER_INITIATED",
        "start": "check",
        "steps": [{"name": "check", "plugin": {"id": plugin_id}, "onPass": null, "onReject": null, "failurePolicy": "REJECT"}],
        "enabled": true,
        "version": 1,
    });
    assert_eq!(payload["pluginWorkflow"], expected);
    let document = format!(
        "{{ pluginWorkflows(trigger: ORDER_INITIATED) {{ nodes {{ {fields} }} count {{ value }} }} \
         node(id: {id:?}) {{ ... on PluginWorkflow {{ {fields} }} }} }}"
    );
    let read = app.run(&document).await.data();
    assert_eq!(
        read,
        json!({"pluginWorkflows": {"nodes": [expected], "count": {"value": 1}}, "node": expected})
    );
}

#[tokio::test]
async fn each_thing_that_is_wrong_is_named_and_nothing_is_saved() {
    let app = TestApp::start().await;
    let (plugin_id, _) = plugin(&app, "checker", json!({"url": "https://plugins.example"})).await;
    let step = |name: &str, plugin_id: &str| json!({"name": name, "pluginId": plugin_id});
    let unknown = "plg_01h00000000000000000000000";
    let steps = |steps: Value| with(input(&plugin_id), "steps", steps);
    for (input, problem, part) in [
        (with(input(&plugin_id), "name", json!("ab")), "INVALID name", "a name has 3 to 50 characters"),
        (with(input(&plugin_id), "start", json!("other")), "INVALID start", "start must name a step"),
        (steps(json!([])), "REQUIRED steps", "a workflow needs a step"),
        (
            steps(json!([with(step("check", &plugin_id), "onPass", json!("check"))])),
            "INVALID steps.0.onPass",
            "\"check\" leads back to \"check\"",
        ),
        (input(unknown), "NOT_FOUND steps.0.pluginId", "there is no plugin plg_01h00000000000000000000000"),
        (input("wo_01h00000000000000000000000"), "INVALID steps.0.pluginId", "plg_"),
        (input("nonsense"), "INVALID steps.0.pluginId", "plg_"),
    ] {
        let (problems, message) = refused(&app, "pluginWorkflowCreate", input.clone()).await;
        assert_eq!(problems, [problem], "{input}");
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn a_workflow_holds_up_orders_from_the_next_one_on() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (before, _) = app.create(order(1)).await;
    gate(&app, "checker", &server).await;
    let (after, _) = app.create(order(1)).await;
    assert_eq!(order_of(&app, &before, "status").await, json!({"status": "IN_PROGRESS"}));
    assert_eq!(order_of(&app, &after, "status").await, json!({"status": "INITIATED"}));
    assert_eq!(run_statuses(&app).await, ["checker QUEUED"]);
}

#[tokio::test]
async fn a_disabled_workflow_holds_nothing_up() {
    let app = TestApp::start().await;
    let (plugin_id, _) = plugin(&app, "checker", json!({"url": "https://plugins.example"})).await;
    let input = with(input(&plugin_id), "enabled", json!(false));
    app.change("pluginWorkflowCreate", input, "pluginWorkflow { enabled }").await;
    let (id, _) = app.create(order(1)).await;
    assert_eq!(
        order_of(&app, &id, "status pluginRuns { nodes { id } }").await,
        json!({"status": "IN_PROGRESS", "pluginRuns": {"nodes": []}})
    );
}

#[tokio::test]
async fn another_process_learns_of_a_workflow_by_itself() {
    let app = TestApp::start_with(2).await;
    let other = TestApp::beside(&app).await;
    // It has looked, and found none.
    other.create(order(1)).await;
    let (plugin_id, _) = plugin(&app, "checker", json!({"url": "https://plugins.example"})).await;
    workflow(&app, "checker", &plugin_id, "REJECT").await;
    until("an order that the other process holds up", async || {
        let (id, _) = other.create(order(1)).await;
        (order_of(&other, &id, "status").await == json!({"status": "INITIATED"})).then_some(())
    })
    .await;
    assert_eq!(run_statuses(&app).await, ["checker QUEUED"]);
}
