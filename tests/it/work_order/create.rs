//! `workOrderCreate`: work that comes to a standing order.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{TestApp, samples, text};

const SELECTION: &str = "workOrder { id sequence direction status phase version lifecycleVersion attempts
    returnOf { id } order { id version status } containers { containerId } pickup { location { facilityId } }
    delivery { location { facilityId address { city } } promisedAt } return { location { facilityId } } }
    cursor idempotentReplay";

fn forward(order: &str) -> Value {
    json!({"orderId": order, "workOrder": samples::move_containers()})
}

#[tokio::test]
async fn a_standing_order_gets_another_work_order() {
    let app = TestApp::start().await;
    let (id, work_orders) = app.create(samples::order(1)).await;
    app.move_work_order(&work_orders[0], "START").await;
    let payload = app.change("workOrderCreate", forward(&id), SELECTION).await;
    let mut shown = payload["workOrder"].clone();
    let born = text(&shown["id"]);
    shown["id"].take();
    assert_eq!(
        shown,
        json!({
            "id": null, "sequence": 2, "direction": "FORWARD", "status": "CREATED", "phase": "PENDING", "version": 1,
            "lifecycleVersion": 1, "attempts": 0, "returnOf": null,
            "order": {"id": id, "version": 3, "status": "IN_PROGRESS"},
            "containers": [{"containerId": "BOX-1"}], "pickup": {"location": {"facilityId": "WH-7"}}, "return": null,
            "delivery": {"location": {"facilityId": null, "address": {"city": "Bengaluru"}}, "promisedAt": null}
        })
    );
    assert_eq!(app.log().await.last().unwrap(), "WORK_ORDER_CREATED CREATED");
    // The order waits for it.
    app.move_work_order(&work_orders[0], "COMPLETE").await;
    app.move_work_order(&born, "START").await;
    app.move_work_order(&born, "COMPLETE").await;
    assert_eq!(app.log().await.last().unwrap(), "ORDER_STATUS_CHANGED EXECUTED");
    app.check_invariants().await;
}

#[tokio::test]
async fn a_return_by_hand_brings_back_the_goods_of_its_original() {
    let app = TestApp::start().await;
    let (id, work_orders) = app.create(samples::order(1)).await;
    let returned = json!({"orderId": id, "direction": "RETURN", "returnOf": work_orders[0],
        "workOrder": {"type": "MOVE_CONTAINERS", "delivery": {"promisedAt": "2026-03-02T08:00:00Z"}}});
    let payload = app.change("workOrderCreate", returned, SELECTION).await;
    let shown = &payload["workOrder"];
    assert_eq!(
        json!([shown["sequence"], shown["direction"], shown["returnOf"], shown["containers"]]),
        json!([2, "RETURN", {"id": work_orders[0]}, [{"containerId": "BOX-1"}]])
    );
    assert_eq!(
        shown["delivery"],
        json!({"location": {"facilityId": "WH-7", "address": null}, "promisedAt": "2026-03-02T08:00:00Z"})
    );
    // It holds the order open, and does not lower its outcome.
    app.move_work_order(&work_orders[0], "START").await;
    app.move_work_order(&work_orders[0], "COMPLETE").await;
    let back = text(&shown["id"]);
    app.move_work_order(&back, "START").await;
    app.move_work_order(&back, "FAIL").await;
    let order = app.run(&format!("{{ order(id: \"{id}\") {{ status outcome }} }}")).await.data();
    assert_eq!(order["order"], json!({"status": "EXECUTED", "outcome": "SUCCEEDED"}));
    app.check_invariants().await;
}

#[tokio::test]
async fn a_return_may_say_what_it_brings_where() {
    let app = TestApp::start().await;
    let (id, work_orders) = app.create(samples::order(1)).await;
    let mut work_order = json!({
        "type": "MOVE_CONTAINERS", "return": {"location": {"facilityId": "REPAIR-1"}},
        "containers": [{"containerId": "OLD-FRIDGE"}]
    });
    for original in [json!(work_orders[0]), json!(null)] {
        let input =
            json!({"orderId": id, "direction": "RETURN", "returnOf": original, "workOrder": work_order});
        let payload = app.change("workOrderCreate", input, SELECTION).await;
        let shown = &payload["workOrder"];
        assert_eq!(
            json!([
                shown["returnOf"]["id"],
                shown["containers"],
                shown["delivery"]["location"]["facilityId"]
            ]),
            json!([original, [{"containerId": "OLD-FRIDGE"}], "REPAIR-1"])
        );
    }
    work_order["return"].take();
    let input = json!({"orderId": id, "direction": "RETURN", "workOrder": work_order});
    assert_eq!(app.refusals("workOrderCreate", input).await, ["REQUIRED returnOf"]);
}

