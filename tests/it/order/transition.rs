//! `orderTransition`.

use chrono::Duration;
use serde_json::{Value, json};

use crate::harness::{TestApp, samples};

const STATE: &str = "status phase outcome version cancellation { status requestedBy reasonCode note settledAt } \
                     workOrders { status outcome direction } statusExplanation";

pub(super) async fn show(app: &TestApp, id: &str) -> Value {
    app.run(&format!("{{ order(id: \"{id}\") {{ {STATE} }} }}")).await.data()["order"].clone()
}

/// Saves a workflow that no plugin ever answers, so that new orders stay INITIATED.
pub(super) async fn hold_intake(app: &TestApp) {
    let plugin = json!({"name": "serviceability", "http": {"url": "http://127.0.0.1:9/"}});
    let plugin = app.change("pluginCreate", plugin, "plugin { id }").await;
    let steps = json!([{"name": "check", "pluginId": plugin["plugin"]["id"]}]);
    let workflow = json!({"name": "intake", "trigger": "ORDER_INITIATED", "start": "check", "steps": steps});
    app.change("pluginWorkflowCreate", workflow, "pluginWorkflow { id }").await;
}

async fn execute_order(app: &TestApp) -> String {
    let (id, work_orders) = app.create(samples::order(1)).await;
    app.move_work_order(&work_orders[0], "START").await;
    app.move_work_order(&work_orders[0], "COMPLETE").await;
    id
}

#[tokio::test]
async fn an_executed_order_can_be_closed() {
    let app = TestApp::start().await;
    let id = execute_order(&app).await;
    app.advance(Duration::hours(1));
    let input = json!({
        "id": id, "event": "CLOSE", "expectedVersion": 4, "reasonCode": "PAID", "note": "by hand",
        "occurredAt": "2026-03-01T07:00:00+01:00"
    });
    let payload = app.change("orderTransition", input, "order { status } cursor idempotentReplay").await;
    assert_eq!(payload["order"]["status"], json!("CLOSED"));
    let order = show(&app, &id).await;
    let shown = [&order["status"], &order["phase"], &order["outcome"], &order["version"]];
    assert_eq!(json!(shown), json!(["CLOSED", "SETTLED", "SUCCEEDED", 5]));
    assert_eq!(order["statusExplanation"], json!("ended SUCCEEDED: 1 of 1 work order succeeded"));
    let document =
        "{ orderEvents(last: 1) { nodes { cursor type fromStatus toStatus transition reasonCode note actor
        entityVersion occurredAt recordedAt } } }";
    let event = app.run(document).await.data()["orderEvents"]["nodes"][0].clone();
    assert_eq!(
        event,
        json!({
            "cursor": payload["cursor"], "type": "ORDER_STATUS_CHANGED", "fromStatus": "EXECUTED", "toStatus": "CLOSED",
            "transition": "CLOSE", "reasonCode": "PAID", "note": "by hand", "actor": "local", "entityVersion": 5,
            "occurredAt": "2026-03-01T06:00:00Z", "recordedAt": "2026-03-01T09:00:00Z"
        })
    );
    app.check_invariants().await;
}

#[tokio::test]
async fn what_the_service_fires_itself_is_blocked_for_callers() {
    let app = TestApp::start().await;
    let (waiting, _) = app.create(samples::with(samples::order(1), "readyToProcess", json!(false))).await;
    let (running, _) = app.create(samples::order(2)).await;
    hold_intake(&app).await;
    let (initiated, _) = app.create(samples::order(1)).await;
    for (id, event, status, reason) in [
        (&initiated, "VALIDATE", "INITIATED", "VALIDATE waits for the plugins that gate intake"),
        (&waiting, "START", "CREATED", "START waits for the order's release: readyToProcess is false"),
        (
            &running,
            "EXECUTE",
            "IN_PROGRESS",
            "EXECUTE waits for 2 of 2 work orders: number 1 CREATED, number 2 CREATED",
        ),
    ] {
        let errors = app.refuse("orderTransition", json!({"id": id, "event": event})).await;
        assert_eq!(
            json!(errors),
            json!([{
                "__typename": "TransitionBlocked", "code": "BLOCKED", "path": ["event"], "currentStatus": status,
                "blockedBy": [reason], "message": format!("{event} is blocked in the state {status}: {reason}")
            }])
        );
    }
}

