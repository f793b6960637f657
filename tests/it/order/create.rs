//! `orderCreate`: how an order begins.

use serde_json::{Value, json};

use crate::harness::{TestApp, samples, text};

const STATE: &str = "id status phase outcome version readyToProcess lifecycleVersion createdAt createdBy updatedAt \
                     updatedBy statusExplanation cancellation { status }";
const EVENTS: &str = "id cursor type orderId workOrderId fromStatus toStatus transition reasonCode note actor changes \
                      entityVersion occurredAt recordedAt order { id } workOrder { id }";
const NOW: &str = "2026-03-01T08:00:00Z";

#[tokio::test]
async fn an_order_passes_straight_through_intake() {
    let app = TestApp::start().await;
    let selection = format!(
        "idempotentReplay cursor order {{ {STATE} workOrders {{ id status phase version createdAt }} }}"
    );
    let payload = app.change("orderCreate", samples::order(2), &selection).await;
    assert_eq!(payload["idempotentReplay"], json!(false));
    let order = &payload["order"];
    let [first, second] = [text(&order["workOrders"][0]["id"]), text(&order["workOrders"][1]["id"])];
    let expected = json!({
        "id": order["id"], "status": "IN_PROGRESS", "phase": "ACTIVE", "outcome": null, "version": 3,
        "readyToProcess": true, "lifecycleVersion": 1, "createdAt": NOW, "createdBy": "local", "updatedAt": NOW,
        "updatedBy": "local", "cancellation": null,
        "statusExplanation": format!("waits for 2 of 2 work orders: {first} CREATED, {second} CREATED"),
        "workOrders": [
            {"id": first, "status": "CREATED", "phase": "PENDING", "version": 1, "createdAt": NOW},
            {"id": second, "status": "CREATED", "phase": "PENDING", "version": 1, "createdAt": NOW}
        ]
    });
    assert_eq!(order, &expected);
    assert!(text(&order["id"]).starts_with("ord_"), "{order}");
    assert!(first.starts_with("wo_"), "{first}");

    // What was answered is what is stored.
    let id = text(&order["id"]);
    let document =
        format!("{{ order(id: \"{id}\") {{ {STATE} workOrders {{ id status phase version createdAt }} }} }}");
    assert_eq!(app.run(&document).await.data()["order"], expected);
    assert_eq!(app.check_invariants().await.counts(), [1, 2, 5, 0, 0]);
}

#[tokio::test]
async fn its_history_tells_each_fact_once_and_causes_before_effects() {
    let app = TestApp::start().await;
    let payload = app.change("orderCreate", samples::order(2), "cursor order { id workOrders { id } }").await;
    let order = text(&payload["order"]["id"]);
    let work_orders = [0, 1].map(|index| text(&payload["order"]["workOrders"][index]["id"]));
    let document = format!(
        "{{ orderEvents {{ nodes {{ {EVENTS} }} edges {{ cursor }} }} order(id: \"{order}\") {{
            events {{ nodes {{ {EVENTS} }} }} workOrders {{ events {{ nodes {{ {EVENTS} }} }} }}
        }} }}"
    );
    let data = app.run(&document).await.data();
    let events = data["orderEvents"]["nodes"].as_array().unwrap();
    let expected = [
        ("ORDER_CREATED", None, json!(null), "INITIATED", json!(null), 1),
        ("WORK_ORDER_CREATED", Some(0), json!(null), "CREATED", json!(null), 1),
        ("WORK_ORDER_CREATED", Some(1), json!(null), "CREATED", json!(null), 1),
        ("ORDER_STATUS_CHANGED", None, json!("INITIATED"), "CREATED", json!("VALIDATE"), 2),
        ("ORDER_STATUS_CHANGED", None, json!("CREATED"), "IN_PROGRESS", json!("START"), 3),
    ];
    assert_eq!(events.len(), expected.len(), "{events:#?}");
    for (event, (kind, work_order, from, to, transition, version)) in events.iter().zip(expected) {
        let about = work_order.map(|index: usize| work_orders[index].clone());
        let expected = json!({
            "id": event["id"], "cursor": event["cursor"], "type": kind, "orderId": order, "workOrderId": about,
            "fromStatus": from, "toStatus": to, "transition": transition, "reasonCode": null, "note": null,
            "actor": "local", "changes": null, "entityVersion": version, "occurredAt": NOW, "recordedAt": NOW,
            "order": {"id": order}, "workOrder": about.map(|id| json!({"id": id}))
        });
        assert_eq!(event, &expected);
    }
    assert_eq!(events[4]["cursor"], payload["cursor"], "the payload's cursor is that of the last event");
    for (edge, event) in data["orderEvents"]["edges"].as_array().unwrap().iter().zip(events) {
        assert_eq!(edge["cursor"], event["cursor"]);
    }
    assert_eq!(
        data["order"]["events"],
        data["orderEvents"].as_object().map(|it| json!({"nodes": it["nodes"]})).unwrap()
    );
    assert_eq!(data["order"]["workOrders"][1]["events"]["nodes"], json!([events[2]]));
}

