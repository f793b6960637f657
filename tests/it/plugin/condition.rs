//! Workflows with a condition.

use serde_json::json;

use super::{configured, order_of, plugin, refused, run_statuses};
use crate::harness::{
    PluginServer, TestApp,
    samples::{order, with},
    text,
};

/// Saves a workflow with a condition, and gives its id.
async fn conditional(app: &TestApp, plugin_id: &str, trigger: &str, condition: &str) -> String {
    let input = json!({
        "name": "only", "trigger": trigger, "condition": condition, "start": "check",
        "steps": [{"name": "check", "pluginId": plugin_id}],
    });
    let payload = app.change("pluginWorkflowCreate", input, "pluginWorkflow { id condition }").await;
    assert_eq!(payload["pluginWorkflow"]["condition"], json!(condition));
    text(&payload["pluginWorkflow"]["id"])
}

#[tokio::test]
async fn a_run_begins_only_where_the_condition_is_true() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    app.define("ORDER", &[("tier", "STRING")]).await;
    let (plugin_id, _) = plugin(&app, "checker", json!({"url": server.url})).await;
    let condition = "event.type == 'ORDER_CREATED' && order.customAttributes.tier == 'gold' && size(order.workOrders) == 1";
    let id = conditional(&app, &plugin_id, "ORDER_INITIATED", condition).await;
    let tier = |tier: &str| with(order(1), "customAttributes", json!({"tier": tier}));
    let mut states = Vec::new();
    // The last one has no such attribute, so that the condition has no value.
    for input in [tier("gold"), tier("silver"), order(1)] {
        let (order_id, _) = app.create(input).await;
        states.push(text(&order_of(&app, &order_id, "status").await["status"]));
    }
    assert_eq!(states, ["INITIATED", "IN_PROGRESS", "IN_PROGRESS"]);
    assert_eq!(run_statuses(&app).await, ["only QUEUED"]);
    assert_eq!(app.settle().await, 1);
    // Without a condition, every order waits.
    let input = json!({"id": id, "condition": null});
    let payload = app.change("pluginWorkflowUpdate", input, "pluginWorkflow { condition version }").await;
    assert_eq!(payload["pluginWorkflow"], json!({"condition": null, "version": 2}));
    let (order_id, _) = app.create(tier("silver")).await;
    assert_eq!(order_of(&app, &order_id, "status").await, json!({"status": "INITIATED"}));
}

#[tokio::test]
async fn a_condition_sees_the_work_order_and_the_order_as_they_are_after_the_event() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (plugin_id, _) = plugin(&app, "checker", json!({"url": server.url})).await;
    let condition = "event.toStatus == 'IN_PROGRESS' && workOrder.status == 'IN_PROGRESS' && workOrder.sequence == 2 \
                     && order.workOrders[1].status == 'IN_PROGRESS' && order.workOrders[0].status == 'IN_PROGRESS'";
    conditional(&app, &plugin_id, "WORK_ORDER_STATUS_CHANGED", condition).await;
    let (_, work_orders) = app.create(order(2)).await;
    app.move_work_order(&work_orders[0], "START").await;
    assert!(run_statuses(&app).await.is_empty());
    app.move_work_order(&work_orders[1], "START").await;
    assert_eq!(run_statuses(&app).await, ["only QUEUED"]);
    assert_eq!(app.settle().await, 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_condition_is_said_when_it_is_saved() {
    let app = TestApp::start().await;
    let (plugin_id, _) = plugin(&app, "checker", json!({"url": "https://plugins.example"})).await;
    let id = conditional(&app, &plugin_id, "ORDER_INITIATED", "true").await;
    for condition in ["", "order.", "run.id == ''", "fetch('http://x')"] {
        let input = json!({
            "name": "other", "trigger": "ORDER_INITIATED", "condition": condition, "start": "check",
            "steps": [{"name": "check", "pluginId": plugin_id}],
        });
        assert_eq!(
            refused(&app, "pluginWorkflowCreate", input).await.0,
            ["INVALID condition"],
            "{condition}"
        );
        let input = json!({"id": id, "condition": condition});
        assert_eq!(
            refused(&app, "pluginWorkflowUpdate", input).await.0,
            ["INVALID condition"],
            "{condition}"
        );
    }
    assert_eq!(configured(&app).await.1[0].condition.as_deref(), Some("true"));
}
