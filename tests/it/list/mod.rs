//! Lists of orders and work orders: filtered, sorted and read page by page.

mod cursor;
mod filter;
mod many;
mod phone;
mod plan;
mod refusal;
mod sort;
mod work_order;

use chrono::Duration;
use serde_json::{Value, json};

use crate::harness::{TestApp, samples, text};

/// What differs between the orders of [`app`]. They are called by their `clientOrderId`.
fn inputs() -> Vec<Value> {
    let order = |id: &str, client: &str, attributes: Value, fields: Value| {
        let mut input = samples::order(2);
        input["clientOrderId"] = json!(id);
        input["clientId"] = json!(client);
        input["customAttributes"] = attributes;
        for (field, value) in fields.as_object().unwrap() {
            input[field] = value.clone();
        }
        input
    };
    vec![
        order(
            "A",
            "acme",
            json!({"lane": "north", "weight": 5}),
            json!({"type": "PARCEL", "batchId": "b-1"}),
        ),
        order("B", "acme", json!({"lane": "south", "weight": "12.5"}), json!({"type": "PALLET"})),
        order("C", "birch", json!({"weight": -1, "rush": true}), json!({"batchId": "b-2"})),
        order("D", "birch", json!({"lane": "nord", "due": "2026-03-02T10:00:00+02:00"}), json!({})),
        order(
            "É",
            "cedar",
            json!({"lane": "north", "weight": "5.00", "rush": false}),
            json!({"readyToProcess": false}),
        ),
        order("a", "acme", json!({"lane": "", "due": "2026-03-02T09:00:00Z"}), json!({"type": "PARCEL"})),
    ]
}

/// Six orders, each made an hour after the one before. Of B the first work order is done and the second has begun; all of
/// D is done.
async fn app() -> TestApp {
    let app = TestApp::start().await;
    for (key, kind) in [("lane", "STRING"), ("weight", "NUMBER"), ("due", "DATE_TIME"), ("rush", "BOOLEAN")] {
        app.define_as(json!({"owner": "ORDER", "key": key, "type": kind, "indexed": true})).await;
    }
    app.define_as(json!({"owner": "WORK_ORDER", "key": "bay", "type": "NUMBER", "indexed": true})).await;
    for (place, mut input) in inputs().into_iter().enumerate() {
        input["workOrders"][1] = json!({"type": "DIGITAL_SERVICE", "customAttributes": {"bay": place}});
        let (_, work_orders) = app.create(input).await;
        let done: &[(usize, &str)] = match place {
            1 => &[(0, "START"), (0, "COMPLETE"), (1, "START")],
            3 => &[(0, "START"), (0, "COMPLETE"), (1, "START"), (1, "COMPLETE")],
            _ => &[],
        };
        for (index, event) in done {
            app.move_work_order(&work_orders[*index], event).await;
        }
        app.advance(Duration::hours(1));
    }
    app
}

/// The names of the orders on a page, each followed by a space.
async fn names(app: &TestApp, arguments: Value) -> String {
    let document = "query Q($where: OrderWhere, $orderBy: [OrderOrder!], $first: Int, $after: String, $last: Int, $before: String) {
        orders(where: $where, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
            nodes { clientOrderId } } }";
    let data = app.execute(document, arguments).await.data();
    let nodes = data["orders"]["nodes"].as_array().unwrap();
    nodes.iter().map(|order| text(&order["clientOrderId"])).collect::<Vec<_>>().join(" ")
}
