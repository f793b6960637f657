//! What sets workflows off, and what of it an order waits for.

use serde_json::{Value, json};

use super::{NO, gate::events, order_of, plugin, run_statuses};
use crate::harness::{PluginServer, TestApp, samples::order, text};

/// Saves a plugin and a workflow of one step, both named after the trigger.
async fn on(app: &TestApp, trigger: &str, server: &PluginServer) {
    let (id, _) = plugin(app, trigger, json!({"url": server.url})).await;
    let step = json!({"name": "check", "pluginId": id});
    let input = json!({"name": trigger, "trigger": trigger, "start": "check", "steps": [step]});
    app.change("pluginWorkflowCreate", input, "pluginWorkflow { id }").await;
}

/// Trigger, type of the event, and whether there is a work order, of each call.
fn calls(server: &PluginServer) -> Vec<String> {
    let line = |body: &Value| {
        let of = if body["workOrder"].is_null() { "order" } else { "work order" };
        format!("{} of {of}", text(&body["event"]["type"]))
    };
    server.calls().iter().map(|call| line(&call.body)).collect()
}

#[tokio::test]
async fn each_trigger_has_its_event() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    for trigger in
        ["ORDER_UPDATED", "ORDER_STATUS_CHANGED", "WORK_ORDER_CREATED", "WORK_ORDER_STATUS_CHANGED"]
    {
        on(&app, trigger, &server).await;
    }
    let (id, work_orders) = app.create(order(1)).await;
    // Nothing waits for runs after the fact.
    assert_eq!(order_of(&app, &id, "status").await, json!({"status": "IN_PROGRESS"}));
    assert_eq!(
        run_statuses(&app).await,
        ["WORK_ORDER_CREATED QUEUED", "ORDER_STATUS_CHANGED QUEUED", "ORDER_STATUS_CHANGED QUEUED"]
    );
    assert_eq!(app.settle().await, 3);
    app.change("orderUpdate", json!({"id": id, "clientName": "Acme"}), "cursor").await;
    app.change("workOrderUpdate", json!({"id": work_orders[0], "description": "x"}), "cursor").await;
    app.move_work_order(&work_orders[0], "START").await;
    assert_eq!(app.settle().await, 2);
    let mut seen = calls(&server);
    seen.sort();
    assert_eq!(
        seen,
        [
            "ORDER_STATUS_CHANGED of order",
            "ORDER_STATUS_CHANGED of order",
            "ORDER_UPDATED of order",
            "WORK_ORDER_CREATED of work order",
            "WORK_ORDER_STATUS_CHANGED of work order",
        ]
    );
    let document = "{ pluginRuns(first: 1) { nodes { trigger workOrder { id } } } }";
    assert_eq!(
        app.run(document).await.data()["pluginRuns"]["nodes"][0],
        json!({"trigger": "WORK_ORDER_STATUS_CHANGED", "workOrder": {"id": work_orders[0]}})
    );
    app.check_invariants().await;
}

#[tokio::test]
async fn a_rejection_after_the_fact_changes_nothing() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    on(&app, "ORDER_UPDATED", &server).await;
    let (id, _) = app.create(order(1)).await;
    app.change("orderUpdate", json!({"id": id, "clientName": "Acme"}), "cursor").await;
    server.answer(200, NO);
    app.settle().await;
    assert_eq!(run_statuses(&app).await, ["ORDER_UPDATED REJECTED"]);
    assert_eq!(order_of(&app, &id, "status version").await, json!({"status": "IN_PROGRESS", "version": 4}));
    assert_eq!(
        events(&app, 5).await,
        ["PLUGIN_RUN_FINISHED REJECTED NO_SERVICE nobody goes there plugin:ORDER_UPDATED 4"]
    );
}

const CANCELLATION: &str = "status statusExplanation cancellation {
    status reasonCode note failureReasonCode settledAt requestedBy
}";

/// An order whose cancellation was asked for, and waits.
async fn requested(app: &TestApp, server: &PluginServer) -> (String, Vec<String>) {
    on(app, "ORDER_CANCELLATION_REQUESTED", server).await;
    let (id, work_orders) = app.create(order(2)).await;
    let input = json!({"id": id, "reasonCode": "CHANGED_MIND", "note": "called"});
    let payload = app.change("orderCancel", input, "order { cancellation { status } }").await;
    assert_eq!(payload["order"]["cancellation"]["status"], json!("REQUESTED"));
    assert_eq!(
        order_of(app, &id, CANCELLATION).await,
        json!({
            "status": "IN_PROGRESS", "statusExplanation": "waits for the plugins' verdict on its cancellation",
            "cancellation": {
                "status": "REQUESTED", "reasonCode": "CHANGED_MIND", "note": "called",
                "failureReasonCode": null, "settledAt": null, "requestedBy": "local",
            },
        })
    );
    (id, work_orders)
}

