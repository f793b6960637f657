//! GraphQL by POST, and by GET where nothing changes.

use std::sync::Arc;

use async_graphql::{Response as GraphqlResponse, parser::types::OperationType};
use axum::{
    Extension,
    body::Bytes,
    extract::{RawQuery, Request, State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ALLOW, CACHE_CONTROL, UPGRADE, X_CONTENT_TYPE_OPTIONS},
    },
    response::{IntoResponse as _, Response},
};
use tokio::time::Instant;

use super::{
    Edge, RequestId, access,
    allowance::Allowance,
    answer,
    body::{self, Unread},
    media::{self, Form, Media},
    operation::{self, Operations, Unusable},
    refusal::Refusal,
    sse, ws,
};
use crate::{
    access::Session,
    graphql::{Code, Endpoint, Request as Operation},
    metrics::Transport,
};

/// What is unusable where a request came in a body, and where it came in a URL.
const BODY: &str = "the body";
pub(super) const URL: &str = "the URL";

/// Executes one operation, or those of a batch.
pub(super) async fn post(
    State(edge): State<Arc<Edge>>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    let Some(form) = Form::accepted(request.headers()) else { return not_acceptable() };
    let (media, transport) = match form {
        Form::Whole(media) => (media, Transport::Http),
        Form::Stream => (Media::Json, Transport::Sse),
    };
    let session = match access::admit(&edge, request.headers(), transport).await {
        Ok(session) => session,
        Err(refusal) => return refusal.in_media(media).into_response(),
    };
    let endpoint = edge.endpoint(&session, &id);
    match edge.rates.take(endpoint.caller(), 1) {
        Ok(standing) => standing.mark(answer_post(&edge, session, endpoint, request, form, media).await),
        Err(too_fast) => too_fast.response(media),
    }
}

async fn answer_post(
    edge: &Arc<Edge>,
    session: Session,
    endpoint: Endpoint,
    request: Request,
    form: Form,
    media: Media,
) -> Response {
    let resume_at = sse::last_event_id(request.headers());
    let deadline = Instant::now() + edge.app.config.limits.request_timeout();
    let body = match read(request, deadline).await {
        Ok(body) => body,
        Err(refusal) => return refusal.in_media(media).into_response(),
    };
    match (operation::read_body(&edge.schema, &body, edge.app.config.batch_limit), form) {
        (Ok(Operations::One(operation)), Form::Stream) => {
            sse::open(edge, session, endpoint, &operation, resume_at.as_deref())
        }
        (Ok(Operations::One(operation)), Form::Whole(media)) => {
            answer::respond(&execute(&endpoint, &operation, deadline).await, media)
        }
        (Ok(Operations::Batch(_)), Form::Stream) => {
            Refusal::malformed("a stream answers one operation, not a list of them").into_response()
        }
        (Ok(Operations::Batch(batch)), Form::Whole(media)) => {
            if let Err(too_fast) = edge.rates.take(endpoint.caller(), batch.len().saturating_sub(1)) {
                return too_fast.response(media);
            }
            let mut responses = Vec::with_capacity(batch.len());
            for operation in batch {
                // In their order: a client may well send what it reads after what it changes.
                responses.push(match operation {
                    Ok(operation) => execute(&endpoint, &operation, deadline).await,
                    Err(unusable) => unusable.response("this request"),
                });
            }
            answer::respond_all(&responses, media)
        }
        (Err(unusable), _) => unusable_response(unusable, BODY, media),
    }
}

