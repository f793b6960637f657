//! How the work orders of an order depend on each other.

use serde_json::{Value, json};

use crate::harness::{TestApp, samples};

async fn create(app: &TestApp, flow: &str, count: usize) -> (String, Vec<String>) {
    app.create(samples::with(samples::order(count), "workOrderFlow", json!(flow))).await
}

async fn statuses(app: &TestApp, order: &str) -> Value {
    let document =
        format!("{{ order(id: \"{order}\") {{ status outcome workOrders {{ status direction }} }} }}");
    let order = app.run(&document).await.data()["order"].clone();
    let work_orders = order["workOrders"].as_array().unwrap().iter();
    let work_orders = work_orders.map(|it| {
        let mark = if it["direction"] == json!("RETURN") { "<" } else { "" };
        format!("{mark}{}", it["status"].as_str().unwrap())
    });
    json!([order["status"], order["outcome"], work_orders.collect::<Vec<_>>().join(" ")])
}

async fn blocked_by(app: &TestApp, id: &str) -> Value {
    let document = format!("{{ workOrder(id: \"{id}\") {{ blockedBy {{ id }} }} }}");
    app.run(&document).await.data()["workOrder"]["blockedBy"].clone()
}

#[tokio::test]
async fn started_together_they_start_in_any_order() {
    let app = TestApp::start().await;
    let (order, ids) = create(&app, "START_TOGETHER", 3).await;
    for index in [2, 0, 1] {
        assert_eq!(blocked_by(&app, &ids[index]).await, json!([]));
        app.move_work_order(&ids[index], "START").await;
    }
    assert_eq!(
        statuses(&app, &order).await,
        json!(["IN_PROGRESS", null, "IN_PROGRESS IN_PROGRESS IN_PROGRESS"])
    );
    // One that fails does not mind the others.
    app.move_work_order(&ids[1], "FAIL").await;
    assert_eq!(
        statuses(&app, &order).await,
        json!(["IN_PROGRESS", null, "IN_PROGRESS FAILED IN_PROGRESS <CREATED"])
    );
}

#[tokio::test]
async fn in_sequence_each_waits_for_those_before_it() {
    let app = TestApp::start().await;
    let (order, ids) = create(&app, "SEQUENTIAL", 3).await;
    assert_eq!(blocked_by(&app, &ids[0]).await, json!([]));
    assert_eq!(blocked_by(&app, &ids[2]).await, json!([{"id": ids[0]}, {"id": ids[1]}]));
    let start = |index: usize| json!({"id": ids[index], "event": "START"});
    let errors = app.refuse("workOrderTransition", start(2)).await;
    assert_eq!(
        json!(errors),
        json!([{
            "__typename": "TransitionBlocked", "code": "BLOCKED", "path": ["event"], "currentStatus": "CREATED",
            "blockedBy": ["work order 1 is CREATED", "work order 2 is CREATED"],
            "message": "START is blocked in the state CREATED: work order 1 is CREATED; work order 2 is CREATED"
        }])
    );
    // One that was called off stands in nobody's way.
    app.move_work_order(&ids[0], "CANCEL").await;
    app.move_work_order(&ids[1], "START").await;
    assert_eq!(blocked_by(&app, &ids[2]).await, json!([{"id": ids[1]}]));
    let errors = app.refuse("workOrderTransition", start(2)).await;
    assert_eq!(errors[0]["blockedBy"], json!(["work order 2 is IN_PROGRESS"]));
    app.move_work_order(&ids[1], "COMPLETE").await;
    assert_eq!(blocked_by(&app, &ids[2]).await, json!([]));
    app.move_work_order(&ids[2], "START").await;
    app.move_work_order(&ids[2], "COMPLETE").await;
    assert_eq!(
        statuses(&app, &order).await,
        json!(["EXECUTED", "PARTIALLY_SUCCEEDED", "CANCELLED COMPLETED COMPLETED"])
    );
}

#[tokio::test]
async fn in_sequence_a_failure_cancels_what_has_not_begun() {
    let app = TestApp::start().await;
    let (order, ids) = create(&app, "SEQUENTIAL", 4).await;
    app.move_work_order(&ids[0], "START").await;
    app.move_work_order(&ids[0], "COMPLETE").await;
    app.move_work_order(&ids[1], "START").await;
    app.move_work_order(&ids[1], "FAIL").await;
    assert_eq!(
        statuses(&app, &order).await,
        json!(["IN_PROGRESS", null, "COMPLETED FAILED CANCELLED CANCELLED <CREATED"])
    );
    assert_eq!(
        app.log().await[10..],
        [
            "WORK_ORDER_STATUS_CHANGED FAILED",
            "WORK_ORDER_CREATED CREATED",
            "WORK_ORDER_STATUS_CHANGED CANCELLED",
            "WORK_ORDER_STATUS_CHANGED CANCELLED",
        ]
    );
    // The flow does not bind a return.
    let document = format!("{{ order(id: \"{order}\") {{ workOrders {{ id }} }} }}");
    let back = app.run(&document).await.data()["order"]["workOrders"][4]["id"].as_str().unwrap().to_owned();
    app.move_work_order(&back, "START").await;
    app.move_work_order(&back, "COMPLETE").await;
    assert_eq!(
        statuses(&app, &order).await,
        json!(["EXECUTED", "PARTIALLY_SUCCEEDED", "COMPLETED FAILED CANCELLED CANCELLED <COMPLETED"])
    );
    app.check_invariants().await;
}

#[tokio::test]
async fn all_or_nothing_one_failure_brings_everything_back() {
    let app = TestApp::start().await;
    let (order, ids) = create(&app, "COMPLETE_TOGETHER", 4).await;
    for id in &ids[..3] {
        app.move_work_order(id, "START").await;
    }
    app.move_work_order(&ids[0], "COMPLETE").await;
    app.move_work_order(&ids[1], "FAIL").await;
    // The completed one, the failed one and the one under way moved goods; the fourth never began.
    assert_eq!(
        statuses(&app, &order).await,
        json!(["IN_PROGRESS", null, "COMPLETED FAILED CANCELLED CANCELLED <CREATED <CREATED <CREATED"])
    );
    let document = format!("{{ order(id: \"{order}\") {{ workOrders {{ id returnOf {{ sequence }} }} }} }}");
    let data = app.run(&document).await.data();
    let all = data["order"]["workOrders"].as_array().unwrap();
    let mut originals: Vec<_> =
        all[4..].iter().map(|it| it["returnOf"]["sequence"].as_i64().unwrap()).collect();
    originals.sort_unstable();
    assert_eq!(originals, [1, 2, 3]);
    for work_order in &all[4..] {
        app.move_work_order(work_order["id"].as_str().unwrap(), "START").await;
        app.move_work_order(work_order["id"].as_str().unwrap(), "COMPLETE").await;
    }
    assert_eq!(
        statuses(&app, &order).await,
        json!([
            "EXECUTED",
            "FAILED",
            "COMPLETED FAILED CANCELLED CANCELLED <COMPLETED <COMPLETED <COMPLETED"
        ])
    );
    app.check_invariants().await;
}

#[tokio::test]
async fn all_or_nothing_with_every_success_succeeds() {
    let app = TestApp::start().await;
    let (order, ids) = create(&app, "COMPLETE_TOGETHER", 2).await;
    for id in &ids {
        app.move_work_order(id, "START").await;
        app.move_work_order(id, "COMPLETE").await;
    }
    assert_eq!(statuses(&app, &order).await, json!(["EXECUTED", "SUCCEEDED", "COMPLETED COMPLETED"]));
}
