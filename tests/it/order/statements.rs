//! How many statements reads take: one for each level of the tree, whatever the page.

use serde_json::{Value, json};

use crate::harness::{TestApp, samples};

const NESTED: &str = "workOrders { id customAttributes order { id } }";

/// How many statements a document takes, and what it answers.
async fn cost(app: &TestApp, document: &str) -> (u64, Value) {
    let before = app.app.database.statements();
    let data = app.run(document).await.data();
    (app.app.database.statements() - before, data)
}

async fn create(app: &TestApp, count: usize) {
    let orders: Vec<_> = (0..count).map(|_| samples::order(3)).collect();
    let payload = app.mutate("ordersCreate", json!({"orders": orders}), "created failed").await;
    assert_eq!(payload["failed"], json!(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_with_work_orders_takes_as_many_statements_for_fifty_orders_as_for_two() {
    let app = TestApp::start().await;
    create(&app, 50).await;
    for size in [1, 2, 20, 50] {
        for (selection, expected) in [
            ("nodes { id }".to_owned(), 1),
            (format!("nodes {{ {NESTED} }}"), 3),
            (format!("edges {{ cursor node {{ {NESTED} }} }}"), 3),
            ("nodes { ...Parts } } } fragment Parts on Order { their: workOrders { id }".to_owned(), 2),
            (
                "nodes { workOrders { pickup { location { facilityId } } delivery { instruction } } }"
                    .to_owned(),
                3,
            ),
            ("nodes { statusExplanation availableTransitions { event } }".to_owned(), 2),
            ("nodes { workOrders { availableTransitions { event } blockedBy { id } } }".to_owned(), 4),
            ("nodes { id } count { value } pageInfo { hasNextPage }".to_owned(), 2),
            ("nodes { events(first: 3) { nodes { type } } pluginRuns { nodes { id } } }".to_owned(), 3),
            ("nodes { workOrders { events(last: 1) { nodes { type } } } }".to_owned(), 3),
        ] {
            let document = if selection.contains("fragment") {
                format!("{{ orders(first: {size}) {{ {selection} }}")
            } else {
                format!("{{ orders(first: {size}) {{ {selection} }} }}")
            };
            let (statements, data) = cost(&app, &document).await;
            assert_eq!(statements, expected, "{size} of {selection}");
            let members = data["orders"]["nodes"].as_array().or(data["orders"]["edges"].as_array());
            assert_eq!(members.unwrap().len(), size);
        }
    }
}

#[tokio::test]
async fn an_order_by_id_with_its_work_orders_takes_two_statements() {
    let app = TestApp::start().await;
    let (id, _) = app.create(samples::order(100)).await;
    for (selection, expected) in [
        ("id", 1),
        ("workOrders { id customAttributes }", 2),
        ("...P } } fragment P on Order { workOrders { id }", 2),
    ] {
        let document = format!("{{ order(id: \"{id}\") {{ {selection} }}");
        let document = if selection.contains("fragment") { document } else { format!("{document} }}") };
        assert_eq!(cost(&app, &document).await.0, expected, "{selection}");
    }
}

#[tokio::test]
async fn nodes_of_one_kind_take_one_statement() {
    let app = TestApp::start().await;
    let mut ids = Vec::new();
    for _ in 0..10 {
        let (id, work_orders) = app.create(samples::order(2)).await;
        ids.push(id);
        ids.extend(work_orders);
    }
    let (statements, data) = cost(&app, &format!("{{ nodes(ids: {}) {{ id }} }}", json!(ids))).await;
    assert_eq!(statements, 2);
    assert_eq!(data["nodes"], json!(ids.iter().map(|id| json!({"id": id})).collect::<Vec<_>>()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_events_takes_a_statement_for_each_level_below_it() {
    let app = TestApp::start().await;
    create(&app, 40).await;
    for size in [1, 7, 100] {
        let document = format!(
            "{{ orderEvents(last: {size}) {{ nodes {{ order {{ id workOrders {{ id }} }} workOrder {{ id }} }} }} }}"
        );
        let (statements, data) = cost(&app, &document).await;
        assert_eq!(data["orderEvents"]["nodes"].as_array().unwrap().len(), size);
        // The page, orders, work orders of orders; work orders, unless the last event is about the order.
        assert_eq!(statements, if size == 1 { 3 } else { 4 }, "{size}");
    }
}
