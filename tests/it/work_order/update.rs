//! `workOrderUpdate`: what it changes, and what it refuses.

use chrono::Duration;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{TestApp, samples, text};

const FIELDS: &str = "description pickup { contact { name } location { facilityId } instruction }
    delivery { slot { from to } promisedAt } return { location { facilityId } } containers { containerId }
    pickupQualityChecks { code required } collectOnPickup { amount currency } collectOnDelivery { amount currency }
    customAttributes version updatedAt updatedBy";

async fn show(app: &TestApp, id: &str) -> Value {
    app.run(&format!("{{ workOrder(id: \"{id}\") {{ {FIELDS} }} }}")).await.data()["workOrder"].clone()
}

fn full() -> Value {
    let mut input = samples::order(1);
    input["workOrders"][0] = json!({
        "type": "MOVE_CONTAINERS", "description": "two boxes",
        "pickup": {"contact": {"name": "Ravi"}, "location": {"facilityId": "WH-7"}, "instruction": "gate 3"},
        "delivery": {"promisedAt": "2026-03-02T08:00:00Z"}, "return": {"location": {"facilityId": "WH-8"}},
        "containers": [{"containerId": "BOX-1"}, {"containerId": "BOX-2"}],
        "pickupQualityChecks": [{"code": "SEAL"}], "collectOnPickup": {"amount": "1.00", "currency": "INR"},
        "collectOnDelivery": {"amount": "49.90", "currency": "INR"}, "customAttributes": {"a": 1, "b": {"x": 1}}
    });
    input
}

async fn start() -> TestApp {
    let app = TestApp::start().await;
    let attributes =
        [("a", "NUMBER"), ("b", "OBJECT"), ("c", "ARRAY"), ("gone", "STRING"), ("signedBy", "STRING")];
    app.define("WORK_ORDER", &attributes).await;
    app
}

#[tokio::test]
async fn each_field_changes_alone_and_stands_in_the_history() {
    let app = start().await;
    let (_, work_orders) = app.create(full()).await;
    let id = &work_orders[0];
    let mut version = 1;
    for (field, value, from, to) in [
        ("description", json!("one box"), json!("two boxes"), json!("one box")),
        (
            "pickup",
            json!({"contact": {"name": "Asha"}, "location": {"facilityId": "WH-9"}}),
            json!({"contact": "***", "location": {"facilityId": "WH-7"}, "instruction": "gate 3"}),
            json!({"contact": "***", "location": {"facilityId": "WH-9"}}),
        ),
        (
            "delivery",
            json!({"slot": {"from": "2026-03-02T08:00:00Z", "to": "2026-03-02T10:00:00+01:00"}}),
            json!({"promisedAt": "2026-03-02T08:00:00Z"}),
            json!({"slot": {"from": "2026-03-02T08:00:00Z", "to": "2026-03-02T09:00:00Z"}}),
        ),
        ("return", json!(null), json!({"location": {"facilityId": "WH-8"}}), json!(null)),
        (
            "containers",
            json!([{"containerId": "BOX-1"}]),
            json!([{"containerId": "BOX-1"}, {"containerId": "BOX-2"}]),
            json!([{"containerId": "BOX-1"}]),
        ),
        ("pickupQualityChecks", json!(null), json!([{"code": "SEAL", "required": true}]), json!([])),
        ("collectOnPickup", json!(null), json!({"amount": "1.00", "currency": "INR"}), json!(null)),
        (
            "collectOnDelivery",
            json!({"amount": "49.9", "currency": "INR"}),
            json!({"amount": "49.90", "currency": "INR"}),
            json!({"amount": "49.9", "currency": "INR"}),
        ),
    ] {
        let before = show(&app, id).await;
        app.advance(Duration::minutes(1));
        let selection = format!("workOrder {{ {FIELDS} }} cursor");
        let payload = app.change("workOrderUpdate", json!({"id": id, field: value}), &selection).await;
        version += 1;
        let after = show(&app, id).await;
        assert_eq!(payload["workOrder"], after);
        assert_eq!(json!([after["version"], after["updatedBy"]]), json!([version, "local"]));
        for (name, value) in before.as_object().unwrap() {
            let changes = name == field || name == "version" || name == "updatedAt";
            assert_eq!(*value != after[name], changes, "{name} by {field}");
        }
        let document =
            "{ orderEvents(last: 1) { nodes { cursor type changes entityVersion workOrderId fromStatus } } }";
        assert_eq!(
            app.run(document).await.data()["orderEvents"]["nodes"][0],
            json!({
                "cursor": payload["cursor"], "type": "WORK_ORDER_UPDATED", "entityVersion": version,
                "workOrderId": id, "fromStatus": null, "changes": {field: {"from": from, "to": to}}
            })
        );
    }
    let attributes = json!({"a": null, "b": {"y": 2}, "c": [1]});
    app.change("workOrderUpdate", json!({"id": id, "customAttributes": attributes}), "cursor").await;
    assert_eq!(show(&app, id).await["customAttributes"], json!({"b": {"y": 2}, "c": [1]}));
    app.check_invariants().await;
}

