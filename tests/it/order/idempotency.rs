//! Idempotency keys: a repetition gives the first answer again and writes nothing.

use chrono::Duration;
use serde_json::{Value, json};

use crate::harness::{TestApp, samples, text};

const SELECTION: &str = "order { id version clientName } cursor idempotentReplay";

fn keyed(key: &str) -> Value {
    samples::with(samples::order(2), "idempotencyKey", json!(key))
}

#[tokio::test]
async fn a_repeated_create_gives_the_first_answer_again() {
    let app = TestApp::start().await;
    let first = app.change("orderCreate", keyed("k"), SELECTION).await;
    assert_eq!(first["idempotentReplay"], json!(false));
    // The entity is shown as it is now, under the cursor of then.
    let id = text(&first["order"]["id"]);
    app.advance(Duration::hours(23));
    app.change("orderUpdate", json!({"id": id, "clientName": "New"}), "order { id }").await;

    let before = app.stored().await;
    let again = app.change("orderCreate", keyed("k"), SELECTION).await;
    let expected = json!({
        "order": {"id": id, "version": 4, "clientName": "New"}, "cursor": first["cursor"], "idempotentReplay": true,
        "userErrors": []
    });
    assert_eq!(again, expected);
    assert_eq!(app.stored().await, before);
}

#[tokio::test]
async fn the_same_input_may_be_written_in_another_way() {
    let app = TestApp::start().await;
    app.define("ORDER", &[("a", "NUMBER"), ("b", "OBJECT")]).await;
    let mut input = keyed("k");
    input["customAttributes"] = json!({"a": 1, "b": {"x": 1, "y": 2}});
    let first = app.change("orderCreate", input, SELECTION).await;
    let same = r#"mutation { orderCreate(input: {
        workOrders: [
            {type: MOVE_CONTAINERS, pickup: {location: {facilityId: "WH-7"}},
                containers: [{weight: {unit: KILOGRAM, value: "12.50"}, containerId: "BOX-1"}]},
            {type: MOVE_CONTAINERS, pickup: {location: {facilityId: "WH-7"}},
                containers: [{containerId: "BOX-1", weight: {value: "12.50", unit: KILOGRAM}}]}
        ],
        customAttributes: {b: {y: 2, x: 1}, a: 1},
        destination: {address: {line1: "12 MG Road", city: "Bengaluru", postalCode: "560001", country: "IN"}},
        consignee: {name: "Asha Rao", phone: {number: "9876543210", countryCode: "+91", isMobile: true}},
        clientOrderId: "A-1001", clientId: "acme", idempotencyKey: "k",
        readyToProcess: true, workOrderFlow: START_TOGETHER
    }) { order { id } cursor idempotentReplay userErrors { message } } }"#;
    let data = app.run(same).await.data();
    let expected = json!({
        "order": {"id": first["order"]["id"]}, "cursor": first["cursor"], "idempotentReplay": true, "userErrors": []
    });
    assert_eq!(data["orderCreate"], expected);
}

#[tokio::test]
async fn a_key_is_good_for_one_input_and_one_mutation_only() {
    let app = TestApp::start().await;
    let (id, work_orders) = app.create(keyed("create")).await;
    let start = json!({"id": work_orders[0], "event": "START", "idempotencyKey": "start"});
    app.change("workOrderTransition", start.clone(), "cursor").await;
    let update = json!({"id": id, "clientName": "N", "idempotencyKey": "update"});
    app.change("orderUpdate", update.clone(), "cursor").await;

    let key = |input: &Value, key: &str| samples::with(input.clone(), "idempotencyKey", json!(key));
    for (mutation, input) in [
        ("orderCreate", samples::with(keyed("create"), "batchId", json!("b"))),
        ("orderCreate", keyed("start")),
        ("orderCreate", keyed("update")),
        ("orderUpdate", key(&update, "create")),
        ("orderUpdate", samples::with(update.clone(), "clientName", Value::Null)),
        ("orderUpdate", samples::with(update.clone(), "domain", Value::Null)),
        ("workOrderTransition", key(&start, "create")),
        ("workOrderTransition", samples::with(start.clone(), "event", json!("COMPLETE"))),
        ("workOrderTransition", samples::with(start.clone(), "id", json!(work_orders[1]))),
        ("orderTransition", json!({"id": id, "event": "CANCEL", "idempotencyKey": "start"})),
    ] {
        let found = app.refusals(mutation, input.clone()).await;
        assert_eq!(found, ["IDEMPOTENCY_MISMATCH idempotencyKey"], "{mutation} {input}");
    }
    let bulk = json!({"orders": [keyed("create")]});
    let payload = app.mutate("ordersCreate", bulk, "failed results { userErrors { code path } }").await;
    assert_eq!(payload["results"][0]["userErrors"][0]["code"], json!("IDEMPOTENCY_MISMATCH"));
}

#[tokio::test]
async fn refusals_are_not_kept() {
    let app = TestApp::start().await;
    let bad = samples::with(keyed("k"), "clientId", json!(""));
    for _ in 0..2 {
        assert_eq!(app.refusals("orderCreate", bad.clone()).await, ["REQUIRED clientId"]);
    }
    let (id, work_orders) = app.create(keyed("k")).await;

    let complete = json!({"id": work_orders[0], "event": "COMPLETE", "idempotencyKey": "complete"});
    let found = app.refusals("workOrderTransition", complete.clone()).await;
    assert_eq!(found, ["TRANSITION_NOT_ALLOWED event"]);
    app.move_work_order(&work_orders[0], "START").await;
    app.change("workOrderTransition", complete, "cursor").await;

    let update = json!({"id": id, "clientName": "N", "expectedVersion": 7, "idempotencyKey": "update"});
    assert_eq!(app.refusals("orderUpdate", update.clone()).await, ["CONFLICT expectedVersion"]);
    app.change("orderUpdate", samples::with(update, "expectedVersion", json!(3)), "cursor").await;
}

