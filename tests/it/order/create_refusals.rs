//! `orderCreate`: bad input is named, all of it at once, and nothing is written.

use serde_json::{Value, json};

use crate::harness::{TestApp, code_and_path, samples};

/// A sample with the value at a path such as `workOrders.0.pickup` set.
pub(super) fn set(path: &str, value: Value) -> Value {
    let mut input = samples::with(samples::order(1), "idempotencyKey", json!("k"));
    let pointer = format!("/{}", path.replace('.', "/"));
    if let Some(place) = input.pointer_mut(&pointer) {
        *place = value;
        return input;
    }
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    input.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"))[field] = value;
    input
}

/// Each of them is refused for one reason, which names its place, and leaves the key that it carried free.
async fn check_each(table: Vec<(&str, Value, &str)>) {
    let app = TestApp::start().await;
    for (path, value, expected) in table {
        let errors = app.refuse("orderCreate", set(path, value)).await;
        let found: Vec<_> = errors.iter().map(code_and_path).collect();
        assert_eq!(found, [expected], "{path}: {errors:?}");
        assert_eq!(errors[0]["__typename"], json!("InputError"));
        let message = errors[0]["message"].as_str().unwrap();
        assert!((10..300).contains(&message.len()), "{path}: {message}");
    }
    assert_eq!(app.stored().await.counts(), [0, 0, 0, 0, 0]);
    app.create(samples::with(samples::order(1), "idempotencyKey", json!("k"))).await;
}

fn money(amount: &str, currency: &str) -> Value {
    json!({"amount": amount, "currency": currency})
}

#[tokio::test]
async fn bad_work_orders_are_refused_with_code_and_path() {
    let megabyte = "x".repeat(1 << 20);
    let slot = |from: &str, to: &str| json!({"from": from, "to": to});
    let move_one = samples::move_containers();
    let without_pickup = json!({"type": "MOVE_CONTAINERS"});
    check_each(vec![
        ("workOrders", json!([]), "REQUIRED workOrders"),
        ("workOrders", json!(vec![move_one.clone(); 101]), "LIMIT_EXCEEDED workOrders"),
        ("workOrders.0", without_pickup.clone(), "REQUIRED workOrders.0.pickup"),
        ("workOrders.0.pickup", Value::Null, "REQUIRED workOrders.0.pickup"),
        ("workOrders", json!([move_one, without_pickup]), "REQUIRED workOrders.1.pickup"),
        ("workOrders.0.type", json!("PHYSICAL_SERVICE"), "INVALID workOrders.0.pickup"),
        ("workOrders.0.type", json!("DIGITAL_SERVICE"), "INVALID workOrders.0.pickup"),
        ("workOrders.0.pickup.location", json!({"facilityId": " "}), "REQUIRED workOrders.0.pickup.location"),
        (
            "workOrders.0.pickup.slot",
            slot("2026-03-01T10:00:00Z", "2026-03-01T09:00:00Z"),
            "INVALID workOrders.0.pickup.slot.to",
        ),
        (
            "workOrders.0.return",
            json!({"location": {"facilityId": "R"}, "serviceTimeSeconds": -1}),
            "INVALID workOrders.0.return.serviceTimeSeconds",
        ),
        (
            "workOrders.0.delivery",
            json!({"slot": slot("2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z")}),
            "INVALID workOrders.0.delivery.slot.to",
        ),
        (
            "workOrders.0.collectOnDelivery",
            money("-0.01", "EUR"),
            "INVALID workOrders.0.collectOnDelivery.amount",
        ),
        (
            "workOrders.0.collectOnDelivery",
            money("1", "XYZ"),
            "INVALID workOrders.0.collectOnDelivery.currency",
        ),
        ("workOrders.0.collectOnPickup", money("1", "eur"), "INVALID workOrders.0.collectOnPickup.currency"),
        (
            "workOrders.0.containers.0.containerId",
            json!(""),
            "REQUIRED workOrders.0.containers.0.containerId",
        ),
        (
            "workOrders.0.containers.0.weight.value",
            json!("-1"),
            "INVALID workOrders.0.containers.0.weight.value",
        ),
        (
            "workOrders.0.containers",
            json!(vec![json!({"containerId": "B"}); 501]),
            "LIMIT_EXCEEDED workOrders.0.containers",
        ),
        ("workOrders.0.containers.0.attributes", json!([]), "INVALID workOrders.0.containers.0.attributes"),
        (
            "workOrders.0.pickupQualityChecks",
            json!([{"code": " "}]),
            "REQUIRED workOrders.0.pickupQualityChecks.0.code",
        ),
        ("workOrders.0.customAttributes", json!("text"), "INVALID workOrders.0.customAttributes"),
        ("workOrders.0.description", json!(megabyte), "INVALID workOrders.0.description"),
        (
            "workOrders.0.pickup.instruction",
            json!("x".repeat(2_001)),
            "INVALID workOrders.0.pickup.instruction",
        ),
    ])
    .await;
}

