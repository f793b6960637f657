//! A plugin run that was in flight when its process was killed is worked by the next one.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, http::HeaderMap};
use chrono::{Duration, Utc};
use serde_json::json;
use waybill::seam::{Clock, Ids};

use super::Server;
use crate::harness::{TestApp, samples::order, text, wait::until, wire};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_worked_once_more_and_the_order_goes_on() {
    let app = TestApp::start_with(2).await;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &app.database.url);
    // Its first caller waits for ever, the others are answered.
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&calls);
    let keys = Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = Arc::clone(&keys);
    let plugin = Router::new().fallback(move |headers: HeaderMap| async move {
        kept.lock().unwrap().push(headers["idempotency-key"].clone());
        if seen.fetch_add(1, Ordering::SeqCst) == 0 {
            std::future::pending::<()>().await;
        }
        r#"{"verdict": "PASS"}"#
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, plugin).await.unwrap() });

    let send = async |document: &str, input: serde_json::Value| {
        let answer = wire::post(server.address, document, &json!({"input": input})).await.unwrap();
        answer["data"].clone()
    };
    let http = json!({"url": url, "requestTimeoutMs": 20_000});
    let document = "mutation($input: PluginCreateInput!) { pluginCreate(input: $input) { plugin { id } } }";
    let plugin = send(document, json!({"name": "checker", "http": http})).await;
    let step = json!({"name": "check", "pluginId": plugin["pluginCreate"]["plugin"]["id"]});
    let workflow = json!({"name": "intake", "trigger": "ORDER_INITIATED", "start": "check", "steps": [step]});
    let document = "mutation($input: PluginWorkflowCreateInput!) {
        pluginWorkflowCreate(input: $input) { pluginWorkflow { id } userErrors { message } }
    }";
    send(document, workflow).await;
    let document = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
    let order = send(document, order(2)).await;
    let id = text(&order["orderCreate"]["order"]["id"]);
    until("the plugin's first call", async || (calls.load(Ordering::SeqCst) == 1).then_some(())).await;
    server.kill();

    // The next process. Its clock is ahead, so that nobody has to wait for the dead one's hold to run out.
    let clock = Clock::manual(Utc::now() + Duration::seconds(31));
    let next = TestApp::over(Arc::clone(&app.database), 2, clock, Ids::random()).await;
    let before = next.check_invariants().await;
    assert_eq!((before.orders[0].status.as_str(), before.runs[0].attempts), ("INITIATED", 1));
    assert_eq!(next.settle().await, 1);
    assert_eq!((next.settle().await, calls.load(Ordering::SeqCst)), (0, 2));
    let order = next.run(&format!("{{ order(id: {id:?}) {{ status }} }}")).await.data();
    assert_eq!(order["order"]["status"], json!("IN_PROGRESS"));
    assert_eq!(next.log().await.last().map(String::as_str), Some("ORDER_STATUS_CHANGED IN_PROGRESS"));
    let keys = keys.lock().unwrap().clone();
    assert_eq!(keys[0], keys[1]);
    next.check_invariants().await;
}
