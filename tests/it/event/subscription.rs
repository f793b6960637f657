//! Subscriptions over a real WebSocket: what each of them carries, live and from the log.

use std::task::Poll;

use serde_json::{Value, json};
use waybill::{access::Caller, events::Cursor, store::Tenant};

use super::{cursor, positions, watch, whole_log};
use crate::harness::{
    Socket, TestApp,
    samples::{order, with},
    socket::Word,
    wait::{PATIENCE, poll_once, until},
};

const RECORD: &str = "id cursor type orderId workOrderId fromStatus toStatus transition reasonCode note actor changes \
                      entityVersion occurredAt recordedAt order { id status } workOrder { id status }";

/// A subscription to a field with arguments, from the beginning of the log.
async fn subscribe(socket: &mut Socket, id: &str, field: &str, arguments: &str) {
    let after = cursor(0);
    let document = format!("subscription {{ {field}(after: {after:?}{arguments}) {{ cursor }} }}");
    socket.subscribe(id, &document, json!({})).await;
}

#[tokio::test]
async fn a_dashboard_of_orders_sees_each_from_its_first_status_to_its_last() {
    let app = TestApp::start().await;
    let mut socket = Socket::open(app.listen().await).await;
    let after = cursor(0);
    let document = format!(
        "subscription {{ orderStatusChanged(after: {after:?}) {{ orderId type fromStatus toStatus transition }} }}"
    );
    socket.subscribe("1", &document, json!({})).await;
    let (id, work_orders) = app.create(order(1)).await;
    app.move_work_order(&work_orders[0], "START").await;
    app.move_work_order(&work_orders[0], "COMPLETE").await;
    app.change("orderTransition", json!({"id": id, "event": "CLOSE"}), "cursor").await;
    let change = |kind: &str, from: Value, to: &str, transition: Value| json!({"orderId": id, "type": kind, "fromStatus": from, "toStatus": to, "transition": transition});
    let status = "ORDER_STATUS_CHANGED";
    assert_eq!(
        socket.events("1", 5).await,
        [
            change("ORDER_CREATED", json!(null), "INITIATED", json!(null)),
            change(status, json!("INITIATED"), "CREATED", json!("VALIDATE")),
            change(status, json!("CREATED"), "IN_PROGRESS", json!("START")),
            change(status, json!("IN_PROGRESS"), "EXECUTED", json!("EXECUTE")),
            change(status, json!("EXECUTED"), "CLOSED", json!("CLOSE")),
        ]
    );
    socket.is_silent().await;
}

#[tokio::test]
async fn each_subscription_carries_its_own_events_only() {
    let app = TestApp::start().await;
    // Positions 1 to 5 and 6 to 9; then 10 to 13, and 14 for the order's EXECUTE.
    let (first, work_orders) = app.create(order(2)).await;
    let (second, _) = app.create(with(order(1), "clientId", json!("other"))).await;
    let address = app.listen().await;
    let by_order = format!(", orderId: {first:?}");
    let by_work_order = format!(", workOrderId: {:?}", work_orders[1]);
    let by_both = format!(", orderId: {second:?}, workOrderId: {:?}", work_orders[1]);
    let cases = [
        ("orderStatusChanged", "", vec![1, 4, 5, 6, 8, 9, 14]),
        ("orderStatusChanged", by_order.as_str(), vec![1, 4, 5, 14]),
        ("workOrderStatusChanged", "", vec![2, 3, 7, 10, 11, 12, 13]),
        ("workOrderStatusChanged", by_order.as_str(), vec![2, 3, 10, 11, 12, 13]),
        ("workOrderStatusChanged", by_work_order.as_str(), vec![3, 11, 13]),
        ("workOrderStatusChanged", by_both.as_str(), vec![]),
        ("orderEvents", ", where: {clientId: [\"other\"]}", vec![6, 7, 8, 9]),
        (
            "orderEvents",
            ", where: {types: [WORK_ORDER_STATUS_CHANGED], toStatus: [\"COMPLETED\"]}",
            vec![12, 13],
        ),
        ("orderEvents", ", where: {types: []}", vec![]),
    ];
    let mut sockets = Vec::new();
    for (field, arguments, _) in &cases {
        let mut socket = Socket::open(address).await;
        subscribe(&mut socket, "1", field, arguments).await;
        sockets.push(socket);
    }
    for (event, work_order) in [("START", 0), ("START", 1), ("COMPLETE", 0), ("COMPLETE", 1)] {
        app.move_work_order(&work_orders[work_order], event).await;
    }
    for (socket, (field, arguments, expected)) in sockets.iter_mut().zip(cases) {
        let events = socket.events("1", expected.len()).await;
        assert_eq!(positions(&events), expected, "{field} {arguments}");
        socket.is_silent().await;
    }
}

