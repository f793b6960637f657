//! `orderBy`: the order of lists, and walks through it.

use serde_json::{Value, json};

use super::{app, names};
use crate::harness::{TestApp, text};

/// The names of a list that is read in pages of `size`, from its beginning or from its end.
async fn walk(app: &TestApp, arguments: &Value, size: usize, forward: bool) -> String {
    let document = "query Q($where: OrderWhere, $orderBy: [OrderOrder!], $first: Int, $after: String, $last: Int, $before: String) {
        orders(where: $where, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
            nodes { clientOrderId } pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } }";
    let (limit, bound, cursor, more) = if forward {
        ("first", "after", "endCursor", "hasNextPage")
    } else {
        ("last", "before", "startCursor", "hasPreviousPage")
    };
    let mut arguments = arguments.clone();
    arguments[limit] = json!(size);
    let mut seen: Vec<String> = Vec::new();
    loop {
        let page = app.execute(document, arguments.clone()).await.data()["orders"].clone();
        let page_names = page["nodes"].as_array().unwrap().iter().map(|order| text(&order["clientOrderId"]));
        if forward {
            seen.extend(page_names);
        } else {
            seen.splice(0..0, page_names);
        }
        if page["pageInfo"][more] == json!(false) {
            return seen.join(" ");
        }
        arguments[bound] = page["pageInfo"][cursor].clone();
    }
}

fn reversed(names: &str) -> String {
    names.split(' ').rev().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn every_order_is_walked_in_pages_of_any_size() {
    let app = app().await;
    let field = |name: &str, direction: &str| json!({"field": name, "direction": direction});
    let attribute = |key: &str, direction: &str| json!({"attribute": key, "direction": direction});
    for (order_by, expected) in [
        (json!([]), "a É D C B A"),
        (json!([field("CREATED_AT", "ASC")]), "A B C D É a"),
        (json!([field("UPDATED_AT", "ASC")]), "A B C D É a"),
        (json!([field("CLIENT_ORDER_ID", "ASC")]), "A B C D a É"),
        (json!([field("STATUS", "ASC")]), "É D A B C a"),
        (json!([attribute("lane", "ASC")]), "a D A É B C"),
        (json!([attribute("weight", "ASC")]), "C A É B D a"),
        (json!([attribute("due", "ASC")]), "D a A B C É"),
        (json!([attribute("rush", "ASC")]), "É C A B D a"),
        (json!([attribute("lane", "ASC"), attribute("weight", "ASC")]), "a D A É B C"),
        (json!([field("STATUS", "ASC"), attribute("weight", "DESC")]), "É D a B A C"),
        (json!([attribute("weight", "ASC"), field("CREATED_AT", "DESC")]), "C É A B a D"),
        (
            json!([field("STATUS", "DESC"), attribute("lane", "ASC"), field("CLIENT_ORDER_ID", "DESC")]),
            "a A B C D É",
        ),
    ] {
        let arguments = json!({"orderBy": order_by});
        assert_eq!(names(&app, arguments.clone()).await, expected, "{order_by}");
        for size in [1, 2, 5, 6] {
            assert_eq!(walk(&app, &arguments, size, true).await, expected, "{order_by} by {size}");
            assert_eq!(
                walk(&app, &arguments, size, false).await,
                expected,
                "{order_by} by {size}, backwards"
            );
        }
        // The reverse of every key is exactly the reverse, ties included.
        let mut reverse = order_by.clone();
        for key in reverse.as_array_mut().unwrap() {
            key["direction"] = json!(if key["direction"] == "ASC" { "DESC" } else { "ASC" });
        }
        if order_by != json!([]) {
            assert_eq!(
                walk(&app, &json!({"orderBy": reverse}), 2, true).await,
                reversed(expected),
                "{reverse}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_filtered_is_walked_in_any_order() {
    let app = app().await;
    let filters = [
        (json!({"clientId": {"eq": "acme"}}), "A B a"),
        (json!({"attribute": {"key": "weight", "gte": 5}}), "A B É"),
        (json!({"attribute": {"key": "lane", "eq": "north"}, "phase": {"eq": "ACTIVE"}}), "A"),
        (json!({"createdAt": {"gt": "2026-03-01T08:00:00Z"}}), "B C D É a"),
        (
            json!({"workOrders": {"some": {"status": {"eq": "CREATED"}, "type": {"eq": "DIGITAL_SERVICE"}}}}),
            "A C É a",
        ),
        (json!({"or": [{"clientOrderId": {"startsWith": "A"}}, {"clientId": {"eq": "birch"}}]}), "A C D"),
        (json!({"or": [{"readyToProcess": {"eq": false}}, {"clientId": {"eq": "birch"}}]}), "C D É"),
    ];
    for (filter, found) in filters {
        for order_by in [
            json!([{"field": "CREATED_AT"}]),
            json!([{"field": "UPDATED_AT"}]),
            json!([{"attribute": "weight"}, {"field": "CREATED_AT"}]),
            json!([{"attribute": "lane", "direction": "DESC"}]),
            json!([{"field": "STATUS"}, {"attribute": "due"}]),
            json!([]),
        ] {
            let whole = names(&app, json!({"orderBy": order_by})).await;
            let expected: Vec<_> =
                whole.split(' ').filter(|name| found.split(' ').any(|it| it == *name)).collect();
            let arguments = json!({"where": filter, "orderBy": order_by});
            for (size, forward) in [(1, true), (2, true), (2, false), (100, true)] {
                assert_eq!(walk(&app, &arguments, size, forward).await, expected.join(" "), "{arguments}");
            }
        }
    }
}

#[tokio::test]
async fn a_walk_by_an_attribute_sees_each_order_once_while_others_are_inserted() {
    let app = app().await;
    let page = |after: &Value| json!({"orderBy": [{"attribute": "weight"}], "first": 2, "after": after});
    let document = "query Q($orderBy: [OrderOrder!], $first: Int, $after: String) {
        orders(orderBy: $orderBy, first: $first, after: $after) { nodes { clientOrderId } pageInfo { endCursor hasNextPage } } }";
    let (mut after, mut seen) = (Value::Null, Vec::new());
    loop {
        let orders = app.execute(document, page(&after)).await.data()["orders"].clone();
        seen.extend(orders["nodes"].as_array().unwrap().iter().map(|order| text(&order["clientOrderId"])));
        if orders["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
        after = orders["pageInfo"]["endCursor"].clone();
        // Before everything that is still to come.
        let mut new = super::inputs().swap_remove(2);
        new["customAttributes"] = json!({"weight": -7});
        app.create(new).await;
    }
    assert_eq!(seen, ["C", "A", "É", "B", "D", "a"]);
}
