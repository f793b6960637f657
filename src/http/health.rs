//! What a supervisor or a load balancer asks.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;
use tokio::time::timeout;

use super::Edge;

/// How long the store may take to answer.
const STORE_ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// The process is up.
pub(super) async fn alive() -> impl IntoResponse {
    Json(json!({ "status": "up" }))
}

/// The server takes requests: it is not stopping, and the store answers and takes writes.
pub(super) async fn ready(State(edge): State<Arc<Edge>>) -> Response {
    if edge.sockets.is_stopping() {
        return not_ready("the server is stopping");
    }
    match timeout(STORE_ANSWERS_WITHIN, edge.app.database.ping()).await {
        Ok(Ok(())) if !edge.app.database.takes_writes() => not_ready("the database takes no writes"),
        Ok(Ok(())) => Json(json!({ "status": "ready" })).into_response(),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready: the database does not answer");
            not_ready("the database does not answer")
        }
        Err(_) => {
            tracing::warn!("not ready: the database does not answer in time");
            not_ready("the database does not answer in time")
        }
    }
}

fn not_ready(reason: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "not ready", "reason": reason })))
        .into_response()
}
