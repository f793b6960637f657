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

fn without(value: &mut Value, key: &str) {
    match value {
        Value::Array(members) => members.iter_mut().for_each(|member| without(member, key)),
        Value::Object(fields) => {
            fields.remove(key);
            fields.values_mut().for_each(|field| without(field, key));
        }
        _ => {}
    }
}

/// The same document, with a field that is no column in every object that has columns.
fn resolved_form(form: &str) -> String {
    let extra = "extra: availableTransitions { event } ";
    let mut document = form.to_owned();
    for object in ["nodes { ", "node { ", "workOrders { ", "workOrders @skip(if: $no) { "] {
        document = document.replace(object, &format!("{object}{extra}"));
    }
    // The object of `order(id:)`.
    match document.split_once(") { ") {
        Some((call, rest)) if call.starts_with("{ order(") => format!("{call}) {{ {extra}{rest}"),
        _ => document,
    }
}

const ORDER_COLUMNS: &str = "id clientId clientName clientOrderId type domain batchId readyToProcess workOrderFlow status \
    phase outcome customAttributes lifecycleVersion version createdAt createdBy updatedAt updatedBy";
const WORK_ORDER_COLUMNS: &str = "id sequence type direction description status phase outcome attempts customAttributes \
    lifecycleVersion version createdAt createdBy updatedAt updatedBy";

/// Orders whose every column is set somewhere, and needs escaping where it can.
async fn orders_of_all_kinds(app: &TestApp) -> Vec<String> {
    app.define("ORDER", &[("a", "STRING"), ("b", "ARRAY")]).await;
    app.define("WORK_ORDER", &[("fragile", "BOOLEAN")]).await;
    let mut input = samples::order(3);
    input["clientName"] = json!("\"Ünïcode\" \\ and\nlines\u{1}");
    input["customAttributes"] = json!({"b": [1, {"c": null}], "a": "é\"\\"});
    input["type"] = json!("PARCEL");
    input["domain"] = json!("a \"domain\"");
    input["batchId"] = json!("b/1");
    input["summary"] = json!({"totalCost": {"amount": "49.90", "currency": "EUR"}});
    input["workOrders"][0]["description"] = json!("a \"box\"");
    input["workOrders"][0]["customAttributes"] = json!({"fragile": true});
    let (order, work_orders) = app.create(input).await;
    app.move_work_order(&work_orders[0], "START").await;
    app.move_work_order(&work_orders[0], "ATTEMPT_FAILED").await;
    app.move_work_order(&work_orders[0], "FAIL").await;
    app.move_work_order(&work_orders[1], "START").await;
    app.move_work_order(&work_orders[1], "COMPLETE").await;
    let cancel = json!({"id": order, "event": "CANCEL", "reasonCode": "LATE"});
    app.mutate("orderTransition", cancel, "userErrors { message }").await;
    let (plain, _) = app.create(samples::order(1)).await;
    vec![order, plain]
}

#[tokio::test]
async fn every_field_of_a_list_is_the_same_written_and_resolved() {
    let app = TestApp::start().await;
    orders_of_all_kinds(&app).await;
    let written = app.run(&document("")).await.data();
    let mut resolved = app.run(&document("__typename")).await.data();
    assert_eq!(resolved["orders"]["nodes"][1]["workOrders"][0]["__typename"], "WorkOrder");
    without(&mut resolved, "__typename");
    assert_eq!(written["orders"]["nodes"][1]["workOrders"].as_array().unwrap().len(), 4);
    assert_eq!(written, resolved);
}

/// What is no column has the executor answer; the fields of a table are answered from its columns otherwise.
const NO_COLUMN: &str = "availableTransitions { event }";

#[tokio::test]
async fn columns_are_the_same_read_alone_and_resolved() {
    let app = TestApp::start().await;
    let orders = orders_of_all_kinds(&app).await;
    let page = |extra: &str| {
        format!(
            "{{ orders(first: 2) {{ nodes {{ {extra} {ORDER_COLUMNS} workOrders {{ {extra} {WORK_ORDER_COLUMNS} }} }} }} }}"
        )
    };
    let one = |extra: &str| {
        format!(
            "{{ order(id: \"{}\") {{ {extra} {ORDER_COLUMNS} workOrders {{ {extra} {WORK_ORDER_COLUMNS} }} }} }}",
            orders[0]
        )
    };
    for document in [&page as &dyn Fn(&str) -> String, &one] {
        let alone = app.run(&document("")).await.data();
        let mut resolved = app.run(&document(NO_COLUMN)).await.data();
        without(&mut resolved, "availableTransitions");
        assert_eq!(alone, resolved);
        assert!(alone.to_string().contains("\"attempts\":1"), "{alone}");
    }
}

