//! The cursor rule, with many writers: whoever has seen a cursor is never later shown an event at or before it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::{Value, json};

use super::{cursor, positions, watch, whole_log};
use crate::harness::{
    TestApp,
    samples::{order, with},
    wait::within,
};

const WRITERS: usize = 32;
/// Of each round of a writer: the order's four events, START and COMPLETE of its work order, and EXECUTE.
const EVENTS_PER_ROUND: usize = 7;
const ROUNDS: usize = 3;

/// Creates an order and brings it to its end, and now and then does what is refused after its transaction began.
async fn write(app: Arc<TestApp>, writer: usize) {
    for round in 0..ROUNDS {
        let key = json!(format!("{writer}/{round}"));
        let input = with(order(1), "idempotencyKey", key.clone());
        let (id, work_orders) = app.create(input).await;
        app.move_work_order(&work_orders[0], "START").await;
        let other = with(order(2), "idempotencyKey", key);
        let refused = app.mutate("orderCreate", other, "userErrors { code }").await;
        assert_eq!(refused["userErrors"], json!([{"code": "IDEMPOTENCY_MISMATCH"}]));
        let stale = json!({"id": id, "event": "CANCEL", "expectedVersion": 1});
        let refused = app.mutate("orderTransition", stale, "userErrors { code }").await;
        assert_eq!(refused["userErrors"], json!([{"code": "CONFLICT"}]));
        app.move_work_order(&work_orders[0], "COMPLETE").await;
    }
}

/// Reads the log page by page until it has `count` events, and gives them.
async fn poll(app: Arc<TestApp>, length: usize, count: usize) -> Vec<Value> {
    let document = "query($first: Int, $after: String) {
        orderEvents(first: $first, after: $after) { nodes { id cursor } pageInfo { endCursor } }
    }";
    let mut seen: Vec<Value> = Vec::new();
    let mut after = cursor(0);
    let read = async {
        while seen.len() < count {
            let reply = app.execute(document, json!({"first": length, "after": after})).await.data();
            let page = &reply["orderEvents"];
            if let Some(end) = page["pageInfo"]["endCursor"].as_str() {
                end.clone_into(&mut after);
            }
            seen.extend(page["nodes"].as_array().unwrap().iter().cloned());
        }
    };
    within("the end of the log", read).await;
    seen
}

/// Hears the log from its beginning until there were `count` events, and gives them.
async fn listen(address: SocketAddr, count: usize) -> Vec<Value> {
    let mut socket = watch(address, 0).await;
    let events = socket.events("1", count).await;
    socket.is_silent().await;
    events
}

/// Looks whether the head of the log ever moves back, or is ahead of what can be read.
async fn look_at_head(app: Arc<TestApp>, is_over: Arc<AtomicBool>) {
    let mut last = 0;
    while !is_over.load(Ordering::SeqCst) {
        let reply = app.run("{ eventCursor }").await.data();
        let head = positions(&[json!({"cursor": reply["eventCursor"]})])[0];
        assert!(head >= last, "the head moved from {last} back to {head}");
        let newest = app.run("{ orderEvents(last: 1) { nodes { cursor } } }").await.data();
        let newest = positions(newest["orderEvents"]["nodes"].as_array().unwrap());
        assert!(newest.first().copied().unwrap_or(0) >= head, "{newest:?} after {head}");
        last = head;
    }
}

/// Writes through some apps while readers of each of them read, and checks that all of them saw the same.
pub(super) async fn check(apps: &[Arc<TestApp>]) {
    let count = WRITERS * ROUNDS * EVENTS_PER_ROUND;
    let mut readers = Vec::new();
    let is_over = Arc::new(AtomicBool::new(false));
    let mut lookers = Vec::new();
    for app in apps {
        readers.push(tokio::spawn(poll(Arc::clone(app), 7, count)));
        readers.push(tokio::spawn(poll(Arc::clone(app), 100, count)));
        readers.push(tokio::spawn(listen(app.listen().await, count)));
        lookers.push(tokio::spawn(look_at_head(Arc::clone(app), Arc::clone(&is_over))));
    }
    let writer = |index: usize| tokio::spawn(write(Arc::clone(&apps[index % apps.len()]), index));
    let writers: Vec<_> = (0..WRITERS).map(writer).collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let mut seen = Vec::new();
    for reader in readers {
        seen.push(reader.await.unwrap());
    }
    is_over.store(true, Ordering::SeqCst);
    for looker in lookers {
        looker.await.unwrap();
    }
    let log = whole_log(&apps[0]).await;
    assert_eq!(positions(&log), (1..=i64::try_from(count).unwrap()).collect::<Vec<_>>());
    for seen in seen {
        assert_eq!(seen, log);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pollers_and_listeners_see_every_event_of_many_writers_once_and_in_order() {
    check(&[Arc::new(TestApp::start_with(8).await)]).await;
}
