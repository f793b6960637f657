//! A subscriber that is slower than what happens is caught up from the log.

use std::{pin::pin, task::Poll};

use futures_util::StreamExt as _;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use waybill::{
    access::Caller,
    events::{self, StreamError, Subscriber},
    store::event::EventFilter,
};

use super::{cursor, positions};
use crate::harness::{
    Socket, TestApp,
    samples::order,
    wait::{poll_once, until, within},
};

/// Writes `count` orders of 100 work orders in one transaction: 103 events each, more than 1,024 in all from 10 on.
async fn flood(app: &TestApp, count: usize) {
    let orders: Vec<_> = (0..count).map(|_| order(100)).collect();
    let payload = app.mutate("ordersCreate", json!({"orders": orders}), "created failed").await;
    assert_eq!(payload, json!({"created": count, "failed": 0}));
}

#[tokio::test]
async fn a_subscriber_that_missed_more_than_the_backlog_misses_nothing() {
    for after in [None, Some(events::Cursor(0))] {
        let app = TestApp::start_with(2).await;
        app.create(order(1)).await;
        let reader = app.app.reader(&Caller::local()).for_stream();
        let subscriber =
            Subscriber { reader, filter: EventFilter::default(), about: None, after, place: None };
        let stream = events::stream(app.app.hub.clone(), subscriber);
        let mut stream = pin!(stream);
        let mut heard = Vec::new();
        if after.is_some() {
            for _ in 0..4 {
                heard.push(within("an old event", stream.next()).await.unwrap().unwrap().row.position);
            }
        }
        // Makes sure that it listens: the first live event is heard.
        let first = until("a live event", async || match poll_once(&mut stream).await {
            Poll::Ready(event) => Some(event.unwrap().unwrap().row.position),
            Poll::Pending => {
                app.create(order(1)).await;
                None
            }
        });
        heard.push(first.await);
        // Not a single one of these is taken while they are handed out.
        flood(&app, 25).await;
        let newest = i64::try_from(app.stored().await.events.len()).unwrap();
        while heard.last() != Some(&newest) {
            heard.push(within("the next event", stream.next()).await.unwrap().unwrap().row.position);
        }
        let begin = heard[0];
        assert_eq!(heard, (begin..=newest).collect::<Vec<_>>(), "{after:?}");
        assert_eq!(begin == 1, after.is_some(), "{after:?}");
        assert!(heard.len() > 2_500);
    }
}

/// A subscription whose messages are so long that they soon fill what a connection holds: the server has to wait for its
/// client.
fn wide(types: &str) -> String {
    let fields: Vec<_> = (0..150).map(|index| format!("the_same_again_{index}: cursor")).collect();
    format!(
        "subscription($after: String) {{ orderEvents(after: $after, where: {{types: [{types}]}}) {{ cursor {} }} }}",
        fields.join(" ")
    )
}

#[tokio::test]
async fn a_socket_that_reads_too_slowly_is_caught_up_with_a_filter_as_well() {
    let app = TestApp::start_with(2).await;
    let mut socket = Socket::open_narrow(app.listen().await).await;
    let document = wide("WORK_ORDER_CREATED");
    app.create(order(1)).await;
    socket.subscribe("1", &document, json!({"after": cursor(0)})).await;
    assert_eq!(positions(&[socket.event("1").await]), [2]);
    flood(&app, 40).await;
    let events = app.stored().await.events;
    let expected: Vec<_> = events
        .iter()
        .filter(|event| event.kind == entity::stored::EventType::WorkOrderCreated)
        .map(|event| event.position)
        .skip(1)
        .collect();
    assert_eq!(expected.len(), 4_000);
    assert_eq!(positions(&socket.events("1", expected.len()).await), expected);
    app.create(order(2)).await;
    assert_eq!(socket.events("1", 2).await.len(), 2);
    socket.is_silent().await;
}

#[tokio::test]
async fn a_socket_that_reads_nothing_is_cut_off_and_misses_nothing_when_it_comes_back() {
    let app = TestApp::start_with(2).await;
    let address = app.listen().await;
    let mut socket = Socket::open_narrow(address).await;
    let document = wide("ORDER_CREATED, WORK_ORDER_CREATED, ORDER_STATUS_CHANGED");
    app.create(order(1)).await;
    socket.subscribe("1", &document, json!({"after": cursor(0)})).await;
    let mut heard = positions(&socket.events("1", 4).await);
    flood(&app, 40).await;
    // Nobody listens any more: all that the server had for this client is gone.
    let tenant = Caller::local().tenant;
    until("the end of the subscription", async || app.app.hub.position(&tenant).is_none().then_some(()))
        .await;
    // What was on its way is good.
    while let Some(Ok(Message::Text(text))) = socket.receive().await {
        let message: serde_json::Value = serde_json::from_str(&text).unwrap();
        heard.extend(positions(&[message["payload"]["data"]["orderEvents"].clone()]));
    }
    let newest = app.stored().await.events.len();
    assert!(heard.len() < newest, "{} of {newest}", heard.len());
    let mut socket = Socket::open(address).await;
    socket.subscribe("1", &document, json!({"after": cursor(*heard.last().unwrap())})).await;
    heard.extend(positions(&socket.events("1", newest - heard.len()).await));
    assert_eq!(heard, (1..=i64::try_from(newest).unwrap()).collect::<Vec<_>>());
    socket.is_silent().await;
}

#[tokio::test]
async fn a_subscriber_that_does_not_catch_up_is_sent_away_with_the_place_to_resume_from() {
    let app = TestApp::start_with(2).await;
    let hub = events::Hub::with_patience(std::time::Duration::ZERO);
    let stop = tokio_util::sync::CancellationToken::new();
    let tail = hub.tail(app.app.database.clone(), app.app.wake.clone());
    // The other reader would be woken in its place; this one looks by itself.
    tokio::spawn(tail.run(stop.clone()));
    let subscriber = |after| Subscriber {
        reader: app.app.reader(&Caller::local()).for_stream(),
        filter: EventFilter::default(),
        about: None,
        after,
        place: None,
    };
    let mut stream = pin!(events::stream(hub.clone(), subscriber(None)));
    let first = until("a live event", async || match poll_once(&mut stream).await {
        Poll::Ready(event) => Some(event.unwrap().unwrap().row.position),
        Poll::Pending => {
            app.create(order(1)).await;
            None
        }
    });
    let mut last = first.await;
    flood(&app, 25).await;
    // Until the feed has handed out more than it keeps.
    let newest = i64::try_from(app.stored().await.events.len()).unwrap();
    until("the end of the feed", async || {
        (hub.position(app.app.reader(&Caller::local()).tenant()) == Some(newest)).then_some(())
    })
    .await;
    let end = loop {
        match within("the next event", stream.next()).await.unwrap() {
            Ok(event) => {
                assert_eq!(event.row.position, last + 1);
                last = event.row.position;
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(end, StreamError::Slow(events::Cursor(position)) if position == last), "{end:?} {last}");
    assert!(last < newest);
    // It resumes there and has everything; a long replay is not slow.
    let mut stream = pin!(events::stream(hub, subscriber(Some(events::Cursor(last)))));
    while last < newest {
        let event = within("the next event", stream.next()).await.unwrap().unwrap();
        assert_eq!(event.row.position, last + 1);
        last = event.row.position;
    }
    stop.cancel();
}