#[tokio::test]
async fn an_order_that_is_not_ready_waits_for_its_release() {
    let app = TestApp::start().await;
    let input = samples::with(samples::order(1), "readyToProcess", json!(false));
    let payload = app.change("orderCreate", input, "cursor order { id version workOrders { id } }").await;
    let id = text(&payload["order"]["id"]);
    assert_eq!(payload["order"]["version"], json!(2));
    assert_eq!(
        app.log().await,
        ["ORDER_CREATED INITIATED", "WORK_ORDER_CREATED CREATED", "ORDER_STATUS_CHANGED CREATED"]
    );
    let order = app.run(&format!("{{ order(id: \"{id}\") {{ {STATE} }} }}")).await.data()["order"].clone();
    let shown = [&order["status"], &order["phase"], &order["readyToProcess"], &order["statusExplanation"]];
    assert_eq!(
        json!(shown),
        json!(["CREATED", "PENDING", false, "waits for its release: readyToProcess is false"])
    );

    // Its work orders cannot start.
    let input = json!({"id": payload["order"]["workOrders"][0]["id"], "event": "START"});
    let errors = app.refuse("workOrderTransition", input).await;
    assert_eq!(errors[0]["code"], json!("BLOCKED"));
    assert_eq!(errors[0]["blockedBy"], json!(["the order is CREATED and not active"]));
    assert_eq!(errors[0]["currentStatus"], json!("CREATED"));
}

#[tokio::test]
async fn orders_of_one_reference_are_as_many_as_were_created() {
    let app = TestApp::start().await;
    let (first, _) = app.create(samples::order(1)).await;
    let (second, _) = app.create(samples::order(1)).await;
    assert_ne!(first, second);
    assert!(first < second, "ids ascend: {first} {second}");
    assert_eq!(app.check_invariants().await.counts(), [2, 2, 8, 0, 0]);
}

#[tokio::test]
async fn literals_in_the_document_are_taken_like_variables() {
    let app = TestApp::start().await;
    app.define("ORDER", &[("a", "NUMBER"), ("b", "ARRAY"), ("c", "OBJECT")]).await;
    let document = r#"mutation { orderCreate(input: {
        clientId: "acme", clientOrderId: "1", consignee: {name: "A"}, destination: {facilityId: "F"},
        customAttributes: {a: 1, b: [true, null, "x"], c: {d: ENUM}},
        workOrders: [{type: DIGITAL_SERVICE, collectOnDelivery: {amount: 49.90, currency: "EUR"}}]
    }) { order { customAttributes workOrders { collectOnDelivery { amount } } } userErrors { message } } }"#;
    let data = app.run(document).await.data();
    let expected = json!({
        "customAttributes": {"a": 1, "b": [true, null, "x"], "c": {"d": "ENUM"}},
        // A number has the digits that JSON keeps; a string would have kept both.
        "workOrders": [{"collectOnDelivery": {"amount": "49.9"}}]
    });
    assert_eq!(data["orderCreate"]["order"], expected);
    assert_eq!(data["orderCreate"]["userErrors"], Value::Array(vec![]));
}

#[tokio::test]
async fn mutations_of_one_document_run_one_after_the_other() {
    let app = TestApp::start().await;
    let document = "mutation M($input: OrderCreateInput!) {
        a: orderCreate(input: $input) { order { id } } b: orderCreate(input: $input) { order { id } }
    }";
    let data = app.execute(document, json!({"input": samples::order(1)})).await.data();
    assert!(text(&data["a"]["order"]["id"]) < text(&data["b"]["order"]["id"]), "{data}");
    assert_eq!(app.check_invariants().await.counts(), [2, 2, 8, 0, 0]);
}
