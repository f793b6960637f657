//! Webhooks: endpoints, and what is sent to them, in which order, how often, and once more.

mod delivery;
pub(crate) mod document;
mod endpoint;
mod processes;
mod replay;
mod retry;
mod shared;
mod stalled;

use std::collections::HashMap;

use chrono::Duration;
use entity::{stored::DeliveryStatus, webhook_delivery};
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::{Value, json};

use crate::harness::{Call, PluginServer, TestApp, code_and_path, text};

const ENDPOINT: &str = "id url description eventTypes enabled disabledReason";

/// Saves an endpoint for everything at a server of ours, and gives its id and its secret.
pub(crate) async fn endpoint_at(app: &TestApp, url: &str) -> (String, String) {
    let selection = "webhookEndpoint { id } secret userErrors { code message path }";
    let payload = app.mutate("webhookEndpointCreate", json!({"url": url}), selection).await;
    assert_eq!(payload["userErrors"], json!([]));
    (text(&payload["webhookEndpoint"]["id"]), text(&payload["secret"]))
}

/// A service with a server that every event is sent to.
async fn start() -> (TestApp, PluginServer, String) {
    let (app, server) = (TestApp::start().await, PluginServer::start().await);
    let (endpoint, _) = endpoint_at(&app, &server.url).await;
    (app, server, endpoint)
}

/// The places in the log of the events that were sent, in the order in which they were.
fn sent(calls: &[Call]) -> Vec<i64> {
    let events: Vec<_> = calls.iter().map(|call| call.body["data"].clone()).collect();
    crate::event::positions(&events)
}

/// An endpoint as it is now.
async fn show(app: &TestApp, id: &str) -> Value {
    let document =
        format!("query($id: ID!) {{ node(id: $id) {{ ... on WebhookEndpoint {{ {ENDPOINT} }} }} }}");
    app.execute(&document, json!({"id": id})).await.data()["node"].clone()
}

/// Changes an endpoint.
async fn change(app: &TestApp, id: &str, field: &str, value: Value) -> Value {
    let selection = format!("webhookEndpoint {{ {ENDPOINT} }} secret userErrors {{ code message path }}");
    let payload = app.mutate("webhookEndpointUpdate", json!({"id": id, field: value}), &selection).await;
    assert_eq!(payload["userErrors"], json!([]));
    payload
}

/// Sends a mutation of an endpoint that must be refused, and gives code and path of each error.
async fn refused(app: &TestApp, mutation: &str, input: Value) -> Vec<String> {
    let payload = app.mutate(mutation, input, "webhookEndpoint { id } secret userErrors { code path }").await;
    assert_eq!(
        (&payload["webhookEndpoint"], &payload["secret"]),
        (&Value::Null, &Value::Null),
        "{payload:#}"
    );
    payload["userErrors"].as_array().unwrap().iter().map(code_and_path).collect()
}

/// Every delivery, by endpoint and place in the log. Of the pending ones of one order exactly one is to be sent next, and
/// it is the first.
pub(crate) async fn deliveries(app: &TestApp) -> Vec<webhook_delivery::Model> {
    let db = &sea_orm::Database::connect(&app.database.url).await.unwrap();
    let rows = webhook_delivery::Entity::find()
        .order_by_asc(webhook_delivery::Column::EndpointId)
        .order_by_asc(webhook_delivery::Column::Position)
        .all(db)
        .await
        .unwrap();
    db.clone().close().await.unwrap();
    let mut queues: HashMap<_, Vec<_>> = HashMap::new();
    for row in &rows {
        let is_pending = row.status == DeliveryStatus::Pending;
        assert!(is_pending || row.due_at.is_none(), "{row:?}");
        if is_pending {
            queues.entry((row.endpoint_id, row.order_id)).or_default().push(row.due_at.is_some());
        }
    }
    for (queue, due) in queues {
        assert!(due[0] && !due[1..].contains(&true), "{queue:?} {due:?}");
    }
    rows
}

/// How every delivery stands, with its attempts, by place in the log.
async fn standing(app: &TestApp) -> Vec<(i64, &'static str, i32)> {
    let rows = deliveries(app).await;
    rows.iter().map(|row| (row.position, row.status.as_str(), row.attempts)).collect()
}

fn seconds(count: i64) -> Duration {
    Duration::seconds(count)
}
