//! `orderEvents`, `Order.events` and `eventCursor`.

use serde_json::{Value, json};
use waybill::{access::Caller, store::Tenant};

use super::{cursor, positions};
use crate::harness::{
    TestApp,
    samples::{order, with},
};

const PAGE: &str =
    "query($where: OrderEventWhere, $first: Int, $after: String, $last: Int, $before: String) {
    orderEvents(where: $where, first: $first, after: $after, last: $last, before: $before) {
        nodes { cursor }
        count { value exact }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
}";

async fn page(app: &TestApp, variables: Value) -> Value {
    app.execute(PAGE, variables).await.data()["orderEvents"].clone()
}

/// Code and message of the refusal of a page.
async fn refusal(app: &TestApp, variables: Value) -> (String, String) {
    app.execute(PAGE, variables).await.error()
}

#[tokio::test]
async fn the_log_has_one_whole_record_per_fact_with_causes_before_effects() {
    let app = TestApp::start().await;
    let (order_id, work_orders) = app.create(order(2)).await;
    let document = "{ orderEvents { edges { cursor node {
        id cursor type orderId workOrderId order { id } workOrder { id } fromStatus toStatus transition reasonCode
        note actor changes entityVersion occurredAt recordedAt
    } } } }";
    let found = app.run(document).await.data();
    let stored = app.stored().await.events;
    let facts = [
        ("ORDER_CREATED", None, None, "INITIATED", None, 1),
        ("WORK_ORDER_CREATED", Some(0), None, "CREATED", None, 1),
        ("WORK_ORDER_CREATED", Some(1), None, "CREATED", None, 1),
        ("ORDER_STATUS_CHANGED", None, Some("INITIATED"), "CREATED", Some("VALIDATE"), 2),
        ("ORDER_STATUS_CHANGED", None, Some("CREATED"), "IN_PROGRESS", Some("START"), 3),
    ];
    let expected: Vec<_> = (1..)
        .zip(facts)
        .zip(&stored)
        .map(|((position, (kind, work_order, from, to, transition, version)), stored)| {
            let work_order = work_order.map(|index: usize| work_orders[index].clone());
            json!({"cursor": cursor(position), "node": {
                "id": stored.id.to_string(), "cursor": cursor(position), "type": kind, "orderId": order_id,
                "workOrderId": work_order, "order": {"id": order_id},
                "workOrder": work_order.map(|id| json!({"id": id})), "fromStatus": from, "toStatus": to,
                "transition": transition, "reasonCode": null, "note": null, "actor": "local", "changes": null,
                "entityVersion": version, "occurredAt": "2026-03-01T08:00:00Z", "recordedAt": "2026-03-01T08:00:00Z",
            }})
        })
        .collect();
    assert_eq!(found["orderEvents"]["edges"], json!(expected));
    assert!(stored.iter().all(|event| event.id.to_string().starts_with("evt_")));
}

#[tokio::test]
async fn a_transitions_reason_and_time_are_in_its_event() {
    let app = TestApp::start().await;
    let (_, work_orders) = app.create(order(1)).await;
    let input = json!({
        "id": work_orders[0], "event": "START", "reasonCode": "ON_SITE", "note": "at the gate",
        "occurredAt": "2026-03-01T07:30:00+01:00",
    });
    app.change("workOrderTransition", input, "cursor").await;
    let document = "{ orderEvents(last: 1) { nodes {
        type workOrderId fromStatus toStatus transition reasonCode note entityVersion occurredAt recordedAt
    } } }";
    assert_eq!(
        app.run(document).await.data()["orderEvents"]["nodes"],
        json!([{
            "type": "WORK_ORDER_STATUS_CHANGED", "workOrderId": work_orders[0], "fromStatus": "CREATED",
            "toStatus": "IN_PROGRESS", "transition": "START", "reasonCode": "ON_SITE", "note": "at the gate",
            "entityVersion": 2, "occurredAt": "2026-03-01T06:30:00Z", "recordedAt": "2026-03-01T08:00:00Z",
        }])
    );
}

#[tokio::test]
async fn each_filter_narrows_the_log_and_all_of_them_must_hold() {
    let app = TestApp::start().await;
    let (first, work_orders) = app.create(order(2)).await;
    app.create(with(order(1), "clientId", json!("other"))).await;
    app.move_work_order(&work_orders[0], "START").await;
    let unknown = waybill_id("ord_");
    for (filter, expected) in [
        (json!(null), (1..=10).collect()),
        (json!({}), (1..=10).collect()),
        (json!({"types": ["WORK_ORDER_CREATED"]}), vec![2, 3, 7]),
        (json!({"types": ["ORDER_CREATED", "WORK_ORDER_STATUS_CHANGED"]}), vec![1, 6, 10]),
        (json!({"types": ["ORDER_UPDATED"]}), vec![]),
        (json!({"types": []}), vec![]),
        (json!({"orderId": first}), vec![1, 2, 3, 4, 5, 10]),
        (json!({"orderId": unknown}), vec![]),
        (json!({"workOrderId": work_orders[0]}), vec![2, 10]),
        (json!({"toStatus": ["IN_PROGRESS"]}), vec![5, 9, 10]),
        (json!({"toStatus": ["INITIATED", "CREATED"]}), vec![1, 2, 3, 4, 6, 7, 8]),
        (json!({"toStatus": []}), vec![]),
        (json!({"clientId": ["other"]}), vec![6, 7, 8, 9]),
        (json!({"clientId": ["other", "acme"]}), (1..=10).collect()),
        (json!({"types": ["ORDER_STATUS_CHANGED"], "toStatus": ["CREATED"], "clientId": ["acme"]}), vec![4]),
        (json!({"orderId": first, "clientId": ["other"]}), vec![]),
    ] {
        let page = page(&app, json!({"where": filter, "first": 100})).await;
        assert_eq!(positions(page["nodes"].as_array().unwrap()), expected, "{filter}");
        assert_eq!(page["count"], json!({"value": expected.len(), "exact": true}), "{filter}");
    }
}

