//! The edge: HTTP and WebSockets in, GraphQL out, and the callbacks of plugins. Decides what a well-formed request is; what an operation means is for
//! `graphql` to say.

mod access;
mod answer;
mod callback;
mod cors;
mod csrf;
mod graphiql;
mod graphql;
mod health;
mod media;
mod operation;
mod refusal;
mod request_id;
mod responses;
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
pub use ws::Sockets;

use crate::{
    app::App,
    graphql::{Code, Endpoint, Schema, schema},
};
use refusal::Refusal;
use request_id::RequestId;

/// What handlers share.
struct Edge {
    app: App,
    schema: Schema,
    sockets: Sockets,
}

impl Edge {
    /// What executes the operations of one request.
    fn endpoint(&self, request_id: &str) -> Endpoint {
        Endpoint::new(self.schema.clone(), self.app.clone(), access::caller(), request_id)
    }
}

/// The whole service, to be called in process. Its WebSockets end with their clients only.
pub fn router(app: App) -> Router {
    router_until(app, Sockets::default())
}

/// The whole service. Its WebSockets end when `sockets` says so.
pub fn router_until(app: App, sockets: Sockets) -> Router {
    let body_limit = app.config.body_limit_bytes;
    let cors = cors::layer(&app.config.cors_origins);
    let schema = schema(&app.config);
    let edge = Arc::new(Edge { app, schema, sockets });
    let for_browsers_of_this_machine = from_fn_with_state(Arc::clone(&edge), csrf::guard);
    let router = Router::new()
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
