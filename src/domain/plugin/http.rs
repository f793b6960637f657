//! What the endpoint of an HTTP plugin must be like before it is saved.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    super::problem::{Code, Found, Path, Problem},
    Template,
};

/// How long a plugin may take to answer, in milliseconds. A process holds a run for 30 seconds before another may take
/// it over, so a call must be over by then.
const REQUEST_TIMEOUT_MS: std::ops::RangeInclusive<i32> = 100..=20_000;
/// How long a verdict that was put off may take, in milliseconds: up to a week.
const CALLBACK_TIMEOUT_MS: std::ops::RangeInclusive<i32> = 1_000..=604_800_000;
const MAX_ATTEMPTS: std::ops::RangeInclusive<i32> = 1..=20;
const MAX_HEADERS: usize = 20;
const HEADER_NAME_MAX_CHARS: usize = 64;
const HEADER_VALUE_MAX_CHARS: usize = 4_096;
/// Headers that the service sets itself, or that belong to the connection.
const OWN_HEADERS: [&str; 14] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "idempotency-key",
    "keep-alive",
    "proxy-connection",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// With what method a plugin is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HttpMethod {
    /// Sends query parameters.
    Get,
    /// Sends a document.
    Post,
    /// Sends a document.
    Put,
}

/// An HTTP endpoint to be saved.
#[derive(Clone, Debug)]
pub struct NewHttp {
    /// Where it is.
    pub url: String,
    /// How it is called.
    pub method: HttpMethod,
    /// Name and value of headers to send; none given are none for a new plugin, and those that it has for a standing one.
    pub headers: Option<Vec<(String, String)>>,
    /// What it is sent; the whole document where there is none.
    pub body_template: Option<Value>,
    /// How long it may take to answer, in milliseconds.
    pub request_timeout_ms: i32,
    /// How long a verdict that it puts off may take, in milliseconds.
    pub callback_timeout_ms: i32,
    /// How often it is asked at most.
    pub max_attempts: i32,
}

impl NewHttp {
    /// Pushes every problem that does not depend on which addresses are allowed.
    pub(super) fn check(&self, at: &Path, found: &mut Found) {
        for (field, value, range) in [
            ("requestTimeoutMs", self.request_timeout_ms, REQUEST_TIMEOUT_MS),
            ("callbackTimeoutMs", self.callback_timeout_ms, CALLBACK_TIMEOUT_MS),
            ("maxAttempts", self.max_attempts, MAX_ATTEMPTS),
        ] {
            if !range.contains(&value) {
                let message = format!("{field} must be from {} to {}", range.start(), range.end());
                found.push(Problem::invalid(&at.field(field), message));
            }
        }
        self.check_headers(&at.field("headers"), found);
        self.check_template(&at.field("bodyTemplate"), found);
    }

    /// GET sends the template's top level as query parameters.
    fn check_template(&self, at: &Path, found: &mut Found) {
        let Some(template) = &self.body_template else { return };
        let parsed = Template::parse(template, at, found);
        if self.method == HttpMethod::Get && parsed.is_some_and(|template| !template.is_object()) {
            let message = "with GET, the template is an object: its members are sent as query parameters";
            found.push(Problem::invalid(at, message));
        }
    }

    fn check_headers(&self, at: &Path, found: &mut Found) {
        let headers = self.headers.as_deref().unwrap_or_default();
        if headers.len() > MAX_HEADERS {
            let message = format!("a plugin has at most {MAX_HEADERS} headers");
            found.push(Problem::new(Code::LimitExceeded, at, message));
        }
        for (index, (name, value)) in headers.iter().enumerate().take(MAX_HEADERS) {
            check_header(name, value, &at.index(index), found);
        }
    }
}

fn check_header(name: &str, value: &str, at: &Path, found: &mut Found) {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let at_name = at.field("name");
    if name.is_empty() || name.chars().count() > HEADER_NAME_MAX_CHARS || !name.bytes().all(token) {
        let message = format!("a header's name is 1 to {HEADER_NAME_MAX_CHARS} letters, digits and hyphens");
        found.push(Problem::invalid(&at_name, message));
    } else {
        let name = name.to_ascii_lowercase();
        if name.starts_with("webhook-") || OWN_HEADERS.contains(&name.as_str()) {
            let message = format!("the service sets the header {name} itself; leave it out");
            found.push(Problem::invalid(&at_name, message));
        }
    }
    let printable = |byte: u8| byte == b'\t' || (0x20..0x7f).contains(&byte);
    if value.len() > HEADER_VALUE_MAX_CHARS || !value.bytes().all(printable) {
        let message =
            format!("a header's value is printable ASCII of at most {HEADER_VALUE_MAX_CHARS} characters");
        found.push(Problem::invalid(&at.field("value"), message));
    }
}
