//! Keeps the pages of other origins away from a server that trusts everybody on its machine.
//!
//! Such a server is reached by every page that a browser on that machine shows. A page of another origin cannot send
//! JSON to it (see [`super::media::is_json`]), but it could open a WebSocket, and with a name of its own that it lets
//! point to 127.0.0.1 it would not even be of another origin. Browsers tell both: by `Origin`, and by `Host`.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode, Uri,
        header::{HOST, ORIGIN},
        uri::Authority,
    },
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{Edge, refusal::Refusal};
use crate::graphql::Code;

/// Refuses what a page of another origin sends, unless the operator lets that origin in.
pub(super) async fn guard(State(edge): State<Arc<Edge>>, request: Request, next: Next) -> Response {
    if edge.app.access.is_configured() {
        // Callers show who they are, and a page of another origin has nothing to show.
        return next.run(request).await;
    }
    match check(request.uri(), request.headers(), &edge.app.config.cors_origins) {
        Ok(()) => next.run(request).await,
        Err(message) => Refusal::new(StatusCode::FORBIDDEN, Code::BadUserInput, message).into_response(),
    }
}

fn check(uri: &Uri, headers: &HeaderMap, allowed: &[HeaderValue]) -> Result<(), &'static str> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = match text(HOST) {
        Some(host) => host.parse::<Authority>().map(Some).map_err(|_| "the header Host is malformed")?,
        // HTTP/2 has it in the URI; one that has it nowhere is no browser.
        None => uri.authority().cloned(),
    };
    if host.as_ref().is_some_and(|host| !is_loopback(host)) {
        return Err(
            "no access is configured: the server answers only under the names of its own machine, such as \
                    localhost or 127.0.0.1",
        );
    }
    if headers.get(ORIGIN).is_some_and(|origin| allowed.contains(origin)) {
        return Ok(());
    }
    let Some(origin) = text(ORIGIN) else { return Ok(()) };
    let origin = origin.parse::<Uri>().ok().and_then(|origin| origin.into_parts().authority);
    if origin.is_some_and(|origin| is_loopback(&origin)) {
        Ok(())
    } else {
        Err("no access is configured: pages of other origins may not use this server")
    }
}

/// Whether a name is one of this machine, whatever a resolver may say of it.
fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    let host = host.to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_machine_get_through() {
        for (host, origin, expected) in [
            (None, None, true),
            (Some("localhost:8080"), None, true),
            (Some("LOCALHOST"), None, true),
            (Some("waybill.localhost:8080"), None, true),
            (Some("127.0.0.1:8080"), None, true),
            (Some("127.7.7.7"), None, true),
            (Some("[::1]:8080"), None, true),
            (Some("localhost:8080"), Some("http://localhost:8080"), true),
            (Some("127.0.0.1:8080"), Some("http://localhost:5173"), true),
            (Some("[::1]:8080"), Some("http://[::1]:8080"), true),
            (Some("localhost:8080"), Some("https://app.example"), true),
            (Some("evil.example"), Some("https://app.example"), false),
            (Some("localhost:8080"), Some("https://app.example:444"), false),
            (None, Some("https://evil.example"), false),
            (Some("localhost:8080"), Some("https://evil.example"), false),
            (Some("localhost:8080"), Some("https://localhost.evil.example"), false),
            (Some("localhost:8080"), Some("null"), false),
            (Some("localhost:8080"), Some("file://"), false),
            (Some("localhost:8080"), Some(""), false),
            (Some("evil.example:8080"), None, false),
            (Some("evil.example:8080"), Some("http://evil.example:8080"), false),
            (Some("10.0.0.1:8080"), None, false),
            (Some("user@localhost"), None, true),
            (Some("localhost@evil.example"), None, false),
            (Some("a b"), None, false),
            (Some(""), None, false),
        ] {
            let given = [(HOST, host), (ORIGIN, origin)];
            let headers = given
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), value.as_ref()?.parse().unwrap())));
            let allowed = [HeaderValue::from_static("https://app.example")];
            let found = check(&Uri::from_static("/graphql"), &headers.collect(), &allowed);
            assert_eq!(found.is_ok(), expected, "{host:?} {origin:?} {found:?}");
        }
    }

    #[test]
    fn the_name_in_the_uri_counts_where_there_is_no_header() {
        let headers = HeaderMap::new();
        assert!(check(&Uri::from_static("http://localhost/graphql"), &headers, &[]).is_ok());
        assert!(check(&Uri::from_static("http://evil.example/graphql"), &headers, &[]).is_err());
    }
}
