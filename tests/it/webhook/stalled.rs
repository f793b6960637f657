//! Endpoints that never answer, or answer what is no answer, and what others notice of them.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;
use waybill::webhooks::Worker;

use super::{change, deliveries, endpoint_at, sent, standing, start};
use crate::harness::{
    PluginServer, TestApp,
    samples::order,
    wait::{until, within},
};

#[tokio::test]
async fn an_endpoint_that_never_answers_is_tried_again() {
    let (app, stalled, id) = start().await;
    stalled.stall();
    app.create(order(1)).await;
    let worker = || Worker::new(app.app.clone()).answering_within(Duration::from_millis(200));
    assert_eq!(within("the end of the attempt", worker().work_once()).await.unwrap(), 1);
    let first = deliveries(&app).await.remove(0);
    let error = "the answer did not come in time";
    assert_eq!((first.attempts, first.last_status_code, first.last_error.as_deref()), (1, None, Some(error)));
    assert_eq!(sent(&stalled.calls()), [1]);
    let server = PluginServer::start().await;
    change(&app, &id, "url", json!(server.url)).await;
    app.advance(super::seconds(6));
    assert_eq!(app.deliver().await, 4);
    assert_eq!(sent(&server.calls()), [1, 2, 3, 4]);
}

#[tokio::test]
async fn an_answer_that_is_none_is_tried_again() {
    for (answer, error) in [
        ("NONSENSE\r\n\r\n", "the connection broke before the answer was complete"),
        ("", "the connection broke before the answer was complete"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort",
            "the connection broke before the answer was complete",
        ),
    ] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let app = TestApp::start().await;
        let (id, _) = endpoint_at(&app, &format!("http://{}/", listener.local_addr().unwrap())).await;
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        app.create(order(1)).await;
        assert_eq!(app.deliver().await, 1, "{answer:?}");
        let first = deliveries(&app).await.remove(0);
        let seen = (first.attempts, first.last_status_code, first.last_error.as_deref());
        assert_eq!(seen, (1, None, Some(error)), "{answer:?}");
        let server = PluginServer::start().await;
        change(&app, &id, "url", json!(server.url)).await;
        app.advance(super::seconds(6));
        assert_eq!(app.deliver().await, 4, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_that_never_answer_keep_nobody_waiting() {
    let app = TestApp::start_with(4).await;
    let (stalled, server) = (PluginServer::start().await, PluginServer::start().await);
    stalled.stall();
    // So many that they would fill all the room there is, if each took as much as it may when all is well.
    for _ in 0..20 {
        endpoint_at(&app, &stalled.url).await;
    }
    endpoint_at(&app, &server.url).await;
    for _ in 0..30 {
        app.create(order(1)).await;
    }
    let worker = Worker::new(app.app.clone()).answering_within(Duration::from_secs(30));
    let working = tokio::spawn(worker.run(CancellationToken::new()));
    let delivered = async |count| {
        let rows = standing(&app).await;
        (rows.iter().filter(|(_, status, _)| *status == "DELIVERED").count() == count).then_some(rows.len())
    };
    let queued = until("the deliveries of the one that answers", async || delivered(120).await).await;
    assert_eq!((queued, server.calls().len()), (21 * 120, 120));
    // Each of the others has two, and waits for them.
    assert_eq!(stalled.calls().len(), 40);
    // What happens meanwhile is written down for the one that answers alone.
    for count in 1..=5 {
        app.create(order(1)).await;
        let all = until("what came later", async || delivered(120 + 4 * count).await).await;
        assert_eq!((all, stalled.calls().len()), (queued + 4 * count, 40));
    }
    working.abort();
}