#[tokio::test]
async fn a_filter_with_an_id_of_another_kind_or_a_long_list_is_refused() {
    let app = TestApp::start().await;
    let (order_id, work_orders) = app.create(order(1)).await;
    for (filter, part) in [
        (json!({"orderId": work_orders[0]}), "ord_"),
        (json!({"workOrderId": order_id}), "wo_"),
        (json!({"orderId": "nonsense"}), "ord_"),
        (json!({"toStatus": vec!["CREATED"; 101]}), "a list in a filter holds at most 100 members"),
        (json!({"clientId": vec!["acme"; 101]}), "a list in a filter holds at most 100 members"),
    ] {
        let (code, message) = refusal(&app, json!({"where": filter})).await;
        assert_eq!(code, "BAD_USER_INPUT", "{message}");
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn pages_are_taken_from_either_end_and_between_cursors() {
    let app = TestApp::start().await;
    app.create(order(2)).await;
    for (variables, expected, next, previous) in [
        (json!({}), 1..=5, false, false),
        (json!({"first": 2}), 1..=2, true, false),
        (json!({"first": 2, "after": cursor(2)}), 3..=4, true, true),
        (json!({"first": 2, "after": cursor(3)}), 4..=5, false, true),
        (json!({"last": 2}), 4..=5, false, true),
        (json!({"last": 2, "before": cursor(4)}), 2..=3, true, true),
        (json!({"last": 100, "before": cursor(3)}), 1..=2, true, false),
        (json!({"first": 2, "after": cursor(1), "before": cursor(5)}), 2..=3, true, true),
    ] {
        let page = page(&app, variables.clone()).await;
        let (first, last) = (*expected.start(), *expected.end());
        assert_eq!(positions(page["nodes"].as_array().unwrap()), expected.collect::<Vec<_>>(), "{variables}");
        assert_eq!(
            page["pageInfo"],
            json!({
                "hasNextPage": next, "hasPreviousPage": previous,
                "startCursor": cursor(first), "endCursor": cursor(last),
            }),
            "{variables}"
        );
    }
    // The cursor of the empty log comes before everything.
    let all = page(&app, json!({"after": cursor(0)})).await;
    assert_eq!(positions(all["nodes"].as_array().unwrap()), [1, 2, 3, 4, 5]);
    let beyond = page(&app, json!({"after": cursor(5)})).await;
    assert_eq!(beyond["nodes"], json!([]));
    assert_eq!(
        (&beyond["pageInfo"]["endCursor"], &beyond["pageInfo"]["hasNextPage"]),
        (&json!(null), &json!(false))
    );
}

#[tokio::test]
async fn cursors_of_elsewhere_and_bad_lengths_are_refused() {
    let app = TestApp::start().await;
    app.create(order(1)).await;
    let orders = app.run("{ orders { edges { cursor } } }").await.data();
    let of_orders = orders["orders"]["edges"][0]["cursor"].clone();
    let of_another = waybill::events::Cursor(1).encode(&Tenant::new("another"));
    let no_cursor =
        |name: &str| format!("{name} is not a cursor of this list; use one that a page of it gave you");
    for (variables, message) in [
        (json!({"after": of_orders}), no_cursor("after")),
        (json!({"before": of_orders}), no_cursor("before")),
        (json!({"after": of_another}), no_cursor("after")),
        (json!({"after": "1"}), no_cursor("after")),
        (json!({"after": ""}), no_cursor("after")),
        (json!({"first": 0}), "first must be from 1 to 100, not 0".to_owned()),
        (json!({"first": 101}), "first must be from 1 to 100, not 101".to_owned()),
        (json!({"last": -1}), "last must be from 1 to 100, not -1".to_owned()),
        (json!({"first": 1, "last": 1}), "ask for either first or last, not both".to_owned()),
    ] {
        assert_eq!(
            refusal(&app, variables.clone()).await,
            ("BAD_USER_INPUT".to_owned(), message),
            "{variables}"
        );
    }
    let document = format!("{{ orders(after: {:?}) {{ nodes {{ id }} }} }}", cursor(1));
    assert_eq!(app.run(&document).await.error(), ("BAD_USER_INPUT".to_owned(), no_cursor("after")));
}

#[tokio::test]
async fn a_cursor_that_the_log_has_not_handed_out_is_refused() {
    let app = TestApp::start().await;
    let (id, _) = app.create(order(1)).await;
    let expected = (
        "BAD_USER_INPUT".to_owned(),
        "after is not a cursor of this tenant's event log; use one that it gave you".to_owned(),
    );
    assert_eq!(refusal(&app, json!({"after": cursor(5)})).await, expected);
    let document =
        format!("{{ order(id: {id:?}) {{ events(after: {:?}) {{ nodes {{ id }} }} }} }}", cursor(5));
    assert_eq!(app.run(&document).await.error(), expected);
}

#[tokio::test]
async fn an_orders_history_is_its_own_and_that_of_its_work_orders() {
    let app = TestApp::start().await;
    let (first, work_orders) = app.create(order(1)).await;
    let (second, _) = app.create(order(1)).await;
    app.move_work_order(&work_orders[0], "START").await;
    let events = async |id: &str, arguments: &str| {
        let document = format!(
            "{{ order(id: {id:?}) {{ events{arguments} {{ nodes {{ cursor }} count {{ value }} }} }} }}"
        );
        let events = app.run(&document).await.data()["order"]["events"].clone();
        (positions(events["nodes"].as_array().unwrap()), events["count"]["value"].clone())
    };
    assert_eq!(events(&first, "").await, (vec![1, 2, 3, 4, 9], json!(5)));
    assert_eq!(events(&second, "").await, (vec![5, 6, 7, 8], json!(4)));
    assert_eq!(events(&first, "(last: 2)").await, (vec![4, 9], json!(5)));
    assert_eq!(events(&first, &format!("(first: 1, after: {:?})", cursor(4))).await, (vec![9], json!(5)));
    assert_eq!(events(&first, &format!("(before: {:?})", cursor(3))).await, (vec![1, 2], json!(5)));
}

#[tokio::test]
async fn the_event_cursor_is_that_of_the_newest_event_and_of_the_payload() {
    let app = TestApp::start().await;
    let event_cursor = async || app.run("{ eventCursor }").await.data()["eventCursor"].clone();
    assert_eq!(event_cursor().await, json!(cursor(0)));
    let payload = app.change("orderCreate", order(2), "cursor order { id }").await;
    assert_eq!(payload["cursor"], json!(cursor(5)));
    assert_eq!(event_cursor().await, json!(cursor(5)));
    let bad = with(order(1), "workOrders", json!([]));
    assert_eq!(app.refusals("orderCreate", bad).await, ["REQUIRED workOrders"]);
    assert_eq!(event_cursor().await, json!(cursor(5)));
}

#[tokio::test]
async fn another_tenants_log_is_not_seen() {
    let app = TestApp::start().await;
    app.create(order(1)).await;
    let other = Caller { tenant: Tenant::new("other"), ..Caller::local() };
    let document = "{ eventCursor orderEvents { nodes { id } count { value } } }";
    let reply = app.execute_as(other.clone(), document, json!({})).await.data();
    let own = waybill::events::Cursor(0).encode(&Tenant::new("other"));
    assert_eq!(reply, json!({"eventCursor": own, "orderEvents": {"nodes": [], "count": {"value": 0}}}));
    let (code, _) = app.execute_as(other, PAGE, json!({"after": cursor(1)})).await.error();
    assert_eq!(code, "BAD_USER_INPUT");
}

/// An id of that kind that nothing has.
fn waybill_id(prefix: &str) -> String {
    format!("{prefix}01h00000000000000000000000")
}

/// Histories of several orders come with one statement; each must be the page that the log itself gives.
#[tokio::test]
async fn the_history_of_each_listed_order_is_its_own_page_of_the_log() {
    let app = TestApp::start().await;
    for count in 1..=3 {
        app.create(order(count)).await;
    }
    for arguments in
        ["first: 2", "last: 2", "first: 100", "last: 3, before: $cursor", "first: 1, after: $cursor"]
    {
        // A cursor in the middle of the second order's history.
        let cursor = app.run("{ orderEvents(first: 8) { pageInfo { endCursor } } }").await.data();
        let cursor = &cursor["orderEvents"]["pageInfo"]["endCursor"];
        let arguments = arguments.replace("$cursor", &cursor.to_string());
        let page = "nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }";
        let listed =
            app.run(&format!("{{ orders {{ nodes {{ id events({arguments}) {{ {page} }} }} }} }}")).await;
        let listed = listed.data();
        let orders = listed["orders"]["nodes"].as_array().unwrap();
        assert_eq!(orders.len(), 3);
        for order in orders {
            let of_log =
                format!("{{ orderEvents(where: {{orderId: {}}}, {arguments}) {{ {page} }} }}", order["id"]);
            assert_eq!(order["events"], app.run(&of_log).await.data()["orderEvents"], "{arguments}");
        }
    }
}
