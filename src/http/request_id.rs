//! Every request has an id, in its answer, in its errors and in the log, and may be part of a trace. A panic ends a
//! request, and nothing else.

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
use crate::{
    graphql::Code,
    seam::Ids,
    trace::{KeyValue, Span, SpanKind, Trace},
};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken from a client.
const MAX_LENGTH: usize = 128;

/// The id of a request, plain enough to stand in a log line, and its place in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestId {
    text: Arc<str>,
    trace: Option<Trace>,
}

impl RequestId {
    /// The id that the client gave, or else a new one.
    fn of(headers: &HeaderMap, ids: &Ids) -> Self {
        let given = headers.get(HEADER).and_then(|value| value.to_str().ok()).filter(|id| is_plain(id));
        let text = given.map_or_else(|| ids.uuid().to_string().into(), Into::into);
        Self { text, trace: None }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The trace within which the request is answered.
    pub(super) const fn trace(&self) -> Option<&Trace> {
        self.trace.as_ref()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

fn is_plain(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    (1..=MAX_LENGTH).contains(&id.len()) && id.bytes().all(is_plain)
}

/// Gives the request its id, and answers where its handler cannot any more.
pub(super) async fn layer(State(edge): State<Arc<Edge>>, mut request: Request, next: Next) -> Response {
    let mut id = RequestId::of(request.headers(), &edge.app.ids);
    let mut recorded = begin(&edge, &request);
    id.trace = recorded.trace().cloned();
    request.extensions_mut().insert(id.clone());
    let span =
        tracing::info_span!("request", request.id = %id, trace_id = id.trace().map(Trace::id).map(display));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let begun = Instant::now();
    let mut response = survive(next.run(request)).instrument(span.clone()).await;
    let status = response.status().as_u16();
    edge.app.metrics.http(route(&path), status);
    recorded.set("http.response.status_code", i64::from(status));
    if status >= 500 {
        recorded.fail(status.to_string());
    }
    drop(recorded);
    tracing::debug!(parent: &span, %method, path, status, duration_us = begun.elapsed().as_micros(), "answered");
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

/// Begins the span of a request, within the trace that its headers name. What asks again and again whether the server is
/// well leaves no trace.
fn begin(edge: &Edge, request: &Request) -> Span {
    let within = Trace::of_headers(request.headers());
    let route = route(request.uri().path());
    if !edge.app.traces.are_recorded() || matches!(route, "/healthz" | "/readyz" | "/metrics") {
        return Span::passed_on(within);
    }
    let method = match request.method().as_str() {
        method @ ("GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "CONNECT" | "OPTIONS" | "TRACE" | "PATCH") => {
            method
        }
        // There is no bound to how many others somebody may make up.
        _ => "_OTHER",
    };
    let name = match (method, route) {
        ("_OTHER", _) => "HTTP".to_owned(),
        (method, "other") => method.to_owned(),
        (method, route) => format!("{method} {route}"),
    };
    edge.app.traces.span(SpanKind::Server, name, within.as_ref(), || {
        let mut attributes = vec![KeyValue::new("http.request.method", method.to_owned())];
        if route != "other" {
            attributes.push(KeyValue::new("http.route", route));
        }
        attributes
    })
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