#[tokio::test]
async fn bad_orders_are_refused_with_code_and_path() {
    let megabyte = "x".repeat(1 << 20);
    let phone = |country_code: &str, number: &str| json!({"countryCode": country_code, "number": number});
    check_each(vec![
        ("clientId", json!(""), "REQUIRED clientId"),
        ("clientId", json!(" \t"), "REQUIRED clientId"),
        ("clientId", json!("x".repeat(256)), "INVALID clientId"),
        ("clientOrderId", json!("a\u{0}b"), "INVALID clientOrderId"),
        ("clientOrderId", json!(megabyte), "INVALID clientOrderId"),
        ("batchId", json!(megabyte), "INVALID batchId"),
        ("customAttributes", json!({"a": megabyte}), "LIMIT_EXCEEDED customAttributes"),
        ("customAttributes", json!([1]), "INVALID customAttributes"),
        ("customAttributes", json!({"a": {"": 1}}), "INVALID customAttributes.a"),
        ("customAttributes", json!({"a": "\u{0}"}), "INVALID customAttributes.a"),
        ("customAttributes", json!({"$serde_json::private::RawValue": "]"}), "INVALID customAttributes"),
        (
            "customAttributes",
            json!({"a": [[[[[[[[[]]]]]]]]]}),
            "LIMIT_EXCEEDED customAttributes.a.0.0.0.0.0.0.0",
        ),
        ("consignee.name", json!(""), "REQUIRED consignee.name"),
        ("consignee.email", json!("nobody"), "INVALID consignee.email"),
        ("consignee.phone", phone("0", "98765"), "INVALID consignee.phone.countryCode"),
        ("consignee.phone", phone("+91", "98 76"), "INVALID consignee.phone.number"),
        ("destination.address.country", json!("XX"), "INVALID destination.address.country"),
        ("destination.address.country", json!("in"), "INVALID destination.address.country"),
        ("destination.address.line1", json!(""), "REQUIRED destination.address.line1"),
        ("destination", json!({"geo": {"latitude": 1, "longitude": 1}}), "REQUIRED destination"),
        ("destination.geo", json!({"latitude": 90.1, "longitude": 0}), "INVALID destination.geo.latitude"),
        ("destination.geo", json!({"latitude": 0, "longitude": -181}), "INVALID destination.geo.longitude"),
        ("summary", json!({"totalItems": -1}), "INVALID summary.totalItems"),
        ("summary", json!({"totalCost": money("-1", "EUR")}), "INVALID summary.totalCost.amount"),
        ("idempotencyKey", json!(""), "INVALID idempotencyKey"),
        ("idempotencyKey", json!("k".repeat(256)), "INVALID idempotencyKey"),
    ])
    .await;
}

#[tokio::test]
async fn every_problem_is_named_at_once() {
    let app = TestApp::start().await;
    let mut input = set("clientId", json!(""));
    input["consignee"]["phone"]["number"] = json!("1");
    input["destination"]["address"]["country"] = json!("??");
    input["customAttributes"] = json!(7);
    input["workOrders"] = json!([{"type": "MOVE_CONTAINERS"}, {"type": "MOVE_CONTAINERS"}]);
    let mut found = app.refusals("orderCreate", input).await;
    found.sort();
    assert_eq!(
        found,
        [
            "INVALID consignee.phone.number",
            "INVALID customAttributes",
            "INVALID destination.address.country",
            "REQUIRED clientId",
            "REQUIRED workOrders.0.pickup",
            "REQUIRED workOrders.1.pickup",
        ]
    );
}

#[tokio::test]
async fn a_message_repeats_nothing_personal() {
    let app = TestApp::start().await;
    let mut input = samples::order(1);
    input["consignee"] = json!({
        "name": "Asha\u{0}Rao", "phone": {"countryCode": "Asha", "number": "98 765 Asha"}, "email": "Asha@@Rao"
    });
    for error in app.refuse("orderCreate", input).await {
        let message = error["message"].as_str().unwrap();
        assert!(!message.contains("Asha") && !message.contains("98 765"), "{message}");
    }
}

#[tokio::test]
async fn a_refusal_cannot_go_unnoticed() {
    let app = TestApp::start().await;
    let document = "mutation M($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
    let input = samples::with(samples::order(0), "clientId", json!(""));
    let Value::Object(answer) = app.execute(document, json!({"input": input})).await.0 else { panic!() };
    assert_eq!(answer["data"], json!({"orderCreate": {"order": null}}));
    let errors = answer["errors"].as_array().unwrap();
    let shown: Vec<_> = errors
        .iter()
        .map(|error| json!([error["extensions"]["code"], error["extensions"]["path"], error["path"]]))
        .collect();
    assert_eq!(
        json!(shown),
        json!([["REQUIRED", ["clientId"], ["orderCreate"]], ["REQUIRED", ["workOrders"], ["orderCreate"]]])
    );

    // Selected in a fragment they are selected.
    let document = "mutation M($input: OrderCreateInput!) { orderCreate(input: $input) { ...Errors } }
        fragment Errors on OrderPayload { userErrors { code } }";
    let data = app.execute(document, json!({"input": input})).await.data();
    assert_eq!(data, json!({"orderCreate": {"userErrors": [{"code": "REQUIRED"}, {"code": "REQUIRED"}]}}));
    assert_eq!(app.stored().await.counts(), [0, 0, 0, 0, 0]);
}
