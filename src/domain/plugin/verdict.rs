//! What a plugin's answer means for its step.
//!
//! An answer comes from outside and may be anything. Its texts are bounded where they are read, as their types say, and
//! nothing in it can make a step fail in another way than [`Answer::Fail`].

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Map, Value};

use super::super::value::{BoundedText, Message};

/// How many reasons of a verdict are kept.
pub const MAX_REASONS: usize = 20;

/// How many characters the reasons of a verdict have together: those that come after that are left out.
pub const MAX_REASONS_CHARS: usize = 16_000;

/// How many characters of a reason's code are kept.
pub const MAX_CODE_CHARS: usize = 64;

/// The code of a reason.
pub type ReasonCode = BoundedText<MAX_CODE_CHARS>;

/// The code of a reason that came without one.
const UNSPECIFIED: &str = "UNSPECIFIED";

/// How one attempt to call a plugin ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt<'a> {
    /// With an answer.
    Response {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: &'a [u8],
        /// The header `Retry-After`.
        retry_after: Option<&'a str>,
    },
    /// Without one.
    Failure {
        /// What went wrong.
        kind: FailureKind,
        /// The same for people; becomes the error of the attempt.
        message: &'a str,
    },
}

/// Why an attempt has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The request was not allowed to go out, because of its address for instance.
    Refused,
    /// The answer did not come in time.
    Timeout,
    /// There was no connection.
    Connect,
    /// The connection broke.
    Broken,
    /// The answer was too long to be read.
    TooLarge {
        /// Its HTTP status.
        status: u16,
    },
}

/// What an attempt means for its step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The plugin agrees.
    Pass {
        /// What it had to say.
        reasons: Vec<Reason>,
    },
    /// The plugin objects.
    Reject {
        /// Why; empty if it did not say.
        reasons: Vec<Reason>,
    },
    /// The plugin agrees, and changes something of the order.
    Enrich {
        /// What: a JSON Merge Patch.
        patch: Map<String, Value>,
        /// What it had to say.
        reasons: Vec<Reason>,
    },
    /// The plugin answers later, at the callback URL.
    Defer,
    /// There is no verdict yet; ask again.
    Retry {
        /// What went wrong this time.
        error: Message,
        /// How long the plugin wants to be left alone, if it said so.
        after: Option<Duration>,
    },
    /// There is no verdict, and asking again would not help.
    Fail {
        /// What went wrong.
        error: Message,
    },
}

/// Why a plugin decided as it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// For programs; the first one's becomes the reason code of what the verdict causes.
    pub code: ReasonCode,
    /// For people.
    pub message: Message,
    /// The field of the order that it is about.
    pub path: Option<Message>,
}

impl Reason {
    /// How many characters it has.
    fn chars(&self) -> usize {
        let path = self.path.as_deref().unwrap_or_default();
        [&*self.code, &*self.message, path].map(|text| text.chars().count()).iter().sum()
    }
}

/// Decides what an attempt means; `now` is needed for a `Retry-After` that names a date.
///
/// - A 2xx with a JSON body `{verdict, reasons}` is the answer; one without a `verdict` is PASS, whether its body is
///   empty, a text or other JSON. But a body that begins like an object and is not JSON was meant to be an answer: it
///   fails the step, for a cut-off REJECT must not pass.
/// - 409 and 422 are REJECT, with the body's reasons if it has any.
/// - 408, 429, 5xx, time-outs and broken connections are asked again, `Retry-After` obeyed.
/// - Other 4xx and every 3xx fail the step.
///
/// - 202, and the verdict DEFER, mean that the answer comes later.
pub fn judge(attempt: &Attempt<'_>, now: DateTime<Utc>) -> Answer {
    match *attempt {
        Attempt::Response { status, body, retry_after } => judge_response(status, body, retry_after, now),
        Attempt::Failure { kind, message } => match kind {
            FailureKind::Timeout | FailureKind::Connect | FailureKind::Broken => {
                Answer::Retry { error: message.into(), after: None }
            }
            // A status that needs no body to be understood stays understood.
            FailureKind::TooLarge { status } if !is_success(status) => judge_response(status, b"", None, now),
            FailureKind::Refused | FailureKind::TooLarge { .. } => fail(message),
        },
    }
}