/// Executes a query, or opens a stream or a WebSocket.
pub(super) async fn get(
    State(edge): State<Arc<Edge>>,
    Extension(id): Extension<RequestId>,
    allowance: Option<Extension<Allowance>>,
    headers: HeaderMap,
    RawQuery(parameters): RawQuery,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let parameters = parameters.as_deref().unwrap_or_default();
    match (upgrade, Form::accepted(&headers)) {
        (Ok(upgrade), _) => {
            let allowance = allowance.map(|Extension(allowance)| allowance).unwrap_or_default();
            ws::open(edge, id, access::token(&headers), allowance, upgrade)
        }
        (Err(rejection), _) if headers.contains_key(UPGRADE) => {
            Refusal::malformed(rejection.body_text()).into_response()
        }
        (Err(_), Some(Form::Stream)) => {
            let session = match access::admit(&edge, &headers, Transport::Sse).await {
                Ok(session) => session,
                Err(refusal) => return refusal.into_response(),
            };
            let endpoint = edge.endpoint(&session, &id).only_reading();
            match edge.rates.take(endpoint.caller(), 1) {
                Ok(standing) => standing.mark(sse::get(&edge, session, endpoint, &headers, parameters)),
                Err(too_fast) => too_fast.response(Media::Json),
            }
        }
        (Err(_), Some(Form::Whole(media))) => {
            let session = match access::admit(&edge, &headers, Transport::Http).await {
                Ok(session) => session,
                Err(refusal) => return refusal.in_media(media).into_response(),
            };
            let endpoint = edge.endpoint(&session, &id).only_reading();
            let mut response = match edge.rates.take(endpoint.caller(), 1) {
                Ok(standing) => standing.mark(query(&edge, &endpoint, parameters, media).await),
                Err(too_fast) => too_fast.response(media),
            };
            let headers = response.headers_mut();
            // It is for this caller, and for now.
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            // A browser that is shown the URL takes it for what it is.
            headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            response
        }
        (Err(_), None) => not_acceptable(),
    }
}

/// Executes the query of a URL.
async fn query(edge: &Edge, endpoint: &Endpoint, parameters: &str, media: Media) -> Response {
    let operation = match operation::read_parameters(&edge.schema, parameters) {
        Ok(operation) => operation,
        Err(unusable) => return unusable_response(unusable, URL, media),
    };
    let operation = endpoint.choose(&operation);
    if operation.kind() == Some(OperationType::Mutation) {
        let message = "a mutation is sent with POST, never with GET";
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::BadUserInput, message);
        return ([(ALLOW, HeaderValue::from_static("POST"))], refusal.in_media(media)).into_response();
    }
    let deadline = Instant::now() + edge.app.config.limits.request_timeout();
    answer::respond(&Box::pin(endpoint.execute_chosen(operation, Some(deadline))).await, media)
}

async fn execute(endpoint: &Endpoint, operation: &Operation<'_>, deadline: Instant) -> GraphqlResponse {
    Box::pin(endpoint.execute_chosen(endpoint.choose(operation), Some(deadline))).await
}

/// What has not the form of a request is a bad request whatever the media type; a request that names a document in vain
/// is answered like any other that cannot be executed.
pub(super) fn unusable_response(unusable: Unusable, what: &str, media: Media) -> Response {
    match unusable {
        Unusable::Malformed(problem) => {
            Refusal::malformed(format!("{what} is not usable: {problem}")).in_media(media).into_response()
        }
        refused @ Unusable::Refused(_) => answer::respond(&refused.response(what), media),
    }
}

fn not_acceptable() -> Response {
    let message = "answers are written in application/json or application/graphql-response+json, and streams in \
                   text/event-stream; accept one of them";
    Refusal::new(StatusCode::NOT_ACCEPTABLE, Code::BadUserInput, message).into_response()
}

async fn read(request: Request, deadline: Instant) -> Result<Bytes, Refusal> {
    if !media::is_json(request.headers()) {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::BadUserInput,
            "the body must be JSON in UTF-8, with the header content-type: application/json",
        ));
    }
    body::read(request, deadline).await.map_err(|unread| {
        let code = if unread == Unread::TooSlow { Code::Timeout } else { Code::BadUserInput };
        Refusal::new(unread.status(), code, unread.message())
    })
}
