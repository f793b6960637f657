//! `orderCancel`, and `orderTransition` with CANCEL: a request with an answer.

use serde_json::{Value, json};

use super::transition::show;
use crate::harness::{TestApp, samples};

#[tokio::test]
async fn cancel_closes_an_order_whose_goods_have_not_moved() {
    let app = TestApp::start().await;
    let (id, _) = app.create(samples::order(2)).await;
    let input = json!({"id": id, "event": "CANCEL", "reasonCode": "NO_LONGER_NEEDED", "note": "called"});
    app.change("orderTransition", input, "cursor").await;
    let order = show(&app, &id).await;
    let cancelled = json!({"status": "CANCELLED", "outcome": "CANCELLED", "direction": "FORWARD"});
    assert_eq!(
        order,
        json!({
            "status": "CLOSED", "phase": "SETTLED", "outcome": "CANCELLED", "version": 5,
            "cancellation": {
                "status": "COMPLETED", "requestedBy": "local", "reasonCode": "NO_LONGER_NEEDED", "note": "called",
                "settledAt": "2026-03-01T08:00:00Z"
            },
            "workOrders": [cancelled, cancelled], "statusExplanation": "ended CANCELLED: it was called off"
        })
    );
    assert_eq!(
        app.log().await[5..],
        [
            "WORK_ORDER_STATUS_CHANGED CANCELLED",
            "WORK_ORDER_STATUS_CHANGED CANCELLED",
            "ORDER_STATUS_CHANGED CLOSED",
            "ORDER_CANCELLATION_CHANGED COMPLETED",
        ]
    );
    app.check_invariants().await;
}

#[tokio::test]
async fn cancel_waits_for_goods_that_are_on_their_way_back() {
    let app = TestApp::start().await;
    let (id, work_orders) = app.create(samples::order(2)).await;
    app.move_work_order(&work_orders[0], "START").await;
    let input = json!({"id": id, "event": "CANCEL"});
    app.change("orderTransition", input.clone(), "cursor").await;
    let order = show(&app, &id).await;
    assert_eq!(
        json!([order["status"], order["cancellation"]["status"]]),
        json!(["IN_PROGRESS", "RETURNING"])
    );
    assert_eq!(order["cancellation"]["settledAt"], Value::Null);
    assert_eq!(
        app.log().await[6..],
        [
            "WORK_ORDER_STATUS_CHANGED CANCELLED",
            "WORK_ORDER_CREATED CREATED",
            "WORK_ORDER_STATUS_CHANGED CANCELLED",
            "ORDER_CANCELLATION_CHANGED RETURNING",
        ]
    );
    // Asked again it changes nothing and shows the standing one.
    let before = app.stored().await;
    let again = app.change("orderTransition", input, "order { cancellation { status } }").await;
    assert_eq!(again["order"]["cancellation"]["status"], json!("RETURNING"));
    assert_eq!(app.stored().await, before);

    let document = format!("{{ order(id: \"{id}\") {{ workOrders {{ id direction }} }} }}");
    let data = app.run(&document).await.data();
    assert_eq!(data["order"]["workOrders"][2]["direction"], json!("RETURN"));
    let back = data["order"]["workOrders"][2]["id"].as_str().unwrap();
    app.move_work_order(back, "START").await;
    app.move_work_order(back, "COMPLETE").await;
    let order = show(&app, &id).await;
    let shown = [&order["status"], &order["outcome"], &order["cancellation"]["status"]];
    assert_eq!(json!(shown), json!(["CLOSED", "CANCELLED", "COMPLETED"]));
    assert_eq!(
        app.log().await[11..],
        [
            "WORK_ORDER_STATUS_CHANGED COMPLETED",
            "ORDER_STATUS_CHANGED CLOSED",
            "ORDER_CANCELLATION_CHANGED COMPLETED",
        ]
    );
    app.check_invariants().await;
}