/// Decides what a response means.
fn judge_response(status: u16, body: &[u8], retry_after: Option<&str>, now: DateTime<Utc>) -> Answer {
    match status {
        202 => Answer::Defer,
        _ if is_success(status) => judge_body(body),
        409 | 422 => Answer::Reject { reasons: reasons_of(parse(body).unwrap_or_default().as_ref()) },
        408 | 429 | 500..=599 => Answer::Retry {
            error: format!("the plugin answered {status}").into(),
            after: retry_after.and_then(|text| parse_retry_after(text, now)),
        },
        300..=399 => fail(&format!("the plugin answered {status}: redirects are not followed")),
        _ => fail(&format!("the plugin answered {status}")),
    }
}

/// Whether a status is one of success.
const fn is_success(status: u16) -> bool {
    matches!(status, 200..=299)
}

/// Decides what the body of a successful response means.
fn judge_body(body: &[u8]) -> Answer {
    let object = match parse(body) {
        Ok(object) => object,
        Err(error) => return fail(&format!("the plugin's answer is not valid JSON: {error}")),
    };
    object.as_ref().map_or(Answer::Pass { reasons: Vec::new() }, judge_object)
}

/// Decides what the value of an expression means: true passes, false rejects, an object is an answer.
pub fn judge_value(value: &Value) -> Answer {
    match value {
        Value::Bool(true) => Answer::Pass { reasons: Vec::new() },
        Value::Bool(false) => Answer::Reject { reasons: Vec::new() },
        Value::Object(object) => judge_object(object),
        _ => fail("the expression gave neither true nor false nor a map"),
    }
}

/// Decides what an answer of the form `{verdict, reasons}` means.
fn judge_object(object: &Map<String, Value>) -> Answer {
    let reasons = reasons_of(Some(object));
    match object.get("verdict") {
        None | Some(Value::Null) => Answer::Pass { reasons },
        Some(Value::String(verdict)) => match verdict.as_str() {
            "PASS" => Answer::Pass { reasons },
            "REJECT" => Answer::Reject { reasons },
            "ENRICH" => match object.get("patch") {
                Some(Value::Object(patch)) => Answer::Enrich { patch: patch.clone(), reasons },
                _ => fail("the plugin answered ENRICH without a patch, which must be a JSON object"),
            },
            "DEFER" => Answer::Defer,
            other => {
                let other = ReasonCode::new(other);
                fail(&format!("the plugin's verdict {:?} is none of PASS, REJECT, ENRICH and DEFER", &*other))
            }
        },
        Some(_) => fail("the plugin's verdict is not a string"),
    }
}

/// Decides what the body of a callback means: it needs a verdict, which cannot be put off once more. An error says what is
/// wrong with it.
pub fn judge_callback(body: &[u8]) -> Result<Answer, Message> {
    let object = parse(body).map_err(|error| format!("the answer is not valid JSON: {error}"))?;
    if object.as_ref().and_then(|object| object.get("verdict")).is_none_or(Value::is_null) {
        return Err(
            "the answer has no verdict; send a JSON object with verdict, and reasons if there are any".into(),
        );
    }
    match judge_body(body) {
        answer @ (Answer::Pass { .. } | Answer::Reject { .. } | Answer::Enrich { .. }) => Ok(answer),
        Answer::Defer => Err("a callback is the answer: its verdict cannot be DEFER".into()),
        Answer::Retry { error, .. } | Answer::Fail { error } => Err(error),
    }
}

