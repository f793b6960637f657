//! What Prometheus asks.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, get},
};

use super::{Sockets, refusal::Refusal};
use crate::{app::App, graphql::Code, metrics::Now};

const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// What is looked at.
struct Observed {
    app: App,
    sockets: Sockets,
}

/// A router for an address of its own, which answers nothing but `/metrics`.
pub fn metrics_router(app: App, sockets: Sockets) -> Router {
    Router::new().route("/metrics", route(app, sockets))
}

/// Answers with the process's metrics.
pub(super) fn route<S: Clone + Send + Sync + 'static>(app: App, sockets: Sockets) -> MethodRouter<S> {
    get(metrics).with_state(Arc::new(Observed { app, sockets }))
}

async fn metrics(State(observed): State<Arc<Observed>>) -> Response {
    let Observed { app, sockets } = observed.as_ref();
    let now = Now {
        sockets: sockets.open(),
        subscriptions: app.hub.subscriptions(),
        pools: app.database.pools(),
        statements: app.database.statements(),
    };
    if let Ok(text) = app.metrics.text(&now) {
        ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response()
    } else {
        let message = "the metrics cannot be written";
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, message).into_response()
    }
}
