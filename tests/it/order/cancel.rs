//! `orderTransition` with CANCEL: a request with an answer.

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