#[tokio::test]
async fn a_repeated_transition_or_update_happens_once() {
    let app = TestApp::start().await;
    app.define("ORDER", &[("a", "NUMBER")]).await;
    let (id, work_orders) = app.create(samples::order(1)).await;
    let work_order = &work_orders[0];
    let start = json!({"id": work_order, "event": "START", "expectedVersion": 1, "idempotencyKey": "s"});
    let failed = json!({"id": work_order, "event": "ATTEMPT_FAILED", "idempotencyKey": "f"});
    let update = json!({"id": id, "customAttributes": {"a": 1}, "expectedVersion": 3, "idempotencyKey": "u"});
    let complete = json!({"id": work_order, "event": "COMPLETE", "idempotencyKey": "c"});
    let close = json!({"id": id, "event": "CLOSE", "idempotencyKey": "x"});
    let mut first = Vec::new();
    let all = [
        ("workOrderTransition", start),
        ("workOrderTransition", failed),
        ("orderUpdate", update),
        ("workOrderTransition", complete),
        ("orderTransition", close),
    ];
    for (mutation, input) in &all {
        let payload = app.change(mutation, input.clone(), "cursor idempotentReplay").await;
        assert_eq!(payload["idempotentReplay"], json!(false));
        first.push(payload["cursor"].clone());
    }
    let before = app.check_invariants().await;
    assert_eq!(before.work_orders[0].attempts, 1);
    // Long since impossible, and yet the first answer is given.
    for ((mutation, input), cursor) in all.into_iter().zip(first) {
        let payload = app.change(mutation, input, "cursor idempotentReplay").await;
        assert_eq!(
            payload,
            json!({"cursor": cursor, "idempotentReplay": true, "userErrors": []}),
            "{mutation}"
        );
    }
    assert_eq!(app.stored().await, before);
}

#[tokio::test]
async fn a_repeated_update_that_changed_nothing_has_the_cursor_of_the_first() {
    let app = TestApp::start().await;
    let (id, _) = app.create(samples::order(1)).await;
    let nothing = json!({"id": id, "clientName": null, "idempotencyKey": "k"});
    let first = app.change("orderUpdate", nothing.clone(), "cursor idempotentReplay").await;
    let head = app.run("{ eventCursor }").await.data()["eventCursor"].clone();
    assert_eq!(first, json!({"cursor": head, "idempotentReplay": false, "userErrors": []}));
    app.create(samples::order(1)).await;
    let again = app.change("orderUpdate", nothing, "cursor idempotentReplay").await;
    assert_eq!(again, json!({"cursor": head, "idempotentReplay": true, "userErrors": []}));
}

#[tokio::test]
async fn a_definition_that_became_narrower_does_not_refuse_what_was_answered() {
    let app = TestApp::start().await;
    let lane = app.define_as(json!({"owner": "ORDER", "key": "lane", "type": "STRING"})).await;
    let bay = app.define_as(json!({"owner": "WORK_ORDER", "key": "bay", "type": "NUMBER"})).await;
    let create = samples::with(samples::order(1), "customAttributes", json!({"lane": "north"}));
    let create = samples::with(create, "idempotencyKey", json!("create"));
    let first = app.change("orderCreate", create.clone(), "order { id } cursor idempotentReplay").await;
    let work_order = samples::with(samples::move_containers(), "customAttributes", json!({"bay": 7}));
    let add = json!({"orderId": first["order"]["id"], "workOrder": work_order, "idempotencyKey": "add"});
    let added = app.change("workOrderCreate", add.clone(), "workOrder { id } cursor idempotentReplay").await;

    let many = samples::with(create.clone(), "idempotencyKey", json!("many"));
    let many = json!({"orders": [many], "onError": "REJECT_ALL"});
    let results = "results { idempotentReplay userErrors { path } }";
    let payload = app.mutate("ordersCreate", many.clone(), results).await;
    assert_eq!(payload["results"], json!([{"idempotentReplay": false, "userErrors": []}]));

    let narrow = |id: &str, range: Value| json!({"id": id, "range": range});
    let selection = "attributeDefinition { id } userErrors { message }";
    for (id, range) in [(&lane, json!({"max": 2})), (&bay, json!({"max": 2}))] {
        let payload = app.mutate("attributeDefinitionUpdate", narrow(id, range), selection).await;
        assert_eq!(payload["userErrors"], json!([]));
    }
    let before = app.stored().await;
    let again = app.change("orderCreate", create.clone(), "order { id } cursor idempotentReplay").await;
    assert_eq!(again, samples::with(first, "idempotentReplay", json!(true)));
    let again = app.change("workOrderCreate", add.clone(), "workOrder { id } cursor idempotentReplay").await;
    assert_eq!(again, samples::with(added, "idempotentReplay", json!(true)));
    let payload = app.mutate("ordersCreate", many, results).await;
    assert_eq!(payload["results"], json!([{"idempotentReplay": true, "userErrors": []}]));
    assert_eq!(app.stored().await, before);

    // What was never answered is refused as ever.
    let other = samples::with(create, "clientOrderId", json!("other"));
    assert_eq!(app.refusals("orderCreate", other).await, ["INVALID customAttributes.lane"]);
    let other = samples::with(add, "idempotencyKey", json!("another"));
    assert_eq!(app.refusals("workOrderCreate", other).await, ["INVALID workOrder.customAttributes.bay"]);
}