#[tokio::test]
async fn order_cancel_is_the_same_request() {
    let app = TestApp::start().await;
    let (id, work_orders) = app.create(samples::order(2)).await;
    app.move_work_order(&work_orders[1], "START").await;
    let input = json!({
        "id": id, "reasonCode": "NO_LONGER_NEEDED", "note": "called", "expectedVersion": 3, "idempotencyKey": "c"
    });
    let selection = "order { status version cancellation { status requestedAt requestedBy reasonCode note settledAt
                     failureReasonCode } workOrders { status direction returnOf { id } } } cursor idempotentReplay";
    let payload = app.change("orderCancel", input.clone(), selection).await;
    assert_eq!(
        payload["order"],
        json!({
            "status": "IN_PROGRESS", "version": 4,
            "cancellation": {
                "status": "RETURNING", "requestedAt": "2026-03-01T08:00:00Z", "requestedBy": "local",
                "reasonCode": "NO_LONGER_NEEDED", "note": "called", "settledAt": null, "failureReasonCode": null
            },
            "workOrders": [
                {"status": "CANCELLED", "direction": "FORWARD", "returnOf": null},
                {"status": "CANCELLED", "direction": "FORWARD", "returnOf": null},
                {"status": "CREATED", "direction": "RETURN", "returnOf": {"id": work_orders[1]}},
            ]
        })
    );
    let before = app.check_invariants().await;
    let again = app.change("orderCancel", input.clone(), "order { version } cursor idempotentReplay").await;
    assert_eq!(again["idempotentReplay"], json!(true));
    assert_eq!(again["cursor"], payload["cursor"]);
    let other = samples::with(input, "note", json!("wrote"));
    assert_eq!(app.refusals("orderCancel", other).await, ["IDEMPOTENCY_MISMATCH idempotencyKey"]);
    // Asked again without a key it changes nothing and shows the standing one.
    let standing =
        app.change("orderCancel", json!({"id": id}), "order { cancellation { status note } }").await;
    assert_eq!(standing["order"]["cancellation"], json!({"status": "RETURNING", "note": "called"}));
    assert_eq!(app.stored().await, before);
}

#[tokio::test]
async fn a_settled_order_refuses_every_cancellation() {
    let app = TestApp::start().await;
    let (done, work_orders) = app.create(samples::order(1)).await;
    app.move_work_order(&work_orders[0], "START").await;
    app.move_work_order(&work_orders[0], "COMPLETE").await;
    let (cancelled, _) = app.create(samples::order(1)).await;
    app.change("orderCancel", json!({"id": cancelled}), "cursor").await;
    for (id, status, allowed) in [(&done, "EXECUTED", "CLOSE"), (&cancelled, "CLOSED", "nothing")] {
        let errors = app.refuse("orderCancel", json!({"id": id})).await;
        let message = format!("CANCEL cannot happen in the state {status}; allowed there: {allowed}");
        assert_eq!(
            json!(errors),
            json!([{
                "__typename": "TransitionBlocked", "code": "TRANSITION_NOT_ALLOWED", "path": ["id"],
                "currentStatus": status, "blockedBy": [], "message": message
            }])
        );
    }
}

#[tokio::test]
async fn a_return_from_an_earlier_failure_goes_on() {
    let app = TestApp::start().await;
    let (id, work_orders) = app.create(samples::order(2)).await;
    app.move_work_order(&work_orders[0], "START").await;
    app.move_work_order(&work_orders[0], "FAIL").await;
    let selection = "order { status cancellation { status } workOrders { status } }";
    let payload = app.change("orderCancel", json!({"id": id}), selection).await;
    assert_eq!(
        payload["order"],
        json!({
            "status": "IN_PROGRESS", "cancellation": {"status": "RETURNING"},
            "workOrders": [{"status": "FAILED"}, {"status": "CANCELLED"}, {"status": "CREATED"}]
        })
    );
    app.check_invariants().await;
}

#[tokio::test]
async fn bad_input_is_named() {
    let app = TestApp::start().await;
    let (id, work_orders) = app.create(samples::order(1)).await;
    for (field, value, expected) in [
        ("id", json!(work_orders[0]), "INVALID id"),
        ("id", json!("ord_00000000000000000000000000"), "NOT_FOUND id"),
        ("reasonCode", json!("x".repeat(256)), "INVALID reasonCode"),
        ("note", json!("x".repeat(2_001)), "INVALID note"),
        ("note", json!("a\u{0}"), "INVALID note"),
        ("expectedVersion", json!(2), "CONFLICT expectedVersion"),
        ("idempotencyKey", json!("k".repeat(256)), "INVALID idempotencyKey"),
    ] {
        let input = samples::with(json!({"id": id}), field, value);
        assert_eq!(app.refusals("orderCancel", input.clone()).await, [expected], "{input}");
    }
}
