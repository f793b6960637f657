//! What a request calls its operation, and what must come of that.

use serde_json::{Value, json};

/// Codes of answers to what was not executed although it is as it should be.
const NOT_EXECUTED: [&str; 8] = [
    "FORBIDDEN",
    "UNAUTHENTICATED",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "QUERY_TOO_COMPLEX",
    "PERSISTED_QUERY_NOT_FOUND",
    "TIMEOUT",
    "INTERNAL",
];

/// What a request says as `operationName`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Naming {
    Wrong,
    Empty,
    Absent,
    Right,
}

impl Naming {
    pub(super) const ALL: [Self; 4] = [Self::Wrong, Self::Empty, Self::Absent, Self::Right];

    /// What is sent; an operation without a name is called right by saying nothing.
    pub(super) const fn said(self, right: Option<&'static str>) -> Option<&'static str> {
        match self {
            Self::Wrong => Some("Z"),
            Self::Empty => Some(""),
            Self::Absent => None,
            Self::Right => right,
        }
    }
}

/// What the answer to a request must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// The document has no operation of that name.
    Unknown,
    /// The document has several operations, and none was named.
    NotNamed,
    /// The caller lacks a scope.
    Forbidden,
    /// The operation asks for too much.
    TooComplex,
    /// It is executed, whatever comes of it.
    Admitted,
}

impl Expected {
    pub(super) fn of(naming: Naming, has_several: bool, may: bool) -> Self {
        match naming {
            Naming::Wrong => Self::Unknown,
            Naming::Empty | Naming::Absent if has_several => Self::NotNamed,
            _ if may => Self::Admitted,
            _ => Self::Forbidden,
        }
    }

    /// Whether an answer is that.
    pub(super) fn is(self, answer: &Value) -> bool {
        let none = Vec::new();
        let errors = answer["errors"].as_array().unwrap_or(&none);
        let has = |code: &str, message: &str| {
            errors.iter().any(|error| {
                error["extensions"]["code"] == json!(code)
                    && error["message"].as_str().is_some_and(|text| text.starts_with(message))
            })
        };
        match self {
            Self::Unknown => {
                says_nothing(answer) && has("GRAPHQL_VALIDATION_FAILED", "Unknown operation named")
            }
            Self::NotNamed => {
                says_nothing(answer) && has("GRAPHQL_VALIDATION_FAILED", "Operation name required")
            }
            Self::Forbidden => says_nothing(answer) && has("FORBIDDEN", ""),
            Self::TooComplex => says_nothing(answer) && has("QUERY_TOO_COMPLEX", ""),
            Self::Admitted => !NOT_EXECUTED.iter().any(|code| has(code, "")),
        }
    }
}

/// Whether an answer holds nothing but errors, and nulls in place of what was refused while it was executed.
fn says_nothing(answer: &Value) -> bool {
    match &answer["data"] {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(Value::is_null),
        _ => false,
    }
}
