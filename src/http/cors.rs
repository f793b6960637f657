//! Which pages of other origins a browser lets use the server: none, unless the operator names their origins.

use std::time::Duration;

use axum::http::{
    HeaderName, HeaderValue, Method,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER},
};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may remember what it was told.
const REMEMBERED: Duration = Duration::from_hours(1);

/// Tells browsers which `origins` may send requests and read the answers. Credentials that a browser would add by itself
/// are not allowed; there are none here.
pub(super) fn layer(origins: &[HeaderValue]) -> Option<CorsLayer> {
    let name = HeaderName::from_static;
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().cloned()))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            ACCEPT,
            AUTHORIZATION,
            CONTENT_TYPE,
            name("last-event-id"),
            name("traceparent"),
            name("x-request-id"),
        ])
        .expose_headers([RETRY_AFTER, name("x-request-id")])
        .max_age(REMEMBERED);
    (!origins.is_empty()).then_some(layer)
}
