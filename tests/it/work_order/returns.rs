//! Goods that left their pickup in vain come back by a RETURN.

use serde_json::{Value, json};

use crate::harness::{TestApp, samples, text};

const PARTS: &str =
    "id sequence type direction status version attempts description returnOf { id } return { instruction }
    containers { containerId weight { value unit } } pickupQualityChecks { code } collectOnPickup { amount }
    collectOnDelivery { amount } customAttributes
    pickup { contact { name } location { facilityId address { city } } instruction }
    delivery { contact { name } location { facilityId address { city } } instruction }";

async fn work_orders(app: &TestApp, order: &str) -> Vec<Value> {
    let document = format!("{{ order(id: \"{order}\") {{ workOrders {{ {PARTS} }} }} }}");
    app.run(&document).await.data()["order"]["workOrders"].as_array().unwrap().clone()
}

/// A work order with everything that a return does or does not take over.
fn rich() -> Value {
    let mut work_order = samples::move_containers();
    work_order["description"] = json!("a parcel");
    work_order["pickup"]["instruction"] = json!("gate 4");
    work_order["pickup"]["contact"] = json!({"name": "Warehouse"});
    work_order["delivery"] = json!({"instruction": "2nd floor"});
    work_order["pickupQualityChecks"] = json!([{"code": "SEAL"}]);
    work_order["collectOnDelivery"] = json!({"amount": "5", "currency": "EUR"});
    work_order["customAttributes"] = json!({"a": 1});
    work_order
}

async fn start() -> TestApp {
    let app = TestApp::start().await;
    app.define("WORK_ORDER", &[("a", "NUMBER")]).await;
    app
}

#[tokio::test]
async fn a_started_work_order_that_fails_gets_a_return_to_its_pickup() {
    let app = start().await;
    let input = samples::with(samples::order(0), "workOrders", json!([rich(), samples::move_containers()]));
    let (order, ids) = app.create(input).await;
    app.move_work_order(&ids[0], "START").await;
    let fail = json!({"id": ids[0], "event": "FAIL", "reasonCode": "REFUSED", "note": "not wanted"});
    let payload = app.change("workOrderTransition", fail, "cursor workOrder { id status outcome }").await;
    assert_eq!(payload["workOrder"], json!({"id": ids[0], "status": "FAILED", "outcome": "FAILED"}));

    let all = work_orders(&app, &order).await;
    assert_eq!(all.len(), 3);
    let contact_at = |name: &str, facility: Value, city: Value, instruction: Value| {
        let address = if city.is_null() { Value::Null } else { json!({"city": city}) };
        json!({
            "contact": {"name": name}, "location": {"facilityId": facility, "address": address},
            "instruction": instruction
        })
    };
    let expected = json!({
        "id": all[2]["id"], "sequence": 3, "type": "MOVE_CONTAINERS", "direction": "RETURN", "status": "CREATED",
        "version": 1, "attempts": 0, "description": "a parcel", "returnOf": {"id": ids[0]}, "return": null,
        "containers": [{"containerId": "BOX-1", "weight": {"value": "12.50", "unit": "KILOGRAM"}}],
        "pickupQualityChecks": [], "collectOnPickup": null, "collectOnDelivery": null, "customAttributes": {},
        "pickup": contact_at("Asha Rao", Value::Null, json!("Bengaluru"), Value::Null),
        "delivery": contact_at("Warehouse", json!("WH-7"), Value::Null, json!("gate 4"))
    });
    assert_eq!(all[2], expected);

    let document = "{ orderEvents(last: 2) { nodes { cursor type workOrderId toStatus reasonCode note entityVersion } } }";
    let events = app.run(document).await.data()["orderEvents"]["nodes"].clone();
    assert_eq!(events[0]["workOrderId"], json!(ids[0]));
    assert_eq!(
        events[1],
        json!({
            "cursor": payload["cursor"], "type": "WORK_ORDER_CREATED", "workOrderId": all[2]["id"],
            "toStatus": "CREATED", "reasonCode": "REFUSED", "note": "not wanted", "entityVersion": 1
        })
    );
    app.check_invariants().await;
}

#[tokio::test]
async fn a_return_leads_to_the_return_stop_where_there_is_one() {
    let app = start().await;
    let mut work_order = rich();
    work_order["return"] = json!({"location": {"facilityId": "RET-9"}, "instruction": "dock 2"});
    let (order, ids) = app.create(samples::with(samples::order(0), "workOrders", json!([work_order]))).await;
    app.move_work_order(&ids[0], "START").await;
    app.move_work_order(&ids[0], "HOLD").await;
    app.move_work_order(&ids[0], "CANCEL").await;
    let back = &work_orders(&app, &order).await[1];
    let delivery = json!({
        "contact": null, "location": {"facilityId": "RET-9", "address": null}, "instruction": "dock 2"
    });
    assert_eq!(back["delivery"], delivery);
    assert_eq!(back["returnOf"]["id"], json!(ids[0]));
}

#[tokio::test]
async fn goods_that_never_left_need_no_return() {
    let app = start().await;
    let mut input = samples::order(2);
    input["workOrders"][1] = json!({"type": "PHYSICAL_SERVICE"});
    let (order, ids) = app.create(input).await;
    app.move_work_order(&ids[0], "CANCEL").await;
    app.move_work_order(&ids[1], "START").await;
    app.move_work_order(&ids[1], "FAIL").await;
    assert_eq!(work_orders(&app, &order).await.len(), 2);
    assert_eq!(app.log().await.last().map(String::as_str), Some("ORDER_STATUS_CHANGED EXECUTED"));
}

#[tokio::test]
async fn a_return_holds_the_order_open_and_one_that_fails_gets_none_of_its_own() {
    for (end, outcome) in [("COMPLETE", "PARTIALLY_SUCCEEDED"), ("FAIL", "PARTIALLY_SUCCEEDED")] {
        let app = start().await;
        let (order, ids) = app.create(samples::order(2)).await;
        for (id, events) in [(&ids[0], ["START", "COMPLETE"]), (&ids[1], ["START", "FAIL"])] {
            for event in events {
                app.move_work_order(id, event).await;
            }
        }
        let all = work_orders(&app, &order).await;
        let back = text(&all[2]["id"]);
        let document = format!("{{ order(id: \"{order}\") {{ status outcome statusExplanation }} }}");
        let waits = format!("waits for 1 of 3 work orders: {back} CREATED");
        assert_eq!(
            app.run(&document).await.data()["order"],
            json!({"status": "IN_PROGRESS", "outcome": null, "statusExplanation": waits})
        );
        app.move_work_order(&back, "START").await;
        app.move_work_order(&back, end).await;
        assert_eq!(
            app.run(&document).await.data()["order"],
            json!({
                "status": "EXECUTED", "outcome": outcome,
                "statusExplanation": "ended PARTIALLY_SUCCEEDED: 1 of 2 work orders succeeded"
            })
        );
        assert_eq!(work_orders(&app, &order).await.len(), 3);
        assert_eq!(app.log().await.last().map(String::as_str), Some("ORDER_STATUS_CHANGED EXECUTED"));
        app.check_invariants().await;
    }
}

#[tokio::test]
async fn a_return_may_be_the_hundred_and_first_work_order() {
    let app = start().await;
    let (order, ids) = app.create(samples::order(100)).await;
    app.move_work_order(&ids[40], "START").await;
    app.move_work_order(&ids[40], "FAIL").await;
    let all = work_orders(&app, &order).await;
    assert_eq!(all.len(), 101);
    assert_eq!(json!([all[100]["sequence"], all[100]["returnOf"]["id"]]), json!([101, ids[40]]));
}
