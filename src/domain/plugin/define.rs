//! What a plugin and a workflow must be like before they are saved.

use serde::{Deserialize, Serialize};

use super::super::{
    problem::{Code, Found, Path, Problem},
    value::{DESCRIPTION_MAX_CHARS, check_optional_text, check_text},
};

/// How long a plugin may take to answer, in milliseconds. A process holds a run for 30 seconds before another may take
/// it over, so a call must be over by then.
const REQUEST_TIMEOUT_MS: std::ops::RangeInclusive<i32> = 100..=20_000;
const MAX_ATTEMPTS: std::ops::RangeInclusive<i32> = 1..=20;
const MAX_HEADERS: usize = 20;
const HEADER_NAME_MAX_CHARS: usize = 64;
const HEADER_VALUE_MAX_CHARS: usize = 4_096;
const NAME_CHARS: std::ops::RangeInclusive<usize> = 3..=50;
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
    /// Sends ids as query parameters.
    Get,
    /// Sends a document.
    Post,
    /// Sends a document.
    Put,
}

/// What happens when a step gives no verdict after all its attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailurePolicy {
    /// It counts as a rejection.
    Reject,
    /// It counts as passed.
    Continue,
}

/// A plugin to be saved; its URL is checked by those who know which addresses are allowed.
#[derive(Clone, Debug)]
pub struct NewPlugin {
    /// Its name, unique in the tenant.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its endpoint.
    pub http: NewHttp,
    /// Whether it is called.
    pub enabled: bool,
}

/// An HTTP endpoint to be saved.
#[derive(Clone, Debug)]
pub struct NewHttp {
    /// Where it is.
    pub url: String,
    /// How it is called.
    pub method: HttpMethod,
    /// Name and value of headers to send.
    pub headers: Vec<(String, String)>,
    /// How long it may take to answer, in milliseconds.
    pub request_timeout_ms: i32,
    /// How often it is asked at most.
    pub max_attempts: i32,
}

/// A workflow to be saved.
#[derive(Clone, Debug)]
pub struct NewWorkflow {
    /// Its name.
    pub name: String,
    /// Name of its first step.
    pub start: String,
    /// Its steps.
    pub steps: Vec<NewStep>,
    /// Whether events set it off.
    pub enabled: bool,
}

/// A step of a workflow to be saved.
#[derive(Clone, Debug)]
pub struct NewStep {
    /// Its name, unique in the workflow.
    pub name: String,
    /// What happens when its plugin gives no verdict.
    pub failure_policy: FailurePolicy,
}

impl NewPlugin {
    /// Pushes every problem that does not depend on which addresses are allowed.
    pub fn check(&self, at: &Path, found: &mut Found) {
        check_name(&self.name, at, found);
        let description = self.description.as_deref();
        check_optional_text(description, DESCRIPTION_MAX_CHARS, at, "description", found);
        self.http.check(&at.field("http"), found);
    }
}

