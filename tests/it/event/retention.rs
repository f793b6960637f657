//! Events are kept as long as the operator wants, and whoever comes too late is told so.

use std::time::Duration;

use serde_json::{Value, json};
use waybill::{app::App, usecase::retention::Retention};

use super::{cursor, positions};
use crate::{
    harness::{PluginServer, Socket, TestApp, samples::order, socket::Word, sse::EventStream},
    plugin::gate,
};

/// A service that keeps events for ten days.
async fn start() -> TestApp {
    let mut app = TestApp::start_with(2).await;
    let mut config = (*app.app.config).clone();
    config.event_keep = Some(Duration::from_hours(240));
    app.app = App { config: config.into(), ..app.app.clone() };
    app.router = waybill::http::router(app.app.clone());
    app
}

async fn clean(app: &TestApp) {
    Retention::new(app.app.clone()).clean().await.unwrap();
}

async fn kept(app: &TestApp) -> Vec<i64> {
    app.stored().await.events.iter().map(|event| event.position).collect()
}

#[tokio::test]
async fn events_are_removed_by_age_and_no_earlier() {
    let app = start().await;
    app.create(order(1)).await;
    app.advance(chrono::Duration::days(5));
    app.create(order(2)).await;
    app.advance(chrono::Duration::days(5));
    clean(&app).await;
    assert_eq!(kept(&app).await, (1..=9).collect::<Vec<_>>());
    app.advance(chrono::Duration::seconds(1));
    clean(&app).await;
    assert_eq!(kept(&app).await, (5..=9).collect::<Vec<_>>());
    clean(&app).await;
    assert_eq!(kept(&app).await, (5..=9).collect::<Vec<_>>());
    app.advance(chrono::Duration::days(100));
    clean(&app).await;
    assert_eq!(kept(&app).await, Vec::<i64>::new());
    // The log goes on where it was.
    app.create(order(1)).await;
    assert_eq!(kept(&app).await, (10..=13).collect::<Vec<_>>());
}

#[tokio::test]
async fn without_a_limit_everything_is_kept() {
    let app = TestApp::start().await;
    app.create(order(1)).await;
    app.advance(chrono::Duration::days(10_000));
    clean(&app).await;
    assert_eq!(kept(&app).await, (1..=4).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_cursor_that_is_too_old_is_an_error_everywhere_and_the_oldest_good_one_is_not() {
    let app = start().await;
    app.create(order(1)).await;
    app.advance(chrono::Duration::days(11));
    app.create(order(1)).await;
    clean(&app).await;
    let message = "events after this cursor are not kept any more: read eventCursor, then what you need anew, and \
                   resume from there";
    let expired = json!({"code": "CURSOR_EXPIRED"});
    for position in [0, 3] {
        let document = "query($after: String) { orderEvents(after: $after) { nodes { cursor } } }";
        let answer = app.execute(document, json!({"after": cursor(position)})).await;
        assert_eq!(answer.error(), ("CURSOR_EXPIRED".to_owned(), message.to_owned()));
        let mut socket = Socket::open(app.listen().await).await;
        socket.subscribe("1", super::WATCH, json!({"after": cursor(position)})).await;
        let Word::Next(payload) = socket.word("1").await else { panic!("no answer") };
        assert_eq!(payload["errors"][0]["extensions"], expired);
        assert_eq!(socket.word("1").await, Word::Complete);
        let mut stream = EventStream::open(&app, super::WATCH, json!({}), Some(&cursor(position))).await;
        let shown = stream.shown().await.unwrap();
        assert!(shown.data.contains("CURSOR_EXPIRED"), "{shown:?}");
    }
    let document = "query($after: String) { orderEvents(after: $after) { nodes { cursor } } }";
    let answer = app.execute(document, json!({"after": cursor(4)})).await.data();
    assert_eq!(positions(answer["orderEvents"]["nodes"].as_array().unwrap()), [5, 6, 7, 8]);
    let mut stream = EventStream::open(&app, super::WATCH, json!({"after": cursor(4)}), None).await;
    assert_eq!(positions(&stream.events(4).await), [5, 6, 7, 8]);
    // A list without a cursor, and a history, begin with what there is.
    let answer = app.run("{ orderEvents { nodes { cursor } } }").await.data();
    assert_eq!(positions(answer["orderEvents"]["nodes"].as_array().unwrap()), [5, 6, 7, 8]);
}

#[tokio::test]
async fn a_subscriber_whose_events_are_removed_while_it_reads_them_is_told_so() {
    use futures_util::StreamExt as _;
    use waybill::events::{self, StreamError, Subscriber};

    let app = start().await;
    let orders: Vec<_> = (0..2).map(|_| order(100)).collect();
    app.mutate("ordersCreate", json!({"orders": orders}), "created").await;
    let subscriber = Subscriber {
        reader: app.app.reader(&waybill::access::Caller::local()),
        filter: waybill::store::event::EventFilter::default(),
        about: None,
        after: Some(events::Cursor(0)),
        place: None,
    };
    let mut stream = std::pin::pin!(events::stream(app.app.hub.clone(), subscriber));
    // It has read the first events at once, and not the others.
    assert_eq!(stream.next().await.unwrap().unwrap().row.position, 1);
    app.advance(chrono::Duration::days(11));
    clean(&app).await;
    let mut last = 1;
    let end = loop {
        match stream.next().await.unwrap() {
            Ok(event) => {
                assert_eq!(event.row.position, last + 1);
                last = event.row.position;
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(end, StreamError::Expired), "{end:?}");
    assert!(last < 206);
}

#[tokio::test]
async fn a_run_that_is_open_for_longer_than_its_event_is_kept_goes_on_without_it() {
    let app = start().await;
    let server = PluginServer::start().await;
    gate(&app, "checker", &server).await;
    let (id, _) = app.create(order(1)).await;
    app.advance(chrono::Duration::days(11));
    clean(&app).await;
    assert_eq!(kept(&app).await, Vec::<i64>::new());
    assert_eq!(app.settle().await, 1);
    let body = &server.calls()[0].body;
    assert_eq!((&body["event"], &body["order"]["id"]), (&Value::Null, &json!(id)));
    let document = format!("{{ order(id: {id:?}) {{ status pluginRuns {{ nodes {{ status }} }} }} }}");
    let expected = json!({"status": "IN_PROGRESS", "pluginRuns": {"nodes": [{"status": "PASSED"}]}});
    assert_eq!(app.run(&document).await.data()["order"], expected);
}

#[tokio::test]
async fn deliveries_go_with_their_events() {
    let app = start().await;
    let server = PluginServer::start().await;
    for _ in 0..2 {
        crate::webhook::endpoint_at(&app, &server.url).await;
    }
    server.answer(500, "").answer(500, "");
    app.create(order(1)).await;
    app.deliver().await;
    assert_eq!(crate::webhook::deliveries(&app).await.len(), 8);
    app.advance(chrono::Duration::days(11));
    clean(&app).await;
    assert!(crate::webhook::deliveries(&app).await.is_empty());
    app.create(order(1)).await;
    app.deliver().await;
    assert_eq!(crate::webhook::deliveries(&app).await.len(), 8);
}
