//! Every request has an id: in its answer, in its errors and in the log. A panic ends a request, and nothing else.

use std::{fmt, panic::AssertUnwindSafe, sync::Arc, time::Instant};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures_util::FutureExt as _;
use tracing::Instrument as _;

use super::{Edge, refusal::Refusal};
use crate::{graphql::Code, seam::Ids};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken from a client.
const MAX_LENGTH: usize = 128;

/// The id of a request; plain enough to stand in a log line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestId(Arc<str>);

impl RequestId {
    /// The id that the client gave, or else a new one.
    fn of(headers: &HeaderMap, ids: &Ids) -> Self {
        let given = headers.get(HEADER).and_then(|value| value.to_str().ok()).filter(|id| is_plain(id));
        Self(given.map_or_else(|| ids.uuid().to_string().into(), Into::into))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn is_plain(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    (1..=MAX_LENGTH).contains(&id.len()) && id.bytes().all(is_plain)
}

/// Gives the request its id, and answers where its handler cannot any more.
pub(super) async fn layer(State(edge): State<Arc<Edge>>, mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers(), &edge.app.ids);
    request.extensions_mut().insert(id.clone());
    let span = tracing::info_span!("request", request.id = %id);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let begun = Instant::now();
    let mut response = survive(next.run(request)).instrument(span.clone()).await;
    let status = response.status().as_u16();
    edge.app.metrics.http(route(&path), status);
    tracing::debug!(parent: &span, %method, path, status, duration_us = begun.elapsed().as_micros(), "answered");
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

/// The route of a path, for the metrics.
fn route(path: &str) -> &'static str {
    const ROUTES: [&str; 5] = ["/", "/graphql", "/healthz", "/readyz", "/metrics"];
    match ROUTES.into_iter().find(|route| *route == path) {
        Some(route) => route,
        None if path.starts_with("/plugin-callbacks/") => "/plugin-callbacks",
        None => "other",
    }
}

/// Answers for a handler that panicked.
async fn survive(handler: impl Future<Output = Response>) -> Response {
    // What a handler shares with others outlives it unharmed: it is in the store, or behind locks that hold nothing
    // half done.
    AssertUnwindSafe(handler).catch_unwind().await.unwrap_or_else(|_| {
        let message =
            "something failed that you can do nothing about; the header x-request-id names it in our log";
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, message).into_response()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_id_is_taken_and_any_other_replaced() {
        let ids = Ids::counted();
        for (given, taken) in [
            ("a3b1-77.x:Y_0", true),
            (&"x".repeat(MAX_LENGTH), true),
            (&"x".repeat(MAX_LENGTH + 1), false),
            ("", false),
            ("a b", false),
            ("a\"b", false),
            ("a\tb", false),
            ("ä", false),
        ] {
            let value = HeaderValue::from_bytes(given.as_bytes()).unwrap();
            let headers = HeaderMap::from_iter([(HEADER, value)]);
            let id = RequestId::of(&headers, &ids);
            assert_eq!(id.as_str() == given, taken, "{given}: {id}");
            assert!(is_plain(id.as_str()));
        }
        assert_ne!(RequestId::of(&HeaderMap::new(), &ids), RequestId::of(&HeaderMap::new(), &ids));
    }

    #[tokio::test]
    async fn a_panic_is_answered() {
        let response = survive(async { panic!("Anna Schmidt, +49 171 1234567") }).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body = std::str::from_utf8(&body).unwrap();
        assert!(body.contains(r#""code":"INTERNAL""#) && !body.contains("Anna"), "{body}");
    }
}
