//! Answers of plugins that come later.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, Request, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde_json::json;
use tokio::time::Instant;

use super::{Edge, access, body};
use crate::{
    metrics::Transport,
    usecase::plugin::{CallbackToken, CalledBack, call_back},
};

/// The most that an answer may hold, as with one that comes at once.
pub(super) const MAX_BODY_BYTES: usize = 256 * 1024;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Takes an answer, and says in words why one is not taken. Nothing of the body is read before the token is known to be one
/// of this service's.
pub(super) async fn post(
    State(edge): State<Arc<Edge>>,
    Path(run_id): Path<String>,
    request: Request,
) -> Response {
    let unauthenticated = |message| {
        edge.app.metrics.unauthenticated(Transport::Callback);
        refusal(StatusCode::UNAUTHORIZED, message)
    };
    let Some(token) = access::token(request.headers()) else {
        return unauthenticated("send the callbackToken of the request as a bearer token");
    };
    let Some((run, token)) = CallbackToken::open(&edge.app, &run_id, token) else {
        return unauthenticated("this is not the callbackToken of a request about this run");
    };
    let body = match body::read(request, Instant::now() + BODY_TIMEOUT).await {
        Ok(body) => body,
        Err(unread) => return refusal(unread.status(), unread.message()),
    };
    match call_back(&edge.app, run, &token, &body).await {
        Ok(CalledBack::Taken) => StatusCode::NO_CONTENT.into_response(),
        Ok(CalledBack::NoVerdict(message)) => refusal(StatusCode::UNPROCESSABLE_ENTITY, &message),
        Ok(CalledBack::Answered) => refusal(StatusCode::CONFLICT, "the step has its answer already"),
        Ok(CalledBack::Over(message)) => refusal(StatusCode::GONE, &message),
        Err(error) => {
            tracing::error!(?error, plugin_run.id = run_id, "a callback could not be carried out");
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be taken; send it again")
        }
    }
}

fn refusal(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}
