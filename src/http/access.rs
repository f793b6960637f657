//! Who is calling: the header `Authorization`, or the payload of a WebSocket's `connection_init`.

use async_graphql::Response as GraphqlResponse;
use axum::http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use serde::Deserialize;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::{Edge, refusal::Refusal};
use crate::{
    access::{Denied, Session},
    graphql::Code,
    metrics::Transport,
};

/// The scheme of tokens in headers.
const SCHEME: &str = "bearer";

/// Asks for a token, as HTTP has it for answers with the status 401.
pub(super) const CHALLENGE: (axum::http::HeaderName, HeaderValue) =
    (WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));

/// Lets the caller of a request in, or not.
pub(super) async fn admit(
    edge: &Edge,
    headers: &HeaderMap,
    transport: Transport,
) -> Result<Session, Refusal> {
    edge.app.access.admit(token(headers)).await.map_err(|denied| {
        if matches!(denied, Denied::Missing | Denied::Invalid(_)) {
            edge.app.metrics.unauthenticated(transport);
        }
        refusal(&denied)
    })
}

/// The token in the headers of a request.
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    bearer(headers.get(AUTHORIZATION)?.to_str().ok()?)
}

/// The token in `Bearer …`.
fn bearer(credentials: &str) -> Option<&str> {
    let (scheme, token) = credentials.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| token.trim())
}

/// What the payload of `connection_init` may hold: `{"authorization": "Bearer …"}`.
#[derive(Deserialize)]
struct Payload {
    #[serde(alias = "Authorization")]
    authorization: String,
}

/// The token in the payload of `connection_init`.
pub(super) fn token_in(payload: &str) -> Option<String> {
    let payload: Payload = serde_json::from_str(payload).ok()?;
    bearer(&payload.authorization).map(ToOwned::to_owned)
}

/// When to ask whether an open stream still may.
pub(super) struct Rechecks(Option<Interval>);

/// When to ask whether a stream that is opened now still may.
pub(super) fn rechecks(edge: &Edge) -> Rechecks {
    let interval = edge.app.access.recheck_every().map(|every| {
        let mut interval = interval_at(Instant::now() + every, every);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval
    });
    Rechecks(interval)
}

impl Rechecks {
    /// Ends when it is time; never where everybody may.
    pub(super) async fn next(&mut self) {
        match &mut self.0 {
            Some(interval) => drop(interval.tick().await),
            None => std::future::pending().await,
        }
    }
}

/// What the last event of a stream says whose caller may not go on.
pub(super) fn ended() -> GraphqlResponse {
    let message = "the token has expired, or was revoked; resume from your last cursor with another one";
    GraphqlResponse::from_errors(vec![Code::Unauthenticated.server_error(message)])
}

/// Why somebody is not let in, and what would help.
fn refusal(denied: &Denied) -> Refusal {
    let unauthenticated =
        |message: String| Refusal::new(StatusCode::UNAUTHORIZED, Code::Unauthenticated, message);
    match denied {
        Denied::Missing => {
            unauthenticated("who is calling? send a token in the header Authorization: Bearer …".to_owned())
        }
        Denied::Invalid(reason) => unauthenticated((*reason).to_owned()),
        Denied::Fault(fault) => {
            tracing::warn!(error = %fault, "cannot tell who is calling");
            let message = "the server cannot tell now who is calling; try again";
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stands_after_its_scheme() {
        for (credentials, expected) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("BEARER abc", Some("abc")),
            ("Basic abc", None),
            ("abc", None),
            ("Bearer", None),
            ("", None),
        ] {
            assert_eq!(bearer(credentials), expected, "{credentials}");
        }
    }

    #[test]
    fn a_socket_shows_its_token_in_the_payload() {
        for (payload, expected) in [
            (r#"{"authorization": "Bearer abc"}"#, Some("abc")),
            (r#"{"Authorization": "Bearer abc", "more": 1}"#, Some("abc")),
            (r#"{"authorization": 7}"#, None),
            ("{}", None),
            ("[]", None),
        ] {
            assert_eq!(token_in(payload).as_deref(), expected, "{payload}");
        }
    }
}
