//! The edge: HTTP and WebSockets in, GraphQL out, and the callbacks of plugins. Decides what a well-formed request is; what an operation means is for
//! `graphql` to say.

mod access;
mod allowance;
mod answer;
mod body;
mod callback;
mod cors;
mod csrf;
mod graphiql;
mod graphql;
mod health;
mod media;
mod metrics;
mod operation;
mod rate;
mod refusal;
mod request_id;
mod responses;
mod server;
mod sockets;
mod sse;
mod ws;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware::from_fn_with_state,
    routing::{get, post},
};

pub use graphiql::{EXAMPLES, Example};
pub use metrics::metrics_router;
pub use server::serve;
pub use sockets::Sockets;

use crate::{
    access::Session,
    app::App,
    graphql::{Code, Endpoint, Schema, schema},
};
use rate::Rates;
use refusal::Refusal;
use request_id::RequestId;
use sockets::{Full, Quota};

/// What handlers share.
struct Edge {
    app: App,
    schema: Schema,
    sockets: Sockets,
    quota: Quota,
    rates: Rates,
}

impl Edge {
    /// Counts a socket or stream for which there is no room.
    fn count_refused(&self, full: Full) -> Full {
        self.app.metrics.socket_refused(full.as_str());
        full
    }

    /// What executes the operations of one request.
    fn endpoint(&self, session: &Session, id: &RequestId) -> Endpoint {
        let caller = session.caller.clone().within(id.trace().cloned());
        Endpoint::new(self.schema.clone(), self.app.clone(), caller, id.as_str())
    }

    /// What executes one operation on a WebSocket. It is not within the trace of the request that opened the socket, which
    /// may be open for days.
    fn endpoint_on_socket(&self, session: &Session, operation_id: &str) -> Endpoint {
        Endpoint::new(self.schema.clone(), self.app.clone(), session.caller.clone(), operation_id)
    }
}

/// The whole service, to be called in process. Its WebSockets end with their clients only.
pub fn router(app: App) -> Router {
    router_until(app, Sockets::default())
}

/// The whole service. Its WebSockets end when `sockets` says so.
pub fn router_until(app: App, sockets: Sockets) -> Router {
    let body_limit = app.config.limits.body_bytes;
    let cors = cors::layer(&app.config.cors_origins);
    app.metrics.show_socket_refusals(Full::ALL.map(Full::as_str));
    let schema = schema(&app.config);
    let rates = Rates::new(&app.config.limits, &app.clock);
    let quota = Quota::new(app.config.limits.sockets, app.config.access.is_configured());
    let edge = Arc::new(Edge { app, schema, sockets, quota, rates });
    let for_browsers_of_this_machine = from_fn_with_state(Arc::clone(&edge), csrf::guard);
    let mut router = Router::new();
    let config = &edge.app.config;
    // Once access is configured, others than this machine may reach the server, if only through a proxy.
    if config.metrics_listen.is_none() && !config.access.is_configured() {
        let metrics = metrics::route(edge.app.clone(), edge.sockets.clone());
        router = router.route("/metrics", metrics.layer(for_browsers_of_this_machine.clone()));
    }
    let router = router
        .route("/", get(graphiql::page).layer(for_browsers_of_this_machine.clone()))
        .route("/graphql", get(graphql::get).post(graphql::post).layer(for_browsers_of_this_machine))
        .route(
            "/plugin-callbacks/{run}",
            post(callback::post).layer(DefaultBodyLimit::max(callback::MAX_BODY_BYTES)),
        )
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .method_not_allowed_fallback(wrong_method)
        .fallback(wrong_path)
        .layer(DefaultBodyLimit::max(body_limit))
        .layer(from_fn_with_state(Arc::clone(&edge), request_id::layer))
        .with_state(edge);
    match cors {
        Some(cors) => router.layer(cors),
        None => router,
    }
}

async fn wrong_method() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        Code::BadUserInput,
        "this path does not take this method; GraphQL operations are sent to /graphql with POST",
    )
}

async fn wrong_path() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        Code::BadUserInput,
        "there is nothing at this path; GraphQL is at /graphql",
    )
}
