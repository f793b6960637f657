//! Answers of plugins that come later.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse as _, Response},
};
use serde_json::json;

use super::Edge;
use crate::usecase::plugin::{CalledBack, call_back};

/// The most that an answer may hold, as with one that comes at once.
pub(super) const MAX_BODY_BYTES: usize = 256 * 1024;

/// Takes an answer, and says in words why one is not taken.
pub(super) async fn post(
    State(edge): State<Arc<Edge>>,
    Path(run_id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(token) = bearer(&headers) else {
        return refusal(StatusCode::UNAUTHORIZED, "send the callbackToken of the request as a bearer token");
    };
    match call_back(&edge.app, &run_id, token, &body).await {
        Ok(CalledBack::Taken) => StatusCode::NO_CONTENT.into_response(),
        Ok(CalledBack::Forged) => {
            refusal(StatusCode::UNAUTHORIZED, "this is not the callbackToken of a request about this run")
        }
        Ok(CalledBack::NoVerdict(message)) => refusal(StatusCode::UNPROCESSABLE_ENTITY, &message),
        Ok(CalledBack::Answered) => refusal(StatusCode::CONFLICT, "the step has its answer already"),
        Ok(CalledBack::Over(message)) => refusal(StatusCode::GONE, &message),
        Err(error) => {
            tracing::error!(?error, plugin_run.id = run_id, "a callback could not be carried out");
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be taken; send it again")
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn refusal(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}
