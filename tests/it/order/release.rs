//! `orderRelease`: once, one way.

use serde_json::{Value, json};

use super::transition::hold_intake;
use crate::harness::{TestApp, samples};

fn unreleased(count: usize) -> Value {
    samples::with(samples::order(count), "readyToProcess", json!(false))
}

#[tokio::test]
async fn a_release_lets_the_work_begin() {
    let app = TestApp::start().await;
    let (id, work_orders) = app.create(unreleased(2)).await;
    let errors = app.refuse("workOrderTransition", json!({"id": work_orders[0], "event": "START"})).await;
    assert_eq!(errors[0]["code"], json!("BLOCKED"));
    assert_eq!(errors[0]["blockedBy"], json!(["the order is CREATED and not active"]));

    let selection = "order { status phase readyToProcess version } cursor idempotentReplay";
    let payload = app.change("orderRelease", json!({"id": id, "expectedVersion": 2}), selection).await;
    let released = json!({"status": "IN_PROGRESS", "phase": "ACTIVE", "readyToProcess": true, "version": 3});
    assert_eq!(payload["order"], released);
    let document = "{ orderEvents(last: 1) { nodes { cursor type transition fromStatus toStatus changes actor entityVersion } } }";
    assert_eq!(
        app.run(document).await.data()["orderEvents"]["nodes"][0],
        json!({
            "cursor": payload["cursor"], "type": "ORDER_STATUS_CHANGED", "transition": "START",
            "fromStatus": "CREATED", "toStatus": "IN_PROGRESS", "actor": "local", "entityVersion": 3,
            "changes": {"readyToProcess": {"from": false, "to": true}}
        })
    );
    app.move_work_order(&work_orders[0], "START").await;
    app.check_invariants().await;
}

#[tokio::test]
async fn a_second_release_is_refused() {
    let app = TestApp::start().await;
    let (id, work_orders) = app.create(unreleased(1)).await;
    app.change("orderRelease", json!({"id": id}), "cursor").await;
    let (born_ready, _) = app.create(samples::order(1)).await;
    for id in [&id, &born_ready] {
        let errors = app.refuse("orderRelease", json!({"id": id})).await;
        assert_eq!(
            json!(errors),
            json!([{
                "__typename": "TransitionBlocked", "code": "TRANSITION_NOT_ALLOWED", "path": ["id"],
                "currentStatus": "IN_PROGRESS", "blockedBy": [],
                "message": "START cannot happen in the state IN_PROGRESS; allowed there: CANCEL"
            }])
        );
    }
    app.move_work_order(&work_orders[0], "START").await;
    app.move_work_order(&work_orders[0], "COMPLETE").await;
    assert_eq!(app.refusals("orderRelease", json!({"id": id})).await, ["TRANSITION_NOT_ALLOWED id"]);
}

#[tokio::test]
async fn an_order_at_intake_cannot_be_released_yet() {
    let app = TestApp::start().await;
    hold_intake(&app).await;
    let (id, _) = app.create(unreleased(1)).await;
    let errors = app.refuse("orderRelease", json!({"id": id})).await;
    assert_eq!(errors[0]["code"], json!("BLOCKED"));
    assert_eq!(errors[0]["currentStatus"], json!("INITIATED"));
    assert_eq!(errors[0]["blockedBy"], json!(["START waits for intake: the order is not validated yet"]));
}

#[tokio::test]
async fn a_cancelled_order_cannot_be_released() {
    let app = TestApp::start().await;
    let (id, _) = app.create(unreleased(1)).await;
    app.change("orderCancel", json!({"id": id}), "cursor").await;
    assert_eq!(app.refusals("orderRelease", json!({"id": id})).await, ["TRANSITION_NOT_ALLOWED id"]);
}

#[tokio::test]
async fn bad_input_is_named() {
    let app = TestApp::start().await;
    let (id, work_orders) = app.create(unreleased(1)).await;
    for (input, expected) in [
        (json!({"id": work_orders[0]}), "INVALID id"),
        (json!({"id": "ord_00000000000000000000000000"}), "NOT_FOUND id"),
        (json!({"id": id, "idempotencyKey": ""}), "INVALID idempotencyKey"),
        (json!({"id": id, "expectedVersion": 1}), "CONFLICT expectedVersion"),
    ] {
        assert_eq!(app.refusals("orderRelease", input).await, [expected]);
    }
}
