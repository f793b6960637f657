//! What is written once for all subscribers is what the executor would answer each of them.

use serde_json::{Value, json};

use super::{cursor, positions};
use crate::harness::{
    Socket, TestApp,
    samples::{order, with},
    socket::Word,
};

const COLUMNS: &str = "id cursor type orderId workOrderId fromStatus toStatus transition reasonCode note actor changes \
                       entityVersion occurredAt recordedAt";

/// Events whose every column is set somewhere, and needs escaping where it can.
async fn events_of_all_kinds(app: &TestApp) -> usize {
    let (id, work_orders) = app.create(order(2)).await;
    let update = json!({"id": id, "batchId": "\"b\"\n\u{1}é"});
    app.change("orderUpdate", update, "cursor").await;
    let reason = json!({"id": work_orders[0], "event": "START", "reasonCode": "R", "note": "\"a\"\\\n"});
    app.change("workOrderTransition", with(reason, "occurredAt", json!("2026-03-01T07:00:00.25Z")), "cursor")
        .await;
    app.stored().await.events.len()
}

/// What a subscription from the beginning tells, and the text of its messages.
async fn heard(app: &TestApp, selection: &str, count: usize) -> Vec<Value> {
    let mut socket = Socket::open(app.listen().await).await;
    let no = if selection.contains("$no") { ", $no: Boolean = false" } else { "" };
    let statuses = "fragment Statuses on OrderEvent { fromStatus toStatus }";
    let fragments = if selection.contains("...Statuses") { statuses } else { "" };
    let document = format!("subscription($after: String{no}) {{ {selection} }} {fragments}");
    socket.subscribe("1", &document, json!({"after": cursor(0)})).await;
    let mut answers = Vec::new();
    while answers.len() < count {
        match socket.word("1").await {
            Word::Next(payload) => answers.push(payload),
            end => panic!("{end:?}"),
        }
    }
    socket.is_silent().await;
    answers
}

#[tokio::test]
async fn whatever_is_asked_of_an_event_the_answer_is_the_same() {
    let app = TestApp::start().await;
    let count = events_of_all_kinds(&app).await;
    for selection in [
        COLUMNS.to_owned(),
        "__typename a: id b: id id type".to_owned(),
        "... on OrderEvent { type ...Statuses } cursor ...Statuses".to_owned(),
        "cursor @skip(if: $no) note @include(if: $no) type @include(if: true)".to_owned(),
    ] {
        let written = format!("orderEvents(after: $after) {{ {selection} ...Statuses }}");
        let resolved = format!("orderEvents(after: $after) {{ {selection} ...Statuses order {{ status }} }}");
        let written = heard(&app, &written, count).await;
        let mut resolved = heard(&app, &resolved, count).await;
        for answer in &mut resolved {
            answer["data"]["orderEvents"].as_object_mut().unwrap().remove("order");
        }
        assert_eq!(written, resolved, "{selection}");
    }
    let named = heard(&app, "all: orderEvents(after: $after) { cursor }", count).await;
    let cursors: Vec<_> = named.iter().map(|answer| answer["data"]["all"].clone()).collect();
    assert_eq!(positions(&cursors), (1..=i64::try_from(count).unwrap()).collect::<Vec<_>>());
}

#[tokio::test]
async fn those_who_ask_for_the_same_and_for_other_things_hear_each_their_own() {
    let app = TestApp::start().await;
    let address = app.listen().await;
    let mut sockets = Vec::new();
    for index in 0..40 {
        let mut socket = Socket::open(address).await;
        // More forms than an event keeps texts of, each asked for by two.
        let document = format!(
            "subscription($after: String) {{ f{}: orderEvents(after: $after) {{ cursor }} }}",
            index / 2
        );
        socket.subscribe("1", &document, json!({"after": cursor(0)})).await;
        sockets.push(socket);
    }
    app.create(order(1)).await;
    for (index, socket) in sockets.iter_mut().enumerate() {
        for position in 1..=4 {
            let expected = json!({"data": {format!("f{}", index / 2): {"cursor": cursor(position)}}});
            assert_eq!(socket.word("1").await, Word::Next(expected));
        }
    }
}

#[tokio::test]
async fn a_subscription_of_two_fields_hears_both() {
    let app = TestApp::start().await;
    app.create(order(1)).await;
    let both =
        "orderStatusChanged(after: $after) { cursor } workOrderStatusChanged(after: $after) { cursor }";
    let answers = heard(&app, both, 4).await;
    let of = |field: &str| {
        let events: Vec<_> = answers.iter().map(|answer| answer["data"][field].clone()).collect();
        positions(&events.into_iter().filter(|event| !event.is_null()).collect::<Vec<_>>())
    };
    assert_eq!((of("orderStatusChanged"), of("workOrderStatusChanged")), (vec![1, 3, 4], vec![2]));
}

#[tokio::test]
async fn an_error_on_the_way_is_the_same_too() {
    let mut ends = Vec::new();
    for selection in ["cursor", "cursor order { id }"] {
        let app = TestApp::start().await;
        let mut socket = Socket::open(app.listen().await).await;
        app.create(order(1)).await;
        let document =
            format!("subscription($after: String) {{ e: orderEvents(after: $after) {{ {selection} }} }}");
        socket.subscribe("1", &document, json!({"after": cursor(3)})).await;
        socket.event("1").await;
        app.stop();
        ends.push(socket.word("1").await);
        assert_eq!(socket.word("1").await, Word::Complete);
    }
    let error = json!({
        "message": "the server is stopping; resume from your last cursor",
        "locations": [{"line": 1, "column": 32}],
        "path": ["e"],
        "extensions": {"code": "UNAVAILABLE"},
    });
    assert_eq!(ends, [(); 2].map(|()| Word::Next(json!({"errors": [error], "data": null}))));
}