#[tokio::test]
async fn a_subscription_serves_the_same_records_as_the_query() {
    let app = TestApp::start().await;
    let mut socket = Socket::open(app.listen().await).await;
    let after = cursor(0);
    let document = format!("subscription {{ orderEvents(after: {after:?}) {{ {RECORD} }} }}");
    let (_, work_orders) = app.create(order(2)).await;
    let transition = json!({"id": work_orders[0], "event": "START", "reasonCode": "R", "note": "ready"});
    app.change("workOrderTransition", transition, "cursor").await;
    socket.subscribe("1", &document, json!({})).await;
    let heard = socket.events("1", 6).await;
    let read = app.run(&format!("{{ orderEvents {{ nodes {{ {RECORD} }} }} }}")).await.data();
    assert_eq!(json!(heard), read["orderEvents"]["nodes"]);
}

#[tokio::test]
async fn without_a_cursor_a_subscription_begins_now_and_then_misses_nothing() {
    let app = TestApp::start().await;
    let address = app.listen().await;
    app.create(order(1)).await;
    let mut socket = Socket::open(address).await;
    socket.subscribe("1", super::WATCH, json!({})).await;
    // Nothing says when it has begun; so it is given events until it hears of one.
    let mut heard = Vec::new();
    let begun = std::time::Instant::now();
    while heard.is_empty() {
        assert!(begun.elapsed() < PATIENCE, "nothing was heard");
        app.create(order(1)).await;
        let wait = std::time::Duration::from_millis(100);
        if let Ok(event) = tokio::time::timeout(wait, socket.event("1")).await {
            heard.push(event);
        }
    }
    app.create(order(3)).await;
    let log = whole_log(&app).await;
    let first = positions(&heard)[0];
    assert!(first > 4, "an old event was heard: {first}");
    assert_eq!(first % 4, 1, "it began within a transaction: {first}");
    let skipped = usize::try_from(first).unwrap() - 1;
    heard.extend(socket.events("1", log.len() - skipped - 1).await);
    assert_eq!(heard, log[skipped..]);
}

#[tokio::test]
async fn operations_on_one_socket_are_told_apart_and_end_alone() {
    let app = TestApp::start().await;
    let mut socket = Socket::open(app.listen().await).await;
    let (_, work_orders) = app.create(order(1)).await;
    subscribe(&mut socket, "orders", "orderStatusChanged", "").await;
    assert_eq!(positions(&socket.events("orders", 3).await), [1, 3, 4]);
    subscribe(&mut socket, "work orders", "workOrderStatusChanged", "").await;
    assert_eq!(positions(&socket.events("work orders", 1).await), [2]);
    socket.say(json!({"type": "complete", "id": "orders"})).await;
    socket.is_silent().await;
    app.move_work_order(&work_orders[0], "START").await;
    app.move_work_order(&work_orders[0], "COMPLETE").await;
    assert_eq!(positions(&socket.events("work orders", 2).await), [5, 6]);
    // Its id is free again, and a query or a mutation is answered on the socket as well.
    socket.subscribe("orders", "{ eventCursor }", json!({})).await;
    let answer = json!({"data": {"eventCursor": cursor(7)}, "extensions": {"cost": 1}});
    assert_eq!(socket.word("orders").await, Word::Next(answer));
    assert_eq!(socket.word("orders").await, Word::Complete);
}

#[tokio::test]
async fn a_cursor_or_id_that_is_not_of_this_log_ends_the_subscription_with_an_error() {
    let app = TestApp::start().await;
    app.create(order(1)).await;
    let orders = app.run("{ orders { edges { cursor } } }").await.data();
    let of_orders = orders["orders"]["edges"][0]["cursor"].as_str().unwrap().to_owned();
    let of_another = Cursor(1).encode(&Tenant::new("another"));
    let mut socket = Socket::open(app.listen().await).await;
    for (field, after) in ["orderEvents", "orderStatusChanged", "workOrderStatusChanged"]
        .iter()
        .flat_map(|field| [&of_orders, &of_another, &cursor(5), ""].map(|after| (field, after.to_owned())))
    {
        let document = format!("subscription {{ {field}(after: {after:?}) {{ id }} }}");
        socket.subscribe("1", &document, json!({})).await;
        let message = "after is not a cursor of this tenant's event log; use one that it gave you";
        assert_eq!(refused(&mut socket).await, ("BAD_USER_INPUT".to_owned(), message.to_owned()));
    }
    for arguments in ["orderStatusChanged(orderId: \"wo_1\")", "orderEvents(where: {workOrderId: \"x\"})"] {
        socket.subscribe("1", &format!("subscription {{ {arguments} {{ id }} }}"), json!({})).await;
        assert_eq!(refused(&mut socket).await.0, "BAD_USER_INPUT");
    }
    socket.is_silent().await;
}

