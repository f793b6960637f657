//! GraphQL over Server-Sent Events, in the protocol's mode of distinct connections: one request, one stream. By POST, or
//! by GET for a browser's `EventSource`, which can do nothing else; GET changes nothing.
//!
//! The id of an event is its cursor. A browser that lost its connection sends the last one as `Last-Event-ID` and goes
//! on from there; so ids are also sent while there is nothing to tell, at the beginning and with each sign of life.

use std::{borrow::Cow, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse as _, Response},
};
use futures_util::{StreamExt as _, stream::BoxStream};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};
use tracing::Instrument as _;

use super::{
    Edge, access, answer,
    graphql::{URL, unusable_response},
    media::Media,
    operation,
    refusal::Refusal,
    responses::{failed, is_endless, responses},
    sockets::Permit,
};
use crate::{
    access::Session,
    events::Place,
    graphql::{Endpoint, Item, Request},
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells proxies of the nginx family to pass on what comes at once.
const NO_BUFFERING: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
/// How often a client is given a sign of life.
const SIGN_EVERY: Duration = Duration::from_secs(15);
/// How long a client may take to make room for an event.
const SEND_WITHIN: Duration = Duration::from_secs(10);

/// Where a client that comes back stands.
pub(super) fn last_event_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(LAST_EVENT_ID)?.to_str().ok()?;
    (!id.is_empty()).then(|| id.to_owned())
}

/// Opens the stream that a URL asks for.
pub(super) fn get(
    edge: &Arc<Edge>,
    session: Session,
    endpoint: Endpoint,
    headers: &HeaderMap,
    parameters: &str,
) -> Response {
    match operation::read_parameters(&edge.schema, parameters) {
        Ok(request) => open(edge, session, endpoint, &request, last_event_id(headers).as_deref()),
        Err(unusable) => unusable_response(unusable, URL, Media::Json),
    }
}

/// Opens the stream of an operation.
pub(super) fn open(
    edge: &Arc<Edge>,
    session: Session,
    endpoint: Endpoint,
    request: &Request<'_>,
    last_event_id: Option<&str>,
) -> Response {
    let permit = match edge.sockets.take(&session.caller, edge.quota) {
        Ok(permit) => permit,
        Err(full) => return Refusal::from(edge.count_refused(full)).into_response(),
    };
    let (endpoint, place) = endpoint.resuming(last_event_id);
    let operation = endpoint.choose(request);
    let is_endless = is_endless(&operation);
    let responses = responses(endpoint, operation, edge.app.config.limits.request_timeout());
    // One event on its way, one being made: what a client does not take stays in the log.
    let (events, taken) = mpsc::channel(1);
    let stream = Stream { edge: Arc::clone(edge), session, events, place, is_endless, _permit: permit };
    edge.sockets.spawn(stream.run(responses).in_current_span());
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        NO_BUFFERING,
    ];
    let body = futures_util::stream::unfold(taken, async |mut taken| {
        let text: String = taken.recv().await?;
        Some((Ok::<_, Infallible>(Bytes::from(text)), taken))
    });
    (headers, Body::from_stream(body)).into_response()
}

/// The client is not there any more, or takes nothing.
struct Gone;

/// An open stream.
struct Stream {
    edge: Arc<Edge>,
    session: Session,
    events: mpsc::Sender<String>,
    place: Arc<Place>,
    is_endless: bool,
    _permit: Permit,
}

impl Stream {
    /// Tells what happens until either side ends it. Ended without `complete`, it is the client's to come back.
    async fn run(self, mut responses: BoxStream<'static, Item>) {
        let _ = self.tell(&mut responses).await;
    }

    async fn tell(&self, responses: &mut BoxStream<'static, Item>) -> Result<(), Gone> {
        let mut sign = interval_at(Instant::now() + SIGN_EVERY, SIGN_EVERY);
        sign.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut recheck = access::rechecks(&self.edge);
        let mut has_begun = false;
        loop {
            tokio::select! {
                // In this order, so that an event that is ready is not put off by signs of life.
                biased;
                () = self.edge.sockets.stopping(), if self.is_endless => return Ok(()),
                () = self.events.closed() => return Err(Gone),
                item = responses.next() => match item {
                    Some(item) => self.send(next(&item, self.place.at().as_deref())).await?,
                    None => return self.send("event: complete\ndata:\n\n".to_owned()).await,
                },
                () = self.place.begun(), if !has_begun => {
                    has_begun = true;
                    self.send(self.sign()).await?;
                }
                _ = sign.tick() => self.send(self.sign()).await?,
                () = recheck.next() => if !self.edge.app.access.still_admits(&self.session).await {
                    self.send(next(&Item::Response(access::ended()), self.place.at().as_deref())).await?;
                    return self.send("event: complete\ndata:\n\n".to_owned()).await;
                },
            }
        }
    }

    /// A sign of life, with where to resume. Without data, a client hears nothing of it, but keeps the id.
    fn sign(&self) -> String {
        self.place.passed().map_or_else(|| ":\n\n".to_owned(), |id| format!(":\nid: {id}\n\n"))
    }

    async fn send(&self, event: String) -> Result<(), Gone> {
        match timeout(SEND_WITHIN, self.events.send(event)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }
}

/// An answer as an event.
fn next(item: &Item, id: Option<&str>) -> String {
    let text = match item {
        Item::Written(text) => Cow::Borrowed(text.as_ref()),
        Item::Response(response) => {
            let text = answer::written(response).or_else(|| answer::written(&failed()));
            text.unwrap_or_default().into()
        }
    };
    let mut event = String::with_capacity(text.len() + 64);
    event.push_str("event: next\n");
    if let Some(id) = id {
        event.extend(["id: ", id, "\n"]);
    }
    // A document of a row may hold a line break between two tokens, where JSON allows it.
    for line in text.lines() {
        event.extend(["data: ", line, "\n"]);
    }
    event.push('\n');
    event
}
