//! A subscriber that comes back gets what it missed, and then what happens, without a gap and without a repeat.

use std::sync::Arc;

use serde_json::json;

use super::{positions, watch, whole_log};
use crate::harness::{TestApp, samples::order};

/// Creates `count` orders of one work order, four events each, in tasks that run side by side.
fn write_beside(app: &Arc<TestApp>, count: usize) -> Vec<tokio::task::JoinHandle<()>> {
    let write = |_| {
        let app = Arc::clone(app);
        tokio::spawn(async move {
            app.create(order(1)).await;
        })
    };
    (0..count).map(write).collect()
}

#[tokio::test]
async fn a_replay_goes_over_into_live_events_while_others_write() {
    let app = Arc::new(TestApp::start_with(4).await);
    let address = app.listen().await;
    for _ in 0..60 {
        app.create(order(1)).await;
    }
    let writers = write_beside(&app, 60);
    // These begin at different moments of the writing, most of them in the middle of it.
    let mut sockets = Vec::new();
    for after in [0, 1, 7, 120, 239, 240] {
        sockets.push((after, watch(address, after).await));
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    app.create(order(1)).await;
    let log = whole_log(&app).await;
    assert_eq!(log.len(), 121 * 4);
    for (after, mut socket) in sockets {
        let after = usize::try_from(after).unwrap();
        assert_eq!(socket.events("1", log.len() - after).await, log[after..], "after {after}");
        socket.is_silent().await;
    }
}

#[tokio::test]
async fn a_replay_longer_than_what_is_read_at_once_is_whole() {
    let app = TestApp::start().await;
    let orders: Vec<_> = (0..9).map(|_| order(50)).collect();
    app.mutate("ordersCreate", json!({"orders": orders}), "created failed").await;
    let log = whole_log(&app).await;
    assert_eq!(log.len(), 9 * 53);
    let mut socket = watch(app.listen().await, 0).await;
    assert_eq!(socket.events("1", log.len()).await, log);
    app.create(order(1)).await;
    assert_eq!(positions(&socket.events("1", 4).await), [478, 479, 480, 481]);
}

#[tokio::test]
async fn a_subscriber_whose_connection_breaks_again_and_again_sees_everything_once() {
    let app = Arc::new(TestApp::start_with(4).await);
    let address = app.listen().await;
    let writers = write_beside(&app, 40);
    let mut heard = Vec::new();
    let mut last = 0;
    for length in [1, 2, 3, 5, 8, 13, 21] {
        // Dropped without a goodbye, and with events on their way.
        let mut socket = watch(address, last).await;
        let events = socket.events("1", length).await;
        last = *positions(&events).last().unwrap();
        heard.extend(events);
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let log = whole_log(&app).await;
    let mut socket = watch(address, last).await;
    heard.extend(socket.events("1", log.len() - heard.len()).await);
    assert_eq!(heard, log);
    socket.is_silent().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_subscribers_that_are_cut_off_at_once_see_everything_once() {
    let app = Arc::new(TestApp::start_with(4).await);
    let address = app.listen().await;
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(watch(address, 0).await);
    }
    let mut heard = vec![Vec::new(); sockets.len()];
    for round in 0..3 {
        let writers = write_beside(&app, 10);
        for (index, (socket, heard)) in sockets.iter_mut().zip(&mut heard).enumerate() {
            heard.extend(socket.events("1", 1 + index % 20).await);
        }
        // All of them at once, with events on their way to most.
        sockets.clear();
        for heard in &heard {
            sockets.push(watch(address, *positions(heard).last().unwrap()).await);
        }
        for writer in writers {
            writer.await.unwrap();
        }
        let log = whole_log(&app).await;
        assert_eq!(log.len(), 40 * (round + 1));
        for (socket, heard) in sockets.iter_mut().zip(&mut heard) {
            heard.extend(socket.events("1", log.len() - heard.len()).await);
            assert_eq!(*heard, log);
        }
    }
}

#[tokio::test]
async fn a_filtered_subscriber_resumes_from_its_own_last_event() {
    let app = TestApp::start().await;
    let address = app.listen().await;
    for _ in 0..3 {
        app.create(order(2)).await;
    }
    let document = "subscription($after: String) { workOrderStatusChanged(after: $after) { cursor } }";
    let mut heard = Vec::new();
    for length in [1, 3, 2] {
        let last = positions(&heard).last().copied().unwrap_or(0);
        let mut socket = crate::harness::Socket::open(address).await;
        socket.subscribe("1", document, json!({"after": super::cursor(last)})).await;
        heard.extend(socket.events("1", length).await);
    }
    assert_eq!(positions(&heard), [2, 3, 7, 8, 12, 13]);
}
