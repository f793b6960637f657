//! GraphQL by POST.

use std::sync::Arc;

use async_graphql::Response as GraphqlResponse;
use axum::{
    Extension,
    body::Bytes,
    extract::{FromRequest as _, Request, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use tokio::time::{Instant, timeout_at};

use super::{
    Edge, RequestId, answer,
    media::{self, Form, Media},
    operation,
    refusal::Refusal,
    sse,
};
use crate::graphql::Code;

/// Executes one operation.
pub(super) async fn post(
    State(edge): State<Arc<Edge>>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    let Some(form) = Form::accepted(request.headers()) else {
        let message = "answers are written in application/json or application/graphql-response+json, and streams in \
                       text/event-stream; accept one of them";
        return Refusal::new(StatusCode::NOT_ACCEPTABLE, Code::BadUserInput, message).into_response();
    };
    let media = match form {
        Form::Whole(media) => media,
        Form::Stream => Media::Json,
    };
    let resume_at = sse::last_event_id(request.headers());
    let deadline = Instant::now() + edge.app.config.request_timeout;
    let operation = match timeout_at(deadline, read(request)).await {
        Ok(Ok(operation)) => operation,
        Ok(Err(refusal)) => return refusal.in_media(media).into_response(),
        Err(_) => {
            let message = "the body did not arrive in time";
            return Refusal::new(StatusCode::REQUEST_TIMEOUT, Code::Timeout, message)
                .in_media(media)
                .into_response();
        }
    };
    let endpoint = edge.endpoint(id.as_str());
    if form == Form::Stream {
        return sse::open(&edge, endpoint, operation, resume_at.as_deref());
    }
    let executed = timeout_at(deadline, Box::pin(endpoint.execute(operation))).await;
    answer::respond(&executed.unwrap_or_else(|_| timed_out()), media)
}

/// The answer to an operation that took too long.
pub(super) fn timed_out() -> GraphqlResponse {
    let message = "the operation took too long and was given up; a mutation may have taken effect all the same: send \
                   it again with the same idempotencyKey";
    GraphqlResponse::from_errors(vec![Code::Timeout.server_error(message)])
}

async fn read(request: Request) -> Result<async_graphql::Request, Refusal> {
    if !media::is_json(request.headers()) {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::BadUserInput,
            "the body must be JSON in UTF-8, with the header content-type: application/json",
        ));
    }
    let body = Bytes::from_request(request, &()).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            Code::BadUserInput,
            "the body is larger than the server takes; send less at once",
        ),
        _ => Refusal::malformed("the body could not be read to its end"),
    })?;
    operation::read(&body).map_err(|problem| Refusal::malformed(format!("the body is not usable: {problem}")))
}
