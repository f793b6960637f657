//! A client of event streams, as a browser is one.

use axum::{
    body::Body,
    http::{HeaderMap, Request, StatusCode, header::CONTENT_TYPE},
};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{TestApp, wait::within};

/// An open stream.
#[derive(Debug)]
pub(crate) struct EventStream {
    pub(crate) headers: HeaderMap,
    body: Body,
    unread: String,
    /// What a browser would send as `Last-Event-ID`.
    pub(crate) last_id: Option<String>,
}

/// An event that a browser would show.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shown {
    pub(crate) kind: String,
    pub(crate) id: Option<String>,
    pub(crate) data: String,
}

impl EventStream {
    /// Opens a stream by POST.
    pub(crate) async fn open(app: &TestApp, document: &str, variables: Value, last_id: Option<&str>) -> Self {
        let mut request = Request::post("/graphql")
            .header(CONTENT_TYPE, "application/json")
            .header("accept", "text/event-stream");
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        let body = json!({"query": document, "variables": variables}).to_string();
        Self::of(app, request.body(body.into()).unwrap()).await
    }

    /// Opens a stream by any request.
    pub(crate) async fn of(app: &TestApp, request: Request<Body>) -> Self {
        let response = app.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let (parts, body) = response.into_parts();
        assert_eq!(parts.headers[CONTENT_TYPE], "text/event-stream; charset=utf-8");
        Self { headers: parts.headers, body, unread: String::new(), last_id: None }
    }

    /// The next block of lines, whether a browser shows it or not; nothing at the end.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.unread.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.unread = rest;
                return Some(block);
            }
            let frame = within("more of the stream", self.body.frame()).await?.unwrap();
            self.unread.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
    }

    /// Waits until the id of a place in the log was told.
    pub(crate) async fn begun(&mut self) {
        while self.last_id.is_none() {
            let block = self.block().await.expect("the stream ended");
            assert_eq!(self.read(&block), None, "{block}");
        }
    }

    /// The next event that a browser would show; nothing at the end.
    pub(crate) async fn shown(&mut self) -> Option<Shown> {
        loop {
            let block = self.block().await?;
            if let Some(event) = self.read(&block) {
                return Some(event);
            }
        }
    }

    /// Reads a block as the HTML standard has it.
    fn read(&mut self, block: &str) -> Option<Shown> {
        let (mut kind, mut data) = ("message".to_owned(), Vec::new());
        for line in block.lines() {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match name {
                "event" => kind = value,
                "id" => self.last_id = Some(value),
                "data" => data.push(value),
                "" => {}
                _ => panic!("unknown field in {block}"),
            }
        }
        if data.is_empty() {
            return None;
        }
        Some(Shown { kind, id: self.last_id.clone(), data: data.join("\n") })
    }

    /// So many results of the subscription, each the value of its only field.
    pub(crate) async fn events(&mut self, count: usize) -> Vec<Value> {
        let mut events = Vec::with_capacity(count);
        while events.len() < count {
            let shown = self.shown().await.expect("the stream ended");
            assert_eq!(shown.kind, "next", "{shown:?}");
            let payload: Value = serde_json::from_str(&shown.data).unwrap();
            assert_eq!(payload.get("errors"), None, "{payload:#}");
            let event = payload["data"].as_object().unwrap().values().next().unwrap().clone();
            assert_eq!(event.get("cursor").and_then(Value::as_str), shown.id.as_deref(), "{payload:#}");
            events.push(event);
        }
        events
    }
}