#[tokio::test]
async fn an_update_that_changes_nothing_writes_nothing() {
    let app = start().await;
    let (_, work_orders) = app.create(full()).await;
    let before = app.stored().await;
    let mut input = full()["workOrders"][0].clone();
    input.as_object_mut().unwrap().remove("type");
    for input in [json!({}), input, json!({"customAttributes": {"gone": null}})] {
        let input = samples::with(input, "id", json!(work_orders[0]));
        app.change("workOrderUpdate", input, "cursor").await;
        assert_eq!(app.stored().await, before);
    }
}

#[tokio::test]
async fn what_has_happened_is_not_rewritten() {
    let app = start().await;
    let (_, work_orders) = app.create(samples::order(1)).await;
    let id = &work_orders[0];
    app.move_work_order(id, "START").await;
    let money = json!({"amount": "1", "currency": "EUR"});
    let stop = json!({"location": {"facilityId": "X"}});
    let errors = app.refuse("workOrderUpdate", json!({"id": id, "pickup": stop, "description": "d"})).await;
    assert_eq!(
        json!(errors),
        json!([{
            "__typename": "InputError", "code": "BLOCKED", "path": ["pickup"],
            "message": "pickup changes only while the work order is PENDING: its work has begun"
        }])
    );
    let at_pickup = json!({"id": id, "pickupQualityChecks": [{"code": "SEAL"}], "collectOnPickup": money});
    assert_eq!(
        app.refusals("workOrderUpdate", at_pickup).await,
        ["BLOCKED pickupQualityChecks", "BLOCKED collectOnPickup"]
    );
    let still =
        json!({"id": id, "return": stop, "containers": [], "collectOnDelivery": money, "delivery": {}});
    app.change("workOrderUpdate", still, "cursor").await;
    app.move_work_order(id, "COMPLETE").await;
    let late = json!({"id": id, "return": null, "containers": [{"containerId": "Y"}], "collectOnDelivery": null,
        "delivery": {"instruction": "ring"}});
    assert_eq!(
        app.refusals("workOrderUpdate", late).await,
        ["BLOCKED containers", "BLOCKED delivery", "BLOCKED return", "BLOCKED collectOnDelivery"]
    );
    let always = json!({"id": id, "description": "done", "customAttributes": {"signedBy": "A"}});
    app.change("workOrderUpdate", always, "cursor").await;
    app.check_invariants().await;
}

#[tokio::test]
async fn bad_changes_are_refused_with_code_and_path() {
    let app = start().await;
    let mut input = samples::order(1);
    input["workOrders"] = json!([samples::move_containers(), {"type": "DIGITAL_SERVICE"}]);
    let (order, work_orders) = app.create(input).await;
    let id = &work_orders[0];
    for (field, value, expected) in [
        ("id", json!(order), "INVALID id"),
        ("id", json!("wo_00000000000000000000000000"), "NOT_FOUND id"),
        ("expectedVersion", json!(2), "CONFLICT expectedVersion"),
        ("idempotencyKey", json!(""), "INVALID idempotencyKey"),
        ("description", json!("x".repeat(2_001)), "INVALID description"),
        ("pickup", json!(null), "REQUIRED pickup"),
        ("pickup", json!({"location": {}}), "REQUIRED pickup.location"),
        (
            "return",
            json!({"location": {"geo": {"latitude": 91.0, "longitude": 0.0}}}),
            "REQUIRED return.location",
        ),
        ("delivery", json!({"serviceTimeSeconds": -1}), "INVALID delivery.serviceTimeSeconds"),
        ("containers", json!([{"containerId": ""}]), "REQUIRED containers.0.containerId"),
        ("containers", json!([{"containerId": "x", "attributes": []}]), "INVALID containers.0.attributes"),
        ("pickupQualityChecks", json!([{"code": "\u{0}"}]), "INVALID pickupQualityChecks.0.code"),
        ("collectOnPickup", json!({"amount": "-1", "currency": "EUR"}), "INVALID collectOnPickup.amount"),
        ("collectOnDelivery", json!({"amount": "1", "currency": "€"}), "INVALID collectOnDelivery.currency"),
        ("customAttributes", json!(null), "INVALID customAttributes"),
        ("customAttributes", json!({"": 1}), "INVALID customAttributes."),
    ] {
        let input = samples::with(json!({"id": id, "description": "new"}), field, value);
        let errors = app.refusals("workOrderUpdate", input.clone()).await;
        assert_eq!(errors[0], expected, "{input}");
    }
    let stop = json!({"location": {"facilityId": "X"}});
    let nowhere = json!({"id": work_orders[1], "pickup": stop, "return": stop});
    assert_eq!(app.refusals("workOrderUpdate", nowhere).await, ["INVALID pickup", "INVALID return"]);
}

