//! The edge: requests, sockets, health, the page for people, and how the server stops.

mod batch;
mod browser;
mod documents;
mod fuzz;
mod get;
mod health;
mod limits;
mod logs;
mod metrics;
mod page;
mod request;
mod response;
mod shutdown;
mod socket;
mod sse;
mod traces;
mod unknown;
mod variables;

use axum::{
    body::Body,
    http::{Request, StatusCode, header::CONTENT_TYPE},
};
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::harness::{TestApp, samples::order, text};

const VIEWER: &str = r#"{"query": "{ viewer { tenantId } }"}"#;

/// An answer with its headers.
struct Answer {
    status: u16,
    headers: axum::http::HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Status, code and message of a refusal, which has the form of a GraphQL error without data.
    fn refusal(&self) -> (u16, String, String) {
        let body = self.json();
        let errors = body["errors"].as_array().unwrap();
        assert_eq!((errors.len(), body.get("data")), (1, None), "{body:#}");
        (self.status, text(&errors[0]["extensions"]["code"]), text(&errors[0]["message"]))
    }
}

async fn ask(app: &TestApp, request: Request<Body>) -> Answer {
    ask_router(app.router.clone(), request).await
}

async fn ask_router(router: axum::Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Answer { status, headers, text: String::from_utf8(body.to_vec()).unwrap() }
}

/// Sends a body to `/graphql` with some headers.
async fn post(app: &TestApp, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let mut request = Request::post("/graphql");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    ask(app, request.body(body.into()).unwrap()).await
}

/// The same as JSON.
async fn post_json(app: &TestApp, body: impl Into<Body>) -> Answer {
    post(app, &[(CONTENT_TYPE.as_str(), "application/json")], body).await
}

/// Sends an order to a mutation that has to wait for something, and goes away at once.
fn give_up(app: &TestApp, document: &str) {
    let body = json!({"query": document, "variables": {"input": order(1)}}).to_string();
    let request =
        Request::post("/graphql").header(CONTENT_TYPE, "application/json").body(Body::from(body)).unwrap();
    assert!(app.router.clone().oneshot(request).now_or_never().is_none());
}

async fn get(app: &TestApp, path: &str) -> Answer {
    ask(app, Request::get(path).body(Body::empty()).unwrap()).await
}

fn refusal(status: StatusCode, message: &str) -> (u16, String, String) {
    (status.as_u16(), "BAD_USER_INPUT".to_owned(), message.to_owned())
}