/// The JSON object in a body; none if the body is something else altogether. An error says where an object that was
/// begun goes wrong.
fn parse(body: &[u8]) -> Result<Option<Map<String, Value>>, String> {
    // Some servers put a byte order mark before their JSON.
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii_start();
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(Some(object)),
        Err(error) if body.starts_with(b"{") => Err(error.to_string()),
        Ok(_) | Err(_) => Ok(None),
    }
}

/// The reasons in a body. What has not the form of a reason is read as far as possible, and else left out: a verdict
/// counts even if the reasons for it are badly put.
fn reasons_of(object: Option<&Map<String, Value>>) -> Vec<Reason> {
    let reasons = object.and_then(|object| object.get("reasons"));
    let reasons = match reasons {
        Some(Value::Array(reasons)) => reasons.as_slice(),
        Some(single) => std::slice::from_ref(single),
        None => &[],
    };
    let mut chars = 0;
    let fits = |reason: &Reason| {
        chars += reason.chars();
        chars <= MAX_REASONS_CHARS
    };
    reasons.iter().filter_map(reason_of).take(MAX_REASONS).take_while(fits).collect()
}

/// One reason: `{code, message, path}`, or just its message.
fn reason_of(value: &Value) -> Option<Reason> {
    let (code, message, path) = match value {
        Value::String(message) => (None, Some(message.as_str()), None),
        Value::Object(object) => {
            let text = |key| object.get(key).and_then(Value::as_str);
            (text("code"), text("message"), text("path"))
        }
        _ => return None,
    };
    if code.is_none() && message.is_none() {
        return None;
    }
    let code = code.map(str::trim).filter(|code| !code.is_empty()).unwrap_or(UNSPECIFIED);
    Some(Reason {
        code: code.into(),
        message: message.unwrap_or_default().into(),
        path: path.map(Message::new),
    })
}

/// An answer that fails the step.
fn fail(error: &str) -> Answer {
    Answer::Fail { error: error.into() }
}

