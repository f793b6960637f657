//! Webhook endpoints, and what others notice of one that never answers.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use axum::{Router, extract::State, routing::post};
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::sleep};

use crate::{measure::micros, server::Server};

const CREATE: &str = "mutation($input: WebhookEndpointCreateInput!) { \
                      webhookEndpointCreate(input: $input) { webhookEndpoint { id } userErrors { message } } }";
const DELETE: &str =
    "mutation($input: IdInput!) { webhookEndpointDelete(input: $input) { userErrors { message } } }";

/// How long each delivery took, from when its event was recorded, in microseconds.
type Times = Arc<Mutex<Vec<i64>>>;

/// Endpoints of ours that are sent every event.
pub(crate) struct Endpoints {
    server: Server,
    url: String,
    stalled: String,
    times: Times,
    /// Takes connections, and never reads one.
    _listener: std::net::TcpListener,
}

impl Endpoints {
    /// Listens for deliveries, and has so many endpoints saved.
    pub(crate) async fn open(server: Server, count: usize) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let stalled = std::net::TcpListener::bind("127.0.0.1:0")?;
        let times = Times::default();
        let router = Router::new().fallback(post(take)).with_state(Arc::clone(&times));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let stalled_url = format!("http://{}/", stalled.local_addr()?);
        let endpoints = Self { server, url, stalled: stalled_url, times, _listener: stalled };
        for _ in 0..count {
            endpoints.save(&endpoints.url).await?;
        }
        Ok(endpoints)
    }

    /// Saves one more that answers, and gives its id.
    pub(crate) async fn add(&self) -> Result<String> {
        self.save(&self.url).await
    }

    /// Saves one that never answers, and gives its id.
    pub(crate) async fn add_stalled(&self) -> Result<String> {
        self.save(&self.stalled).await
    }

    async fn save(&self, url: &str) -> Result<String> {
        let data = self.server.ask(CREATE, json!({"input": {"url": url}})).await?;
        let id = data["webhookEndpointCreate"]["webhookEndpoint"]["id"].as_str();
        Ok(id.with_context(|| format!("no endpoint was saved: {data}"))?.to_owned())
    }

    pub(crate) async fn remove(&self, id: &str) -> Result<()> {
        self.server.ask(DELETE, json!({"input": {"id": id}})).await?;
        Ok(())
    }

    /// Waits for so many deliveries, and gives how long they took.
    pub(crate) async fn taken(&self, count: usize) -> Result<Vec<i64>> {
        let patience = tokio::time::timeout(crate::PATIENCE, async {
            while self.lock().len() < count {
                sleep(Duration::from_millis(5)).await;
            }
        });
        patience.await.with_context(|| format!("only {} of {count} deliveries came", self.lock().len()))?;
        Ok(std::mem::take(&mut *self.lock()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<i64>> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn take(State(times): State<Times>, body: String) {
    let at = micros();
    let event: Value = serde_json::from_str(&body).unwrap_or_default();
    let recorded = event["data"]["recordedAt"].as_str().unwrap_or_default();
    if let Ok(recorded) = recorded.parse::<chrono::DateTime<chrono::Utc>>() {
        let took = at - recorded.timestamp_micros();
        times.lock().unwrap_or_else(PoisonError::into_inner).push(took);
    }
}