/// Code and message of the error with which the operation ended.
pub(super) async fn refused(socket: &mut Socket) -> (String, String) {
    let errors = match socket.word("1").await {
        Word::Error(errors) => errors,
        Word::Next(payload) => {
            assert_eq!(payload["data"], Value::Null, "{payload:#}");
            assert_eq!(socket.word("1").await, Word::Complete);
            payload["errors"].clone()
        }
        Word::Complete => panic!("it ended without a word"),
    };
    assert_eq!(errors.as_array().unwrap().len(), 1, "{errors:#}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&errors[0]["extensions"]["code"]), text(&errors[0]["message"]))
}

#[tokio::test]
async fn a_snapshot_and_the_changes_after_its_cursor_are_everything() {
    let app = TestApp::start().await;
    let address = app.listen().await;
    let (_, work_orders) = app.create(order(1)).await;
    let position = app.run("{ eventCursor }").await.data()["eventCursor"].clone();
    // This one is both in the snapshot and among the changes: the versions tell.
    app.move_work_order(&work_orders[0], "START").await;
    let snapshot = app.run("{ orders { nodes { workOrders { status version } } } }").await.data();
    assert_eq!(
        snapshot["orders"]["nodes"][0]["workOrders"],
        json!([{"status": "IN_PROGRESS", "version": 2}])
    );
    app.move_work_order(&work_orders[0], "COMPLETE").await;
    let mut socket = Socket::open(address).await;
    let document = "subscription($after: String) { orderEvents(after: $after) { toStatus entityVersion } }";
    socket.subscribe("1", document, json!({"after": position})).await;
    assert_eq!(
        socket.events("1", 3).await,
        [
            json!({"toStatus": "IN_PROGRESS", "entityVersion": 2}),
            json!({"toStatus": "COMPLETED", "entityVersion": 3}),
            json!({"toStatus": "EXECUTED", "entityVersion": 4}),
        ]
    );
}

#[tokio::test]
async fn the_cursor_of_a_payload_resumes_right_after_that_write() {
    let app = TestApp::start().await;
    let payload = app.change("orderCreate", order(1), "cursor order { workOrders { id } }").await;
    let work_order = payload["order"]["workOrders"][0]["id"].as_str().unwrap();
    let mut socket = watch(app.listen().await, 4).await;
    assert_eq!(payload["cursor"], json!(cursor(4)));
    socket.is_silent().await;
    app.move_work_order(work_order, "START").await;
    assert_eq!(positions(&[socket.event("1").await]), [5]);
}

#[tokio::test]
async fn another_tenants_order_is_never_heard_of() {
    let app = TestApp::start().await;
    let (id, work_orders) = app.create(order(1)).await;
    let tenant = Tenant::new("another");
    let caller = Caller { tenant: tenant.clone(), ..Caller::local() };
    let create = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
    let created = app.execute_as(caller.clone(), create, json!({"input": order(1)})).await.data();
    let (begin, end) = (Cursor(0).encode(&tenant), Cursor(4).encode(&tenant));
    for (field, expected) in [
        (format!("orderStatusChanged(orderId: {id:?}, after: {begin:?})"), 0),
        (format!("workOrderStatusChanged(workOrderId: {:?}, after: {begin:?})", work_orders[0]), 0),
        (format!("orderEvents(where: {{orderId: {id:?}}}, after: {begin:?})"), 0),
        (format!("orderEvents(after: {begin:?})"), 4),
    ] {
        for selection in ["orderId", "orderId order { id }"] {
            let document = format!("subscription {{ e: {field} {{ {selection} }} }}");
            let (mut answers, place) = app.subscribe_as(caller.clone(), &document);
            let mut heard = Vec::new();
            until("the end of the log", async || {
                while let Poll::Ready(answer) = poll_once(&mut answers).await {
                    heard.push(answer.expect("the subscription ended")["data"]["e"]["orderId"].clone());
                }
                (place.passed().as_deref() == Some(&end)).then_some(())
            })
            .await;
            assert_eq!(heard, vec![created["orderCreate"]["order"]["id"].clone(); expected], "{document}");
        }
    }
}
