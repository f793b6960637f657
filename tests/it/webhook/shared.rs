//! What endpoints and their faults cost others: nothing.

use std::time::Duration;

use sea_orm::ConnectionTrait as _;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use waybill::{access::Caller, store::Tenant, webhooks::Worker};

use super::{endpoint_at, seconds, sent, standing, start};
use crate::harness::{PluginServer, TestApp, samples::order, wait::until};

/// How many deliveries a process sends at once.
const PLACES: usize = 256;
const ENDPOINTS: usize = 50;
/// So many answers that each endpoint gets as much at once as it may.
const ANSWERS: usize = ENDPOINTS * 14;

async fn execute(app: &TestApp, statement: &str) {
    let db = sea_orm::Database::connect(&app.database.url).await.unwrap();
    db.execute_unprepared(statement).await.unwrap();
    db.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_with_many_slow_endpoints_leaves_places_to_another() {
    let app = TestApp::start_with(4).await;
    let slow = PluginServer::start().await;
    let answers = slow.hold();
    answers.add_permits(ANSWERS);
    let busy = Caller { tenant: Tenant::new("busy"), ..Caller::local() };
    let create = "mutation($input: WebhookEndpointCreateInput!) {
        webhookEndpointCreate(input: $input) { webhookEndpoint { id } }
    }";
    for _ in 0..ENDPOINTS {
        app.execute_as(busy.clone(), create, json!({"input": {"url": slow.url}})).await.data();
    }
    let create = "mutation($input: OrdersCreateInput!) { ordersCreate(input: $input) { created } }";
    let orders: Vec<_> = (0..30).map(|_| order(1)).collect();
    app.execute_as(busy, create, json!({"input": {"orders": orders}})).await.data();
    let worker = Worker::new(app.app.clone()).answering_within(Duration::from_mins(2));
    let working = tokio::spawn(worker.run(CancellationToken::new()));
    // All that it was answered is used up, and it has what one tenant may have.
    let waiting = || slow.calls().len().saturating_sub(ANSWERS);
    until("the calls of the busy tenant", async || (waiting() >= PLACES / 2 - ENDPOINTS / 2).then_some(()))
        .await;

    let prompt = PluginServer::start().await;
    endpoint_at(&app, &prompt.url).await;
    app.create(order(1)).await;
    until("the other tenant's deliveries", async || (prompt.calls().len() == 4).then_some(())).await;
    assert_eq!(sent(&prompt.calls()), [1, 2, 3, 4]);
    // Nothing of the busy tenant had to end for that.
    assert!(waiting() <= PLACES / 2, "{} places are taken", waiting());
    assert_eq!(answers.available_permits(), 0);
    working.abort();
}

#[tokio::test]
async fn what_was_sent_is_written_although_the_next_look_fails() {
    let app = TestApp::start_with(2).await;
    let server = PluginServer::start().await;
    endpoint_at(&app, &server.url).await;
    let answers = server.hold();
    app.create(order(1)).await;
    let stop = CancellationToken::new();
    let working = tokio::spawn(Worker::new(app.app.clone()).run(stop.clone()));
    until("the first call", async || (server.calls().len() == 1).then_some(())).await;
    execute(&app, "UPDATE webhook_endpoint SET event_types = 'no list'").await;
    // The pump is told of more while the first delivery is on its way, and cannot read what the endpoint wants.
    app.create(order(1)).await;
    answers.add_permits(100);
    until("the outcome", async || (standing(&app).await[0] == (1, "DELIVERED", 1)).then_some(())).await;
    execute(&app, "UPDATE webhook_endpoint SET event_types = NULL").await;
    until("the other deliveries", async || {
        let delivered = standing(&app).await.iter().filter(|(_, status, _)| *status == "DELIVERED").count();
        (delivered == 8).then_some(())
    })
    .await;
    let mut all = sent(&server.calls());
    all.sort_unstable();
    assert_eq!(all, [1, 2, 3, 4, 5, 6, 7, 8]);
    stop.cancel();
    working.await.unwrap();
}

#[tokio::test]
async fn deliveries_that_cannot_be_made_are_given_up_after_their_attempts() {
    let (app, server, _) = start().await;
    let other = PluginServer::start().await;
    endpoint_at(&app, &other.url).await;
    execute(
        &app,
        &format!("UPDATE webhook_endpoint SET secret = 'nothing that opens' WHERE url = '{}'", server.url),
    )
    .await;
    app.create(order(1)).await;
    assert_eq!(app.deliver().await, 5);
    assert_eq!((server.calls().len(), sent(&other.calls())), (0, vec![1, 2, 3, 4]));
    let error = "the service could not make the delivery; its operator finds the cause in the log, under the id of the endpoint";
    let first =
        async || super::deliveries(&app).await.into_iter().find(|row| row.delivered_at.is_none()).unwrap();
    assert_eq!(first().await.last_error.as_deref(), Some(error));
    for attempts in 2..=7 {
        app.advance(seconds(12 * 3_600));
        app.deliver().await;
        assert_eq!(first().await.attempts, attempts);
    }
    assert_eq!(first().await.status.as_str(), "FAILED");
    assert_eq!(server.calls().len(), 0);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_holds_up_its_order_only() {
    let (app, server, _) = start().await;
    app.create(order(1)).await;
    app.create(order(1)).await;
    execute(&app, "UPDATE event SET changes = 'no object' WHERE position = 1").await;
    app.deliver().await;
    assert_eq!(sent(&server.calls()), [5, 6, 7, 8]);
    let rows = standing(&app).await;
    assert_eq!(rows[0], (1, "PENDING", 1));
    assert!(rows[4..].iter().all(|(_, status, _)| *status == "DELIVERED"), "{rows:?}");
}