#[tokio::test]
async fn bad_input_is_named_and_changes_nothing() {
    let app = TestApp::start().await;
    let (id, work_orders) = app.create(samples::order(1)).await;
    let (other, strangers) = app.create(samples::order(1)).await;
    let service = json!({"type": "PHYSICAL_SERVICE"});
    for (field, value, expected) in [
        ("orderId", json!(work_orders[0]), vec!["INVALID orderId"]),
        ("orderId", json!("ord_00000000000000000000000000"), vec!["NOT_FOUND orderId"]),
        ("returnOf", json!(work_orders[0]), vec!["INVALID returnOf"]),
        ("returnOf", json!(other), vec!["INVALID returnOf"]),
        ("expectedOrderVersion", json!(2), vec!["CONFLICT expectedOrderVersion"]),
        ("idempotencyKey", json!(""), vec!["INVALID idempotencyKey"]),
        ("workOrder", json!({"type": "MOVE_CONTAINERS"}), vec!["REQUIRED workOrder.pickup"]),
        (
            "workOrder",
            json!({"type": "DIGITAL_SERVICE", "return": {"location": {}}, "customAttributes": []}),
            vec![
                "INVALID workOrder.customAttributes",
                "INVALID workOrder.return",
                "REQUIRED workOrder.return.location",
            ],
        ),
    ] {
        let input = samples::with(forward(&id), field, value);
        assert_eq!(app.refusals("workOrderCreate", input.clone()).await, expected, "{input}");
    }
    let back = |original: &str, work_order: Value| json!({"orderId": id, "direction": "RETURN", "returnOf": original, "workOrder": work_order});
    let errors = app.refuse("workOrderCreate", back(&strangers[0], samples::move_containers())).await;
    let message =
        format!("{} belongs to another order: a RETURN brings back goods of its own order", strangers[0]);
    assert_eq!(
        json!(errors),
        json!([{"__typename": "InputError", "code": "INVALID", "path": ["returnOf"], "message": message}])
    );
    let unknown = "wo_00000000000000000000000000";
    for (original, work_order, expected) in [
        (unknown, samples::move_containers(), "NOT_FOUND returnOf"),
        (&work_orders[0], service, "INVALID workOrder.type"),
    ] {
        assert_eq!(app.refusals("workOrderCreate", back(original, work_order)).await, [expected]);
    }
}

#[tokio::test]
async fn an_order_that_takes_nothing_on_says_why() {
    let app = TestApp::start().await;
    let (settled, work_orders) = app.create(samples::order(1)).await;
    app.move_work_order(&work_orders[0], "CANCEL").await;
    let errors = app.refuse("workOrderCreate", forward(&settled)).await;
    assert_eq!(
        json!(errors),
        json!([{
            "__typename": "TransitionBlocked", "code": "BLOCKED", "path": ["orderId"], "currentStatus": "EXECUTED",
            "blockedBy": ["the order is EXECUTED and settled"],
            "message": "the order takes on no such work order: the order is EXECUTED and settled"
        }])
    );
    let (returning, work_orders) = app.create(samples::order(1)).await;
    app.move_work_order(&work_orders[0], "START").await;
    app.change("orderCancel", json!({"id": returning}), "cursor").await;
    let errors = app.refuse("workOrderCreate", forward(&returning)).await;
    assert_eq!(errors[0]["blockedBy"], json!(["the order is being cancelled"]));
    let (full, _) = app.create(samples::order(100)).await;
    assert_eq!(app.refusals("workOrderCreate", forward(&full)).await, ["LIMIT_EXCEEDED orderId"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_makes_one_work_order_also_at_once_and_across_processes() {
    let one = TestApp::start_with(4).await;
    let other = TestApp::beside(&one).await;
    let (id, _) = one.create(samples::order(1)).await;
    let input = samples::with(forward(&id), "idempotencyKey", json!("w"));
    let calls =
        (0..8).map(|index| [&one, &other][index % 2].change("workOrderCreate", input.clone(), SELECTION));
    let answers = join_all(calls).await;
    let first = answers.iter().find(|answer| answer["idempotentReplay"] == json!(false)).unwrap();
    assert_eq!(answers.iter().filter(|answer| answer["idempotentReplay"] == json!(true)).count(), 7);
    for answer in &answers {
        assert_eq!(answer["workOrder"]["id"], first["workOrder"]["id"]);
        assert_eq!(answer["cursor"], first["cursor"]);
    }
    assert_eq!(one.check_invariants().await.work_orders.len(), 2);
    let different = samples::with(input, "direction", json!("RETURN"));
    assert_eq!(
        one.refusals(
            "workOrderCreate",
            samples::with(different, "returnOf", json!(first["workOrder"]["id"]))
        )
        .await,
        ["IDEMPOTENCY_MISMATCH idempotencyKey"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_orders_that_come_at_once_get_numbers_of_their_own() {
    let one = TestApp::start_with(4).await;
    let other = TestApp::beside(&one).await;
    let (id, _) = one.create(samples::order(1)).await;
    let calls = (0..8).map(|index| {
        [&one, &other][index % 2].change("workOrderCreate", forward(&id), "workOrder { sequence }")
    });
    let mut numbers: Vec<_> = join_all(calls)
        .await
        .iter()
        .map(|answer| answer["workOrder"]["sequence"].as_i64().unwrap())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (2..=9).collect::<Vec<_>>());
    one.check_invariants().await;
}