#[tokio::test]
async fn what_leads_nowhere_is_not_allowed() {
    let app = TestApp::start().await;
    let (running, _) = app.create(samples::order(1)).await;
    let executed = execute_order(&app).await;
    for (id, event, status, allowed) in [
        (&running, "CLOSE", "IN_PROGRESS", "CANCEL"),
        (&running, "VALIDATE", "IN_PROGRESS", "CANCEL"),
        (&running, "REJECT", "IN_PROGRESS", "CANCEL"),
        (&running, "close", "IN_PROGRESS", "CANCEL"),
        (&running, "FLY 🚁", "IN_PROGRESS", "CANCEL"),
        (&executed, "CANCEL", "EXECUTED", "CLOSE"),
        (&executed, "EXECUTE", "EXECUTED", "CLOSE"),
    ] {
        let errors = app.refuse("orderTransition", json!({"id": id, "event": event})).await;
        let message = format!("{event} cannot happen in the state {status}; allowed there: {allowed}");
        assert_eq!(
            json!(errors),
            json!([{
                "__typename": "TransitionBlocked", "code": "TRANSITION_NOT_ALLOWED", "path": ["event"],
                "currentStatus": status, "blockedBy": [], "message": message
            }])
        );
    }
}

#[tokio::test]
async fn bad_input_is_refused_with_code_and_path() {
    let app = TestApp::start().await;
    let (id, work_orders) = app.create(samples::order(1)).await;
    for (field, value, expected) in [
        ("id", json!(work_orders[0]), "INVALID id"),
        ("id", json!("ord_"), "INVALID id"),
        ("id", json!("ord_00000000000000000000000000"), "NOT_FOUND id"),
        ("event", json!(""), "REQUIRED event"),
        ("event", json!("E".repeat(256)), "INVALID event"),
        ("event", json!("\u{0}"), "INVALID event"),
        ("reasonCode", json!("r".repeat(256)), "INVALID reasonCode"),
        ("note", json!("n".repeat(2_001)), "INVALID note"),
        ("occurredAt", json!("2026-03-01T08:05:00.000001Z"), "INVALID occurredAt"),
        ("idempotencyKey", json!(""), "INVALID idempotencyKey"),
        ("expectedVersion", json!(4), "CONFLICT expectedVersion"),
    ] {
        let input = samples::with(json!({"id": id, "event": "CANCEL"}), field, value);
        assert_eq!(app.refusals("orderTransition", input.clone()).await, [expected], "{input}");
    }
}

#[tokio::test]
async fn an_order_that_waits_for_plugins_can_be_rejected_by_hand() {
    let app = TestApp::start().await;
    hold_intake(&app).await;
    let (id, _) = app.create(samples::order(2)).await;
    let order = show(&app, &id).await;
    assert_eq!(order["statusExplanation"], json!("waits for 1 plugin run that gates intake"));
    assert_eq!(order["status"], json!("INITIATED"));

    let input = json!({"id": id, "event": "REJECT", "reasonCode": "FRAUD"});
    app.change("orderTransition", input, "cursor").await;
    let order = show(&app, &id).await;
    let shown = [&order["status"], &order["phase"], &order["outcome"], &order["cancellation"]];
    assert_eq!(json!(shown), json!(["CLOSED", "SETTLED", "REJECTED", null]));
    let cancelled = json!({"status": "CANCELLED", "outcome": "CANCELLED", "direction": "FORWARD"});
    assert_eq!(order["workOrders"], json!([cancelled, cancelled]));
    assert_eq!(
        app.log().await[3..],
        [
            "ORDER_STATUS_CHANGED CLOSED",
            "WORK_ORDER_STATUS_CHANGED CANCELLED",
            "WORK_ORDER_STATUS_CHANGED CANCELLED",
            "PLUGIN_RUN_FINISHED FAILED",
        ]
    );
    // Nobody waits for the plugin any more.
    assert_eq!(app.settle().await, 0);
    app.check_invariants().await;
}

#[tokio::test]
async fn available_transitions_say_what_can_be_fired_now() {
    let app = TestApp::start().await;
    let (id, work_orders) = app.create(samples::order(1)).await;
    let document =
        format!("{{ order(id: \"{id}\") {{ availableTransitions {{ event code to allowed blockedBy }} }} }}");
    let cancel =
        json!({"event": "CANCEL", "code": "E-604", "to": "CLOSED", "allowed": true, "blockedBy": []});
    let blocked = ["EXECUTE waits for 1 of 1 work order: number 1 CREATED"];
    let execute = json!({"event": "EXECUTE", "code": "E-605", "to": "EXECUTED", "allowed": false, "blockedBy": blocked});
    assert_eq!(app.run(&document).await.data()["order"]["availableTransitions"], json!([cancel, execute]));
    app.move_work_order(&work_orders[0], "START").await;
    app.move_work_order(&work_orders[0], "COMPLETE").await;
    let close = json!({"event": "CLOSE", "code": "E-606", "to": "CLOSED", "allowed": true, "blockedBy": []});
    assert_eq!(app.run(&document).await.data()["order"]["availableTransitions"], json!([close]));
    app.change("orderTransition", json!({"id": id, "event": "CLOSE"}), "cursor").await;
    assert_eq!(app.run(&document).await.data()["order"]["availableTransitions"], json!([]));
}
