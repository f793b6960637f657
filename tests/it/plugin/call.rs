//! Endpoints that are slow, gone, or send too much.

use std::time::Instant;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{order_of, plugin, run_statuses, runs, workflow};
use crate::harness::{PluginServer, TestApp, samples::order};

/// A service with a plugin at `url` that has 150 ms to answer and is asked twice at most.
async fn gated(url: &str) -> (TestApp, String) {
    let app = TestApp::start().await;
    let http = json!({"url": url, "requestTimeoutMs": 150, "maxAttempts": 2});
    let (plugin_id, _) = plugin(&app, "checker", http).await;
    workflow(&app, "checker", &plugin_id, "REJECT").await;
    let (id, _) = app.create(order(1)).await;
    (app, id)
}

/// The error of the first attempt, after which the run goes on, and fails after the second.
async fn first_error(app: &TestApp, order_id: &str) -> String {
    assert_eq!(app.settle().await, 1);
    assert_eq!(run_statuses(app).await, ["checker RUNNING"]);
    let attempt = runs(app).await[0]["steps"][0]["attempts"][0].clone();
    assert_eq!((&attempt["number"], &attempt["statusCode"]), (&json!(1), &json!(null)));
    app.advance(chrono::Duration::seconds(1));
    assert_eq!(app.settle().await, 1);
    assert_eq!(run_statuses(app).await, ["checker FAILED"]);
    let order = order_of(app, order_id, "status outcome").await;
    assert_eq!(order, json!({"status": "CLOSED", "outcome": "REJECTED"}));
    attempt["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_plugin_that_does_not_answer_in_time_is_asked_again() {
    // It takes connections, and never says a word.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (app, id) = gated(&url).await;
    let begun = Instant::now();
    let error = first_error(&app, &id).await;
    assert!(error.contains("in time"), "{error}");
    assert!(begun.elapsed().as_millis() >= 300, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_plugin_that_sends_its_answer_drop_by_drop_is_cut_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                // An answer before the question would be no HTTP.
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").await;
                while stream.write_all(b" ").await.is_ok() {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            });
        }
    });
    let (app, id) = gated(&url).await;
    let error = first_error(&app, &id).await;
    assert!(error.contains("in time"), "{error}");
}

#[tokio::test]
async fn a_plugin_that_is_not_there_is_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let (app, id) = gated(&url).await;
    let error = first_error(&app, &id).await;
    assert!(error.contains("connect"), "{error}");
}

#[tokio::test]
async fn a_plugin_that_hangs_up_is_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok(connection) = listener.accept().await {
            drop(connection);
        }
    });
    let (app, id) = gated(&url).await;
    first_error(&app, &id).await;
}

#[tokio::test]
async fn an_answer_that_is_too_long_fails_the_step() {
    let server = PluginServer::start().await;
    server.answer(200, format!("{{\"verdict\": \"PASS\", \"more\": \"{}\"}}", "x".repeat(256 * 1024)));
    let (app, id) = gated(&server.url).await;
    assert_eq!(app.settle().await, 1);
    assert_eq!(run_statuses(&app).await, ["checker FAILED"]);
    assert_eq!(order_of(&app, &id, "outcome").await, json!({"outcome": "REJECTED"}));
    let attempt = runs(&app).await[0]["steps"][0]["attempts"][0].clone();
    assert_eq!(attempt["statusCode"], json!(200));
    assert_eq!(attempt["responseExcerpt"].as_str().map(str::len), Some(4_096));
}