/// Reads `Retry-After`: seconds, or a date in one of the three forms of RFC 9110. What is neither is ignored.
pub fn parse_retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Too many digits for a number of seconds still mean: long.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?
        .and_utc();
    // A date that is over means: now.
    Some((date - now).to_std().unwrap_or_default())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "1994-11-06T08:49:00Z".parse().unwrap()
    }

    fn answer(status: u16, body: &str) -> Answer {
        judge(&Attempt::Response { status, body: body.as_bytes(), retry_after: None }, now())
    }

    /// The kind of an answer in a word.
    fn kind(answer: &Answer) -> &'static str {
        match answer {
            Answer::Pass { .. } => "pass",
            Answer::Reject { .. } => "reject",
            Answer::Enrich { .. } => "enrich",
            Answer::Defer => "defer",
            Answer::Retry { .. } => "retry",
            Answer::Fail { .. } => "fail",
        }
    }

    fn reasons(answer: Answer) -> Vec<Reason> {
        match answer {
            Answer::Pass { reasons } | Answer::Reject { reasons } => reasons,
            other => panic!("{other:?} has no reasons"),
        }
    }

    fn reason(code: &str, message: &str, path: Option<&str>) -> Reason {
        Reason { code: code.into(), message: message.into(), path: path.map(Message::new) }
    }

    #[test]
    fn every_status_has_its_meaning() {
        for (statuses, expected) in [
            (200..=201, "pass"),
            (202..=202, "defer"),
            (203..=299, "pass"),
            (100..=199, "fail"),
            (300..=399, "fail"),
            (400..=407, "fail"),
            (408..=408, "retry"),
            (409..=409, "reject"),
            (410..=421, "fail"),
            (422..=422, "reject"),
            (423..=428, "fail"),
            (429..=429, "retry"),
            (430..=499, "fail"),
            (500..=599, "retry"),
            (600..=999, "fail"),
        ] {
            for status in statuses {
                assert_eq!(kind(&answer(status, "")), expected, "{status}");
            }
        }
    }

    #[test]
    fn a_body_decides_about_a_success() {
        for (body, expected) in [
            (r#"{"verdict":"PASS"}"#, "pass"),
            (r#"{"verdict":"REJECT"}"#, "reject"),
            (" \n{\"verdict\":\"REJECT\"}\n", "reject"),
            ("\u{feff}{\"verdict\":\"REJECT\"}", "reject"),
            (r#"{"verdict":"ENRICH","patch":{}}"#, "enrich"),
            (r#"{"verdict":"ENRICH"}"#, "fail"),
            (r#"{"verdict":"ENRICH","patch":[]}"#, "fail"),
            (r#"{"verdict":"DEFER"}"#, "defer"),
            // Without a verdict.
            ("", "pass"),
            ("{}", "pass"),
            (r#"{"verdict":null}"#, "pass"),
            (r#"{"ok":false}"#, "pass"),
            ("OK", "pass"),
            ("<html></html>", "pass"),
            ("null", "pass"),
            ("[]", "pass"),
            ("\"REJECT\"", "pass"),
            // With something that was meant to be one.
            (r#"{"verdict":"REJ"#, "fail"),
            (r#"{"verdict":"REJECT"} and more"#, "fail"),
            (r#"{verdict:"REJECT"}"#, "fail"),
            (r#"{"verdict":"reject"}"#, "fail"),
            (r#"{"verdict":"MAYBE"}"#, "fail"),
            (r#"{"verdict":""}"#, "fail"),
            (r#"{"verdict":true}"#, "fail"),
            (r#"{"verdict":{"verdict":"PASS"}}"#, "fail"),
        ] {
            assert_eq!(kind(&answer(200, body)), expected, "{body:?}");
        }
    }

    #[test]
    fn a_callback_needs_a_verdict() {
        for (body, expected) in [
            (r#"{"verdict":"PASS"}"#, Some("pass")),
            (r#"{"verdict":"REJECT","reasons":["no"]}"#, Some("reject")),
            (r#"{"verdict":"DEFER"}"#, None),
            (r#"{"verdict":"MAYBE"}"#, None),
            (r#"{"verdict":null}"#, None),
            (r#"{"verdict":"REJ"#, None),
            ("{}", None),
            ("", None),
            ("OK", None),
            ("\"PASS\"", None),
        ] {
            assert_eq!(judge_callback(body.as_bytes()).ok().as_ref().map(kind), expected, "{body}");
        }
    }

    #[test]
    fn a_body_that_is_no_text_passes_unless_it_begins_like_an_answer() {
        let judge = |body| judge(&Attempt::Response { status: 200, body, retry_after: None }, now());
        assert_eq!(kind(&judge(b"\xff\xfe\x00")), "pass");
        assert_eq!(kind(&judge(b"{\"verdict\":\"\xff\"}")), "fail");
        assert_eq!(kind(&judge("{\"a\":".repeat(10_000).as_bytes())), "fail");
    }

    #[test]
    fn a_status_that_rejects_needs_no_verdict_and_heeds_none() {
        for status in [409, 422] {
            for body in ["", "no", "{", "[]", r#"{"verdict":"PASS"}"#] {
                assert_eq!(answer(status, body), Answer::Reject { reasons: Vec::new() }, "{body:?}");
            }
            let body = r#"{"reasons":[{"code":"NOT_SERVICEABLE","message":"too far","path":"destination"}]}"#;
            assert_eq!(
                reasons(answer(status, body)),
                [reason("NOT_SERVICEABLE", "too far", Some("destination"))]
            );
        }
    }

    #[test]
    fn reasons_are_read_as_far_as_they_can_be() {
        let unspecified = |message| vec![reason(UNSPECIFIED, message, None)];
        for (given, expected) in [
            ("[]", vec![]),
            ("null", vec![]),
            ("7", vec![]),
            ("[null, 7, [], {}, {\"path\":\"x\"}]", vec![]),
            (
                r#"[{"code":"A","message":"a"},{"code":"B"}]"#,
                vec![reason("A", "a", None), reason("B", "", None)],
            ),
            (r#"[{"code":" A ","message":"a","path":null}]"#, vec![reason("A", "a", None)]),
            (r#"{"code":"A","message":"a"}"#, vec![reason("A", "a", None)]),
            (r#"[{"message":"why"}]"#, unspecified("why")),
            (r#"[{"code":"","message":"why"}]"#, unspecified("why")),
            (r#"[{"code":7,"message":"why"}]"#, unspecified("why")),
            (r#"["why"]"#, unspecified("why")),
            (r#""why""#, unspecified("why")),
            (r#"["a\u0000b"]"#, unspecified("a\u{fffd}b")),
        ] {
            for verdict in ["PASS", "REJECT"] {
                let body = format!(r#"{{"verdict":"{verdict}","reasons":{given}}}"#);
                assert_eq!(reasons(answer(200, &body)), expected, "{body}");
            }
        }
    }

    #[test]
    fn reasons_are_bounded_each_and_together() {
        let given = |one: &str, count| {
            let body = format!(r#"{{"verdict":"REJECT","reasons":[{}]}}"#, vec![one; count].join(","));
            reasons(answer(200, &body))
        };
        let long = "ß".repeat(3_000);
        let kept = given(&format!(r#"{{"code":"{long}","message":"{long}","path":"{long}"}}"#), 30);
        // Each has 64 + 2,000 + 2,000 characters.
        assert_eq!(kept.len(), 3);
        for found in kept {
            let cut = |length: usize| format!("{}…", "ß".repeat(length - 1));
            assert_eq!(found, reason(&cut(64), &cut(2_000), Some(&cut(2_000))));
        }
        assert_eq!(given(r#"{"code":"A","message":"a"}"#, 10_000), vec![reason("A", "a", None); 20]);
    }

    #[test]
    fn an_error_quotes_little_of_the_answer() {
        let Answer::Fail { error } = answer(200, &format!(r#"{{"verdict":"{}"}}"#, "x".repeat(9_000))) else {
            panic!("an unknown verdict must fail");
        };
        assert!(error.len() < 200, "{error}");
    }

    #[test]
    fn a_failure_is_asked_again_where_that_may_help() {
        for (kind_of_failure, expected) in [
            (FailureKind::Timeout, "retry"),
            (FailureKind::Connect, "retry"),
            (FailureKind::Broken, "retry"),
            (FailureKind::Refused, "fail"),
            (FailureKind::TooLarge { status: 200 }, "fail"),
            (FailureKind::TooLarge { status: 302 }, "fail"),
            (FailureKind::TooLarge { status: 404 }, "fail"),
            (FailureKind::TooLarge { status: 422 }, "reject"),
            (FailureKind::TooLarge { status: 502 }, "retry"),
        ] {
            let attempt = Attempt::Failure { kind: kind_of_failure, message: "it went wrong" };
            assert_eq!(kind(&judge(&attempt, now())), expected, "{kind_of_failure:?}");
        }
        let attempt = Attempt::Failure { kind: FailureKind::Timeout, message: "too slow" };
        assert_eq!(judge(&attempt, now()), Answer::Retry { error: "too slow".into(), after: None });
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        for (text, expected) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(37)),
            ("Sun Nov  6 08:49:37 1994", Some(37)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("Mon, 06 Nov 1994 08:49:37 GMT", None),
            ("Sun, 99 Nov 1994 08:49:37 GMT", None),
        ] {
            for status in [408, 429, 503] {
                let attempt = Attempt::Response { status, body: b"", retry_after: Some(text) };
                let Answer::Retry { after, .. } = judge(&attempt, now()) else {
                    panic!("{status} must be asked again");
                };
                assert_eq!(after, expected.map(Duration::from_secs), "{text:?}");
            }
        }
    }
}
