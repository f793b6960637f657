//! Answers to requests that never became a GraphQL operation.

use axum::{
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};

use super::{access::CHALLENGE, answer::Answer, media::Media};
use crate::graphql::Code;

/// Why a request was refused, in the form of a GraphQL error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    code: Code,
    message: String,
    media: Media,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), media: Media::Json }
    }

    /// A request that is not well-formed.
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::BadUserInput, message)
    }

    /// The same in the media type that the client prefers.
    pub(super) fn in_media(self, media: Media) -> Self {
        Self { media, ..self }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let response = async_graphql::Response::from_errors(vec![self.code.server_error(self.message)]);
        let body = serde_json::to_vec(&Answer::from(&response)).unwrap_or_default();
        let content_type = HeaderValue::from_static(self.media.content_type());
        let mut response = (self.status, [(CONTENT_TYPE, content_type)], body).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().extend([CHALLENGE]);
        }
        response
    }
}
