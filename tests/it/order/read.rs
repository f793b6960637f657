//! `order`, `workOrder`, `node` and `nodes`.

use serde_json::{Value, json};

use crate::harness::{TestApp, samples, text};

const UNKNOWN: &str = "00000000000000000000000000";

#[tokio::test]
async fn anything_is_found_by_its_id() {
    let app = TestApp::start().await;
    let (order, work_orders) = app.create(samples::order(2)).await;
    let event = app.run("{ orderEvents(first: 1) { nodes { id } } }").await.data();
    let event = text(&event["orderEvents"]["nodes"][0]["id"]);
    let document = "query Q($order: ID!, $workOrder: ID!, $event: ID!, $ids: [ID!]!) {
        order(id: $order) { id workOrders { id sequence order { id } } }
        workOrder(id: $workOrder) { id sequence order { id workOrders { id } } }
        a: node(id: $order) { __typename id ... on Order { clientId } }
        b: node(id: $workOrder) { __typename id ... on WorkOrder { sequence } }
        c: node(id: $event) { __typename id ... on OrderEvent { type } }
        nodes(ids: $ids) { __typename id }
    }";
    let unknown = format!("ord_{UNKNOWN}");
    let ids = json!([work_orders[1], unknown, event, order, work_orders[1]]);
    let variables = json!({"order": order, "workOrder": work_orders[1], "event": event, "ids": ids});
    let data = app.execute(document, variables).await.data();
    let [first, second] = [&work_orders[0], &work_orders[1]];
    let back = json!({"id": order});
    assert_eq!(
        data,
        json!({
            "order": {"id": order, "workOrders": [
                {"id": first, "sequence": 1, "order": back}, {"id": second, "sequence": 2, "order": back}
            ]},
            "workOrder": {"id": second, "sequence": 2, "order": {"id": order, "workOrders": [{"id": first}, {"id": second}]}},
            "a": {"__typename": "Order", "id": order, "clientId": "acme"},
            "b": {"__typename": "WorkOrder", "id": second, "sequence": 2},
            "c": {"__typename": "OrderEvent", "id": event, "type": "ORDER_CREATED"},
            "nodes": [
                {"__typename": "WorkOrder", "id": second}, null, {"__typename": "OrderEvent", "id": event},
                {"__typename": "Order", "id": order}, {"__typename": "WorkOrder", "id": second}
            ]
        })
    );
}

#[tokio::test]
async fn an_unknown_id_is_null() {
    let app = TestApp::start().await;
    let document =
        format!("{{ order(id: \"ord_{UNKNOWN}\") {{ id }} workOrder(id: \"wo_{UNKNOWN}\") {{ id }} }}");
    assert_eq!(app.run(&document).await.data(), json!({"order": null, "workOrder": null}));
    for prefix in ["ord", "wo", "evt", "plg", "pwf", "run"] {
        let document = format!("{{ node(id: \"{prefix}_{UNKNOWN}\") {{ id }} }}");
        assert_eq!(app.run(&document).await.data(), json!({"node": null}), "{prefix}");
    }
}

#[tokio::test]
async fn an_id_of_another_kind_or_form_is_an_error_that_says_so() {
    let app = TestApp::start().await;
    let (order, work_orders) = app.create(samples::order(1)).await;
    let work_order = &work_orders[0];
    let long = "x".repeat(100_000);
    let upper = order.to_uppercase();
    for (field, id, message) in [
        (
            "order",
            work_order.as_str(),
            "expected the id of an order (ord_…), got an id with the prefix \"wo\"",
        ),
        (
            "workOrder",
            order.as_str(),
            "expected the id of a work order (wo_…), got an id with the prefix \"ord\"",
        ),
        ("order", "", "\"\" is not an id: expected ord_ and 26 characters"),
        ("order", upper.as_str(), "is not an id: expected ord_ and 26 characters"),
        ("order", "7", "\"7\" is not an id: expected ord_ and 26 characters"),
        ("order", long.as_str(), "is not an id: expected ord_ and 26 characters"),
        ("workOrder", "wo_\u{0}", "is not an id: expected wo_ and 26 characters"),
        (
            "node",
            "ORD",
            "\"ORD\" is not an id: expected one of the prefixes ord, wo, att, atd, evt, plg, pwf, run",
        ),
        (
            "node",
            long.as_str(),
            "is not an id: expected one of the prefixes ord, wo, att, atd, evt, plg, pwf, run",
        ),
        (
            "node",
            "abc_00000000000000000000000000",
            "is not an id: expected one of the prefixes ord, wo, att, atd, evt",
        ),
    ] {
        let document = format!("query Q($id: ID!) {{ {field}(id: $id) {{ id }} }}");
        let reply = app.execute(&document, json!({"id": id})).await;
        let (code, found) = reply.error();
        assert_eq!(code, "BAD_USER_INPUT");
        assert!(found.contains(message) && found.len() < 300, "{field}: {found}");
        assert_eq!(reply.0["errors"][0]["path"], json!([field]));
    }
}

#[tokio::test]
async fn a_hundred_ids_may_be_asked_for_at_once_and_no_more() {
    let app = TestApp::start().await;
    let (order, _) = app.create(samples::order(1)).await;
    let document = "query Q($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let data = app.execute(document, json!({"ids": vec![&order; 100]})).await.data();
    assert_eq!(data, json!({"nodes": vec![json!({"id": order}); 100]}));
    assert_eq!(app.execute(document, json!({"ids": []})).await.data(), json!({"nodes": []}));
    let reply = app.execute(document, json!({"ids": vec![&order; 101]})).await;
    assert_eq!(reply.error(), ("BAD_USER_INPUT".into(), "ask for at most 100 ids at once, not 101".into()));
    assert_eq!(reply.0.get("data").cloned().unwrap_or_default(), Value::Null);
}

#[tokio::test]
async fn a_filter_with_a_nul_character_is_refused_on_every_store() {
    let app = TestApp::start().await;
    for filter in [r#"{toStatus: ["\u0000"]}"#, r#"{clientId: ["acme", "a\u0000"]}"#] {
        let reply = app.run(&format!("{{ orderEvents(where: {filter}) {{ nodes {{ id }} }} }}")).await;
        let message = "a text in a filter contains a NUL character";
        assert_eq!(reply.error(), ("BAD_USER_INPUT".into(), message.into()));
    }
}
