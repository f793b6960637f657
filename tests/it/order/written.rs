//! What is written straight into text is what the executor would have answered.

use serde_json::{Value, json};

use crate::harness::{TestApp, samples};

const BOTH: &str = "id type status phase outcome customAttributes lifecycleVersion version createdAt createdBy updatedAt \
    updatedBy availableTransitions { event allowed blockedBy } events(first: 2) { nodes { type } pageInfo { hasNextPage } }";
const ORDER: &str = "clientId clientName clientOrderId domain batchId readyToProcess workOrderFlow statusExplanation \
    consignee { name phone { number } } summary { totalCost { amount } } cancellation { status }";
const WORK_ORDER: &str = "sequence direction description attempts returnOf { id } containers { containerId weight { value } } \
    pickup { location { facilityId } } blockedBy { id } order { id }";

/// The same selections with `extra` in every object that is written as text, where it makes the executor answer.
fn document(extra: &str) -> String {
    format!(
        "{{ orders {{ nodes {{ {extra} {BOTH} {ORDER} workOrders {{ {extra} {BOTH} {WORK_ORDER} }} }} }} }}"
    )
}

fn without_type_names(value: &mut Value) {
    match value {
        Value::Array(members) => members.iter_mut().for_each(without_type_names),
        Value::Object(fields) => {
            fields.remove("__typename");
            fields.values_mut().for_each(without_type_names);
        }
        _ => {}
    }
}

#[tokio::test]
async fn every_field_of_a_list_is_the_same_written_and_resolved() {
    let app = TestApp::start().await;
    app.define("ORDER", &[("a", "STRING"), ("b", "ARRAY")]).await;
    app.define("WORK_ORDER", &[("fragile", "BOOLEAN")]).await;
    let mut input = samples::order(3);
    input["clientName"] = json!("\"Ünïcode\" \\ and\nlines\u{1}");
    input["customAttributes"] = json!({"b": [1, {"c": null}], "a": "é\"\\"});
    input["type"] = json!("PARCEL");
    input["summary"] = json!({"totalCost": {"amount": "49.90", "currency": "EUR"}});
    input["workOrders"][0]["description"] = json!("a \"box\"");
    input["workOrders"][0]["customAttributes"] = json!({"fragile": true});
    let (order, work_orders) = app.create(input).await;
    app.move_work_order(&work_orders[0], "START").await;
    app.move_work_order(&work_orders[0], "FAIL").await;
    app.move_work_order(&work_orders[1], "START").await;
    app.move_work_order(&work_orders[1], "COMPLETE").await;
    let cancel = json!({"id": order, "event": "CANCEL", "reasonCode": "LATE"});
    app.mutate("orderTransition", cancel, "userErrors { message }").await;

    let written = app.run(&document("")).await.data();
    let mut resolved = app.run(&document("__typename")).await.data();
    assert_eq!(resolved["orders"]["nodes"][0]["workOrders"][0]["__typename"], "WorkOrder");
    without_type_names(&mut resolved);
    assert_eq!(written["orders"]["nodes"][0]["workOrders"].as_array().unwrap().len(), 4);
    assert_eq!(written, resolved);
}