#[tokio::test]
async fn a_return_leads_somewhere() {
    let app = start().await;
    let (_, work_orders) = app.create(samples::order(1)).await;
    app.move_work_order(&work_orders[0], "START").await;
    app.move_work_order(&work_orders[0], "FAIL").await;
    let document = "{ orders { nodes { workOrders { id direction } } } }";
    let data = app.run(document).await.data();
    let back = text(&data["orders"]["nodes"][0]["workOrders"][1]["id"]);
    assert_eq!(
        app.refusals("workOrderUpdate", json!({"id": back, "return": null})).await,
        ["REQUIRED return"]
    );
    let input = json!({"id": back, "return": {"location": {"facilityId": "WH-9"}}});
    let payload = app
        .change(
            "workOrderUpdate",
            input,
            "workOrder { delivery { location { facilityId } } return { instruction } }",
        )
        .await;
    assert_eq!(
        payload["workOrder"],
        json!({"delivery": {"location": {"facilityId": "WH-9"}}, "return": null})
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_different_fields_and_a_transition_all_win() {
    let one = TestApp::start_with(4).await;
    for index in 0..8 {
        one.define("WORK_ORDER", &[(&format!("key{index}"), "NUMBER")]).await;
    }
    let other = TestApp::beside(&one).await;
    let (_, work_orders) = one.create(samples::order(1)).await;
    let id = &work_orders[0];
    let mut changes =
        vec![json!({"description": "D"}), json!({"collectOnDelivery": {"amount": "1", "currency": "EUR"}})];
    changes.extend((0..8).map(|index| json!({"customAttributes": {format!("key{index}"): index}})));
    let calls = changes.iter().enumerate().map(|(index, changes)| {
        let input = samples::with(changes.clone(), "id", json!(id));
        [&one, &other][index % 2].change("workOrderUpdate", input, "cursor")
    });
    tokio::join!(join_all(calls), one.move_work_order(id, "START"));
    let attributes: serde_json::Map<String, Value> =
        (0..8).map(|index| (format!("key{index}"), json!(index))).collect();
    let data = one
        .run(&format!(
            "{{ workOrder(id: \"{id}\") {{ description collectOnDelivery {{ amount }} customAttributes status version }} }}"
        ))
        .await
        .data();
    assert_eq!(
        data["workOrder"],
        json!({
            "description": "D", "collectOnDelivery": {"amount": "1"}, "customAttributes": attributes,
            "status": "IN_PROGRESS", "version": 12
        })
    );
    one.check_invariants().await;
}

#[tokio::test]
async fn a_key_that_was_used_gives_the_first_answer_again() {
    let app = start().await;
    let (_, work_orders) = app.create(full()).await;
    let input = json!({"id": work_orders[0], "description": "new", "idempotencyKey": "u"});
    let first = app.change("workOrderUpdate", input.clone(), "cursor idempotentReplay").await;
    app.change("workOrderUpdate", json!({"id": work_orders[0], "description": "newer"}), "cursor").await;
    let before = app.stored().await;
    let again = app
        .change("workOrderUpdate", input.clone(), "workOrder { description } cursor idempotentReplay")
        .await;
    assert_eq!(
        again,
        json!({
            "workOrder": {"description": "newer"}, "cursor": first["cursor"], "idempotentReplay": true, "userErrors": []
        })
    );
    assert_eq!(app.stored().await, before);
    // Null asks for something else than absence.
    let cleared = samples::with(input, "collectOnPickup", json!(null));
    assert_eq!(app.refusals("workOrderUpdate", cleared).await, ["IDEMPOTENCY_MISMATCH idempotencyKey"]);
}
