//! `workOrders`: a list of its own, and an order's that is narrowed.

use serde_json::{Value, json};

use super::app;
use crate::harness::text;

#[tokio::test]
async fn work_orders_of_all_orders_are_a_list() {
    let app = app().await;
    let document = "query Q($where: WorkOrderWhere, $orderBy: [WorkOrderOrder!]) {
        workOrders(where: $where, orderBy: $orderBy) { nodes { sequence status order { clientOrderId } } count { value } } }";
    let bay = |operator: &str, value: Value| json!({"attribute": {"key": "bay", operator: value}});
    for (arguments, expected) in [
        (json!({"where": {"status": {"eq": "COMPLETED"}}}), "D2 D1 B1"),
        (json!({"where": {"phase": {"eq": "ACTIVE"}}}), "B2"),
        (json!({"where": {"type": {"eq": "DIGITAL_SERVICE"}, "phase": {"eq": "PENDING"}}}), "a2 É2 C2 A2"),
        (json!({"where": {"type": {"in": ["PHYSICAL_SERVICE"]}}}), ""),
        (json!({"where": {"direction": {"eq": "RETURN"}}}), ""),
        (
            json!({"where": {"outcome": {"eq": "SUCCEEDED"}}, "orderBy": [{"field": "CREATED_AT"}]}),
            "B1 D1 D2",
        ),
        (
            json!({"where": bay("gte", json!(3)), "orderBy": [{"attribute": "bay", "direction": "DESC"}]}),
            "a2 É2 D2",
        ),
        (json!({"where": bay("in", json!([0, 1]))}), "B2 A2"),
        (
            json!({"where": {"not": bay("exists", json!(false))}, "orderBy": [{"field": "STATUS"}, {"attribute": "bay"}]}),
            "D2 A2 C2 É2 a2 B2",
        ),
        (json!({"where": {"createdAt": {"lt": "2026-03-01T09:00:00Z"}}}), "A2 A1"),
        (json!({"where": {"or": [bay("eq", json!(5)), {"status": {"eq": "IN_PROGRESS"}}]}}), "a2 B2"),
    ] {
        let list = app.execute(document, arguments.clone()).await.data()["workOrders"].clone();
        let nodes = list["nodes"].as_array().unwrap();
        let name = |node: &Value| format!("{}{}", text(&node["order"]["clientOrderId"]), node["sequence"]);
        let found: Vec<_> = nodes.iter().map(name).collect();
        assert_eq!(found.join(" "), expected, "{arguments}");
        assert_eq!(list["count"]["value"], json!(found.len()), "{arguments}");
    }
}

#[tokio::test]
async fn those_of_an_order_may_be_narrowed() {
    let app = app().await;
    let document = "query Q($where: WorkOrderWhere) { orders { nodes { clientOrderId workOrders(where: $where) { sequence } } } }";
    for (filter, expected) in [
        (json!(null), "a12 É12 D12 C12 B12 A12"),
        (json!({}), "a12 É12 D12 C12 B12 A12"),
        (json!({"status": {"eq": "COMPLETED"}}), "a É D12 C B1 A"),
        (json!({"type": {"eq": "MOVE_CONTAINERS"}}), "a1 É1 D1 C1 B1 A1"),
        (json!({"attribute": {"key": "bay", "gt": 2}}), "a2 É2 D2 C B A"),
        (json!({"attribute": {"key": "bay", "ne": 2}}), "a12 É12 D12 C1 B12 A12"),
        (
            json!({"not": {"outcome": {"isNull": true}}, "createdAt": {"gt": "2026-03-01T10:00:00Z"}}),
            "a É D12 C B A",
        ),
    ] {
        let orders = app.execute(document, json!({"where": filter})).await.data()["orders"]["nodes"].clone();
        let name = |order: &Value| {
            let sequences =
                order["workOrders"].as_array().unwrap().iter().map(|it| it["sequence"].to_string());
            format!("{}{}", text(&order["clientOrderId"]), sequences.collect::<String>())
        };
        let found: Vec<_> = orders.as_array().unwrap().iter().map(name).collect();
        assert_eq!(found.join(" "), expected, "{filter}");
    }
    let document =
        "{ orders(first: 1) { nodes { workOrders(where: {attribute: {key: \"lane\", eq: 1}}) { id } } } }";
    let (code, message) = app.run(document).await.error();
    assert_eq!(code, "BAD_USER_INPUT");
    assert!(
        message.starts_with("where.attribute.key: there is no attribute \"lane\" of work orders"),
        "{message}"
    );
}