#[tokio::test]
async fn each_column_is_read_by_itself() {
    let app = TestApp::start().await;
    orders_of_all_kinds(&app).await;
    let whole = app.run(&format!("{{ orders {{ nodes {{ {ORDER_COLUMNS} }} }} }}")).await.data();
    for field in ORDER_COLUMNS.split_whitespace() {
        let alone = app.run(&format!("{{ orders {{ nodes {{ {field} }} }} }}")).await.data();
        for (index, node) in alone["orders"]["nodes"].as_array().unwrap().iter().enumerate() {
            assert_eq!(*node, json!({field: whole["orders"]["nodes"][index][field]}));
        }
    }
    let whole = app
        .run(&format!("{{ orders {{ nodes {{ workOrders {{ {WORK_ORDER_COLUMNS} }} }} }} }}"))
        .await
        .data();
    for field in WORK_ORDER_COLUMNS.split_whitespace() {
        let alone = app.run(&format!("{{ orders {{ nodes {{ workOrders {{ {field} }} }} }} }}")).await.data();
        for (index, work_order) in
            whole["orders"]["nodes"][0]["workOrders"].as_array().unwrap().iter().enumerate()
        {
            let alone = &alone["orders"]["nodes"][0]["workOrders"][index];
            assert_eq!(*alone, json!({field: work_order[field]}));
        }
    }
}

#[tokio::test]
async fn selections_of_every_form_are_the_same_read_alone_and_resolved() {
    let app = TestApp::start().await;
    let orders = orders_of_all_kinds(&app).await;
    let by_id = |below: &str| format!("{{ order(id: \"{}\") {{ {below} }} }}", orders[0]);
    let forms = [
        "{ orders(first: 1) { __typename nodes { a: id b: id __typename workOrders { __typename c: status status } } } }".to_owned(),
        "{ orders(first: 1) { pageInfo { __typename hasNextPage hasPreviousPage startCursor endCursor } nodes { id } } }".to_owned(),
        "{ orders(last: 1) { edges { __typename cursor node { id workOrders { sequence } } } pageInfo { hasPreviousPage } } }".to_owned(),
        "{ orders { edges { cursor } } }".to_owned(),
        "{ orders { pageInfo { endCursor } } }".to_owned(),
        "{ a: orders(first: 1) { nodes { id } } b: orders(first: 2) { nodes { status } } }".to_owned(),
        "{ orders { nodes { ...f ... on Order { version id } ... { phase } } } } fragment f on Order { id ...g } fragment g on Order { status id }".to_owned(),
        "query($no: Boolean = false) { orders { nodes { id @include(if: $no) status @skip(if: $no) workOrders @skip(if: $no) { id } } } }".to_owned(),
        by_id("id workOrders { id }"),
        by_id("workOrders { id } id"),
        by_id("__typename"),
        by_id("workOrders { __typename }"),
        by_id("... on Node { id }"),
        by_id("workOrders { id } workOrders { status }"),
        by_id("first: workOrders { id } second: workOrders { status }"),
        by_id("customAttributes"),
    ];
    for form in forms {
        let alone = app.run(&form).await;
        // A second root field with the same name makes no difference to what is asked for; a field that is no column does.
        let resolved = app.run(&resolved_form(&form)).await;
        let (alone, mut resolved) = (alone.data(), resolved.data());
        without(&mut resolved, "extra");
        assert_eq!(alone.to_string(), resolved.to_string(), "{form}");
    }
}

#[tokio::test]
async fn an_order_that_is_not_there_is_null() {
    let app = TestApp::start().await;
    let data =
        app.run("{ order(id: \"ord_01m84xttjne2cs20fspdg126pf\") { id workOrders { id } } }").await.data();
    assert_eq!(data, json!({"order": null}));
    assert_eq!(app.run("{ orders { nodes { id } } }").await.data(), json!({"orders": {"nodes": []}}));
}