impl NewHttp {
    fn check(&self, at: &Path, found: &mut Found) {
        if !REQUEST_TIMEOUT_MS.contains(&self.request_timeout_ms) {
            let (min, max) = (REQUEST_TIMEOUT_MS.start(), REQUEST_TIMEOUT_MS.end());
            let message = format!("requestTimeoutMs must be from {min} to {max}");
            found.push(Problem::invalid(&at.field("requestTimeoutMs"), message));
        }
        if !MAX_ATTEMPTS.contains(&self.max_attempts) {
            let (min, max) = (MAX_ATTEMPTS.start(), MAX_ATTEMPTS.end());
            found.push(Problem::invalid(
                &at.field("maxAttempts"),
                format!("maxAttempts must be from {min} to {max}"),
            ));
        }
        let at = at.field("headers");
        if self.headers.len() > MAX_HEADERS {
            let message = format!("a plugin has at most {MAX_HEADERS} headers");
            found.push(Problem::new(Code::LimitExceeded, &at, message));
        }
        for (index, (name, value)) in self.headers.iter().enumerate().take(MAX_HEADERS) {
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

impl NewWorkflow {
    /// Pushes every problem of the workflow itself. In this version a workflow has one step.
    pub fn check(&self, at: &Path, found: &mut Found) {
        check_name(&self.name, at, found);
        let at_steps = at.field("steps");
        match self.steps.as_slice() {
            [] => found.push(Problem::required(&at_steps, "a workflow needs a step")),
            [step] => {
                check_text(&step.name, *NAME_CHARS.end(), &at_steps.index(0), "name", found);
                if step.name != self.start {
                    let message = "start must name a step of the workflow";
                    found.push(Problem::invalid(&at.field("start"), message));
                }
            }
            [_, ..] => {
                let message = "in this version a workflow has one step; use a workflow for each plugin, they run \
                               side by side and all of them must pass";
                found.push(Problem::new(Code::LimitExceeded, &at_steps, message));
            }
        }
    }
}

fn check_name(name: &str, at: &Path, found: &mut Found) {
    if NAME_CHARS.contains(&name.chars().count()) {
        check_text(name, *NAME_CHARS.end(), at, "name", found);
    } else {
        let message = format!("a name has {} to {} characters", NAME_CHARS.start(), NAME_CHARS.end());
        found.push(Problem::invalid(&at.field("name"), message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin() -> NewPlugin {
        NewPlugin {
            name: "serviceability".to_owned(),
            description: None,
            http: NewHttp {
                url: "https://plugins.example/check".to_owned(),
                method: HttpMethod::Post,
                headers: vec![("X-Token".to_owned(), "s3cret".to_owned())],
                request_timeout_ms: 5_000,
                max_attempts: 5,
            },
            enabled: true,
        }
    }

    fn problems(plugin: &NewPlugin) -> Vec<String> {
        let mut found = Found::new();
        plugin.check(&Path::root(), &mut found);
        found.or(()).map_or_else(
            |problems| problems.as_slice().iter().map(|problem| problem.path.to_string()).collect(),
            |()| Vec::new(),
        )
    }

    #[test]
    fn a_sound_plugin_has_no_problem() {
        assert_eq!(problems(&plugin()), Vec::<String>::new());
    }

    #[test]
    fn every_problem_is_named() {
        let mut bad = plugin();
        bad.name = "ab".to_owned();
        bad.http.request_timeout_ms = 20_001;
        bad.http.max_attempts = 0;
        bad.http.headers = [("Webhook-Id", "1"), ("HOST", "x"), ("a b", "x"), ("ok", "line\nbreak")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
        assert_eq!(
            problems(&bad),
            [
                "name",
                "http.requestTimeoutMs",
                "http.maxAttempts",
                "http.headers.0.name",
                "http.headers.1.name",
                "http.headers.2.name",
                "http.headers.3.value",
            ]
        );
    }

    #[test]
    fn a_workflow_has_one_step_and_starts_with_it() {
        let step = |name: &str| NewStep { name: name.to_owned(), failure_policy: FailurePolicy::Reject };
        for (steps, start, expected) in [
            (vec![step("check")], "check", vec![]),
            (vec![], "check", vec!["REQUIRED steps"]),
            (vec![step("check")], "other", vec!["INVALID start"]),
            (vec![step("a"), step("b")], "a", vec!["LIMIT_EXCEEDED steps"]),
        ] {
            let workflow =
                NewWorkflow { name: "intake".to_owned(), start: start.to_owned(), steps, enabled: true };
            let mut found = Found::new();
            workflow.check(&Path::root(), &mut found);
            let problems = found.or(()).map_or_else(
                |problems| {
                    problems
                        .as_slice()
                        .iter()
                        .map(|problem| format!("{} {}", problem.code.as_str(), problem.path))
                        .collect()
                },
                |()| Vec::new(),
            );
            assert_eq!(problems, expected);
        }
    }
}