#[tokio::test]
async fn a_cancellation_waits_for_its_plugins_and_is_carried_out_when_they_agree() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (id, _) = requested(&app, &server).await;
    // Asked again meanwhile, nothing changes.
    let before = app.stored().await;
    app.change("orderCancel", json!({"id": id, "reasonCode": "AGAIN"}), "order { id }").await;
    assert_eq!(app.stored().await, before);
    assert_eq!(app.settle().await, 1);
    assert_eq!(
        order_of(&app, &id, CANCELLATION).await,
        json!({
            "status": "CLOSED", "statusExplanation": "ended CANCELLED: it was called off",
            "cancellation": {
                "status": "COMPLETED", "reasonCode": "CHANGED_MIND", "note": "called",
                "failureReasonCode": null, "settledAt": "2026-03-01T08:00:00Z", "requestedBy": "local",
            },
        })
    );
    let actor = "plugin:ORDER_CANCELLATION_REQUESTED";
    assert_eq!(
        events(&app, 5).await,
        [
            "ORDER_CANCELLATION_CHANGED REQUESTED CHANGED_MIND called local 4".to_owned(),
            format!("PLUGIN_RUN_FINISHED PASSED {actor} 4"),
            format!("WORK_ORDER_STATUS_CHANGED CANCEL CANCELLED CHANGED_MIND called {actor} 2"),
            format!("WORK_ORDER_STATUS_CHANGED CANCEL CANCELLED CHANGED_MIND called {actor} 2"),
            format!("ORDER_STATUS_CHANGED CANCEL CLOSED CHANGED_MIND called {actor} 5"),
            format!("ORDER_CANCELLATION_CHANGED COMPLETED CHANGED_MIND called {actor} 6"),
        ]
    );
    app.check_invariants().await;
}

#[tokio::test]
async fn a_cancellation_that_a_plugin_objects_to_is_refused_with_its_reason() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    on(&app, "ORDER_STATUS_CHANGED", &PluginServer::start().await).await;
    let (id, work_orders) = requested(&app, &server).await;
    app.settle().await;
    let refused = order_of(&app, &id, CANCELLATION).await;
    assert_eq!(refused["status"], json!("CLOSED"), "the plugin passed: {refused}");

    let (id, more) = app.create(order(2)).await;
    app.change("orderCancel", json!({"id": id, "reasonCode": "CHANGED_MIND"}), "order { id }").await;
    server.answer(200, NO);
    app.settle().await;
    let cancellation = json!({
        "status": "REFUSED", "reasonCode": "CHANGED_MIND", "note": null, "failureReasonCode": "NO_SERVICE",
        "settledAt": "2026-03-01T08:00:00Z", "requestedBy": "local",
    });
    let order = order_of(&app, &id, CANCELLATION).await;
    assert_eq!((&order["status"], &order["cancellation"]), (&json!("IN_PROGRESS"), &cancellation));
    app.move_work_order(&more[0], "START").await;
    // It may be asked again, and is asked anew.
    let payload = app.change("orderCancel", json!({"id": id}), "order { cancellation { status } }").await;
    assert_eq!(payload["order"]["cancellation"]["status"], json!("REQUESTED"));
    assert_eq!(work_orders.len(), 2);
    app.check_invariants().await;
}

#[tokio::test]
async fn a_request_whose_order_settles_meanwhile_is_answered_and_its_run_dropped() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (id, work_orders) = requested(&app, &server).await;
    for work_order in &work_orders {
        app.move_work_order(work_order, "START").await;
        app.move_work_order(work_order, "COMPLETE").await;
    }
    let order = order_of(&app, &id, CANCELLATION).await;
    assert_eq!(
        (&order["status"], &order["cancellation"]["status"]),
        (&json!("EXECUTED"), &json!("REFUSED")),
        "{order}"
    );
    assert_eq!(run_statuses(&app).await, ["ORDER_CANCELLATION_REQUESTED FAILED"]);
    assert_eq!((app.settle().await, server.calls().len()), (0, 0));
    let finished = events(&app, 0).await.into_iter().find(|event| event.starts_with("PLUGIN_RUN_FINISHED"));
    assert_eq!(finished.unwrap().split(' ').nth(2), Some("CANCELLATION_SETTLED"));
    app.check_invariants().await;
}

#[tokio::test]
async fn a_change_made_by_a_plugin_sets_off_other_workflows_and_not_its_own() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    on(&app, "ORDER_INITIATED", &server).await;
    on(&app, "ORDER_STATUS_CHANGED", &server).await;
    app.create(order(1)).await;
    app.settle().await;
    assert_eq!(
        run_statuses(&app).await,
        ["ORDER_INITIATED PASSED", "ORDER_STATUS_CHANGED PASSED", "ORDER_STATUS_CHANGED PASSED"]
    );
    let depths: Vec<_> = app.stored().await.runs.iter().map(|run| run.depth).collect();
    assert_eq!(depths, [1, 2, 2]);
}
