//! A PostgreSQL that takes no writes for a while, as after a failover to a server that is not the primary yet.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use sea_orm::ConnectionTrait as _;
use serde_json::json;

use crate::harness::{TestApp, samples::order, wait::until};

/// Makes a database read-only, or writable again, for sessions that begin from now on, and ends those that there are.
async fn switch(url: &str, is_read_only: bool) {
    let name = url.rsplit('/').next().unwrap();
    let server = std::env::var("TEST_DATABASE_URL").unwrap();
    let admin = sea_orm::Database::connect(server).await.unwrap();
    for statement in [
        format!("ALTER DATABASE {name} SET default_transaction_read_only = {is_read_only}"),
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"),
    ] {
        admin.execute_unprepared(&statement).await.unwrap();
    }
    admin.close().await.unwrap();
}

async fn readiness(app: &TestApp) -> StatusCode {
    app.send(Request::get("/readyz").body(Body::empty()).unwrap()).await.0
}

/// Creates an order, and gives the code of the error if it was not created.
async fn create(app: &TestApp) -> Option<String> {
    let document = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
    let reply = app.execute(document, json!({"input": order(1)})).await;
    reply.0.get("errors").map(|_| reply.error().0)
}

#[tokio::test]
async fn it_is_unavailable_and_not_ready_until_it_takes_writes_again() {
    let app = TestApp::start_with(2).await;
    if !app.database.is_postgres() {
        return;
    }
    assert_eq!(create(&app).await, None);
    switch(&app.database.url, true).await;
    for _ in 0..20 {
        // At first because the connections are gone, and then because nothing is written over new ones.
        assert_eq!(create(&app).await.as_deref(), Some("UNAVAILABLE"));
    }
    let not_ready = async || (readiness(&app).await == StatusCode::SERVICE_UNAVAILABLE).then_some(());
    until("not ready", not_ready).await;
    let read = async || app.run("{ orders { nodes { id } } }").await.0.get("errors").is_none().then_some(());
    until("an answer to a query", read).await;
    switch(&app.database.url, false).await;
    until("ready", async || (readiness(&app).await == StatusCode::OK).then_some(())).await;
    until("an order", async || create(&app).await.is_none().then_some(())).await;
    assert_eq!(app.check_invariants().await.orders.len(), 2);
}
