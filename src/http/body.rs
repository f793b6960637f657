//! Reads the bodies of requests, each as a whole within its time.

use axum::{
    body::Bytes,
    extract::{FromRequest as _, Request},
    http::StatusCode,
};
use tokio::time::{Instant, timeout_at};

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    TooLong,
    TooSlow,
    Broken,
}

/// The body of a request, which must be there by the deadline. How long it may be is for the route to say.
pub(super) async fn read(request: Request, deadline: Instant) -> Result<Bytes, Unread> {
    match timeout_at(deadline, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Unread::TooLong),
        Ok(Err(_)) => Err(Unread::Broken),
        Err(_) => Err(Unread::TooSlow),
    }
}

impl Unread {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }

    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::TooLong => "the body is larger than the server takes; send less at once",
            Self::TooSlow => "the body did not arrive in time",
            Self::Broken => "the body could not be read to its end",
        }
    }
}
