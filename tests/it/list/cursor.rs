//! Cursors are good for the list that gave them, and for no other.

use serde_json::{Value, json};

use super::app;
use crate::harness::text;

#[tokio::test]
async fn a_cursor_of_another_list_or_one_that_was_changed_is_refused() {
    let app = app().await;
    let document = "query Q($where: OrderWhere, $orderBy: [OrderOrder!], $after: String) {
        orders(where: $where, orderBy: $orderBy, first: 1, after: $after) { nodes { id } pageInfo { endCursor } } }";
    let lists = [
        json!({}),
        json!({"orderBy": [{"field": "CREATED_AT"}]}),
        json!({"orderBy": [{"field": "CREATED_AT", "direction": "DESC"}]}),
        json!({"orderBy": [{"attribute": "weight"}]}),
        json!({"orderBy": [{"attribute": "lane"}]}),
        json!({"where": {"clientId": {"eq": "acme"}}}),
        json!({"where": {"clientId": {"eq": "birch"}}}),
        json!({"where": {"attribute": {"key": "lane", "eq": "north"}}}),
        json!({"where": {"attribute": {"key": "lane", "ne": "north"}}}),
    ];
    let mut cursors = Vec::new();
    for list in &lists {
        let data = app.execute(document, list.clone()).await.data();
        cursors.push(text(&data["orders"]["pageInfo"]["endCursor"]));
    }
    let mut refused = Vec::new();
    for (own, list) in lists.iter().enumerate() {
        for (other, cursor) in cursors.iter().enumerate() {
            let mut arguments = list.clone();
            arguments["after"] = json!(cursor);
            let reply = app.execute(document, arguments).await;
            if own == other {
                reply.data();
            } else {
                refused.push(reply);
            }
        }
        let cursor = &cursors[own];
        let mut bytes = cursor.clone().into_bytes();
        bytes[20] = if bytes[20] == b'A' { b'B' } else { b'A' };
        for broken in [
            String::from_utf8(bytes).unwrap(),
            cursor[1..].to_owned(),
            format!("{cursor}AAAA"),
            "A".repeat(5_000),
        ] {
            let mut arguments = list.clone();
            arguments["after"] = json!(broken);
            refused.push(app.execute(document, arguments).await);
        }
    }
    for reply in refused {
        let (code, message) = reply.error();
        assert_eq!(code, "BAD_USER_INPUT");
        assert!(message.starts_with("after is not a cursor of this list"), "{message}");
    }
    let work_orders = format!("{{ workOrders(after: \"{}\") {{ nodes {{ id }} }} }}", cursors[0]);
    assert_eq!(app.run(&work_orders).await.error().0, "BAD_USER_INPUT");
}

#[tokio::test]
async fn the_arguments_of_pages_are_those_of_every_list() {
    let app = app().await;
    for (arguments, message) in [
        ("first: 0", "first must be from 1 to 100, not 0"),
        ("first: 101", "first must be from 1 to 100, not 101"),
        ("first: 1, last: 1", "ask for either first or last, not both"),
    ] {
        for list in ["orders", "workOrders"] {
            let document =
                format!("{{ {list}(where: {{phase: {{eq: ACTIVE}}}}, {arguments}) {{ nodes {{ id }} }} }}");
            assert_eq!(app.run(&document).await.error(), ("BAD_USER_INPUT".to_owned(), message.to_owned()));
        }
    }
    let both = "{ orders(last: 2, orderBy: [{field: STATUS}]) { pageInfo { hasNextPage hasPreviousPage } } }";
    let expected: Value = json!({"orders": {"pageInfo": {"hasNextPage": false, "hasPreviousPage": true}}});
    assert_eq!(app.run(both).await.data(), expected);
}
