//! Plugins that are slow, and tenants that are busy, delay nobody else.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::Router;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use waybill::{
    access::Caller,
    plugins::Worker,
    store::{self, Tenant},
};

use super::{claim_and_die, gate, order_of, plugin, run_statuses, workflow};
use crate::harness::{PluginServer, TestApp, samples::order, wait::until};

/// Takes calls and never answers; gives its URL, and counts the calls.
async fn silent() -> (String, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&calls);
    let router = Router::new().fallback(move || async move {
        seen.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<()>().await;
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, calls)
}

/// Sends a mutation on behalf of the tenant "busy".
async fn as_busy(app: &TestApp, document: &str, input: Value) -> Value {
    let caller = Caller { tenant: Tenant::new("busy"), ..Caller::local() };
    app.execute_as(caller, document, json!({"input": input})).await.data()
}

#[tokio::test]
async fn a_tenant_whose_plugin_is_silent_does_not_delay_another() {
    let app = TestApp::start_with(2).await;
    let (url, calls) = silent().await;
    let create = "mutation($input: PluginCreateInput!) { pluginCreate(input: $input) { plugin { id } } }";
    let http = json!({"url": url, "requestTimeoutMs": 20_000});
    let plugin = as_busy(&app, create, json!({"name": "silent", "http": http})).await;
    let step = json!({"name": "check", "pluginId": plugin["pluginCreate"]["plugin"]["id"]});
    let create = "mutation($input: PluginWorkflowCreateInput!) {
        pluginWorkflowCreate(input: $input) { userErrors { message } }
    }";
    let input = json!({"name": "silent", "trigger": "ORDER_INITIATED", "start": "check", "steps": [step]});
    as_busy(&app, create, input).await;
    let orders: Vec<_> = (0..300).map(|_| order(1)).collect();
    let create = "mutation($input: OrdersCreateInput!) { ordersCreate(input: $input) { created } }";
    let created = as_busy(&app, create, json!({"orders": orders})).await;
    assert_eq!(created["ordersCreate"]["created"], json!(300));
    let server = PluginServer::start().await;
    gate(&app, "prompt", &server).await;

    let stop = CancellationToken::new();
    let worker = tokio::spawn(Worker::new(app.app.clone()).run(stop.clone()));
    // It is asked until it has all the places that it can have.
    until("64 calls", async || (calls.load(Ordering::SeqCst) == 64).then_some(())).await;
    let (id, _) = app.create(order(1)).await;
    let status = json!({"status": "IN_PROGRESS"});
    until("the other tenant's order", async || (order_of(&app, &id, "status").await == status).then_some(()))
        .await;
    assert_eq!((calls.load(Ordering::SeqCst), server.calls().len()), (64, 1));
    worker.abort();
}

#[tokio::test]
async fn a_silent_plugin_does_not_delay_the_others_of_its_tenant() {
    let app = TestApp::start_with(2).await;
    let (url, calls) = silent().await;
    let (id, _) = plugin(&app, "silent", json!({"url": url, "requestTimeoutMs": 20_000})).await;
    workflow(&app, "silent", &id, "REJECT").await;
    let server = PluginServer::start().await;
    gate(&app, "prompt", &server).await;
    let orders: Vec<_> = (0..200).map(|_| order(1)).collect();
    app.mutate("ordersCreate", json!({"orders": orders}), "created").await;

    let stop = CancellationToken::new();
    let worker = tokio::spawn(Worker::new(app.app.clone()).run(stop.clone()));
    until("200 answers", async || {
        let document = "{ pluginRuns(where: {status: [PASSED]}) { count { value } } }";
        let passed = app.run(document).await.data()["pluginRuns"]["count"]["value"].clone();
        (passed == json!(200)).then_some(())
    })
    .await;
    let asked = calls.load(Ordering::SeqCst);
    assert!((1..=64).contains(&asked), "{asked} calls");
    let statuses = run_statuses(&app).await;
    let unanswered = statuses.iter().filter(|status| status.starts_with("silent"));
    assert!(unanswered.clone().all(|status| ["silent QUEUED", "silent RUNNING"].contains(&status.as_str())));
    worker.abort();
}

#[tokio::test]
async fn a_hold_is_renewed_as_long_as_the_plugin_is_asked() {
    let app = TestApp::start_with(2).await;
    let other = TestApp::beside(&app).await;
    let (url, calls) = silent().await;
    let (id, _) = plugin(&app, "silent", json!({"url": url, "requestTimeoutMs": 20_000})).await;
    workflow(&app, "silent", &id, "REJECT").await;
    app.create(order(1)).await;
    let worker = Worker::new(app.app.clone()).renewing_every(std::time::Duration::from_millis(10));
    let worker = tokio::spawn(worker.run(CancellationToken::new()));
    until("the call", async || (calls.load(Ordering::SeqCst) == 1).then_some(())).await;
    for _ in 0..5 {
        let held_until = app.stored().await.runs[0].due_at;
        app.advance(chrono::Duration::seconds(19));
        until("a renewal", async || (app.stored().await.runs[0].due_at > held_until).then_some(())).await;
        assert_eq!(other.settle().await, 0);
    }
    // Its process dies, and the run is taken over when the hold has run out.
    worker.abort();
    assert!(worker.await.unwrap_err().is_cancelled());
    let run = app.stored().await.runs.remove(0);
    let left = run.due_at.unwrap() - app.app.clock.now();
    assert!(left <= chrono::Duration::seconds(30), "{left}");
    app.advance(left);
    claim_and_die(&other).await;
    // Whoever lost it cannot renew it.
    let renewed = store::queue::renew_hold(&app.app.database, &run, app.app.clock.now()).await;
    assert!(!renewed.unwrap());
}
