//! What a caller can act on: problems with a code, a message and a path into the input.
//!
//! This module must not know who reports a problem or how: the edges turn it into `userErrors`.

use std::fmt;

/// The kind of a [`Problem`]; a closed list that clients may switch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// A value is not of the form or in the range that the field asks for.
    Invalid,
    /// A value is missing.
    Required,
    /// The caller's tenant has no such thing.
    NotFound,
    /// Somebody else changed the thing meanwhile.
    Conflict,
    /// The lifecycle has no such transition out of the present state.
    TransitionNotAllowed,
    /// The lifecycle has the transition, but something still stands in its way.
    Blocked,
    /// A thing that must be unique is there already.
    AlreadyExists,
    /// The idempotency key was used with another input.
    IdempotencyMismatch,
    /// Something else still needs the thing.
    InUse,
    /// More than a documented limit allows.
    LimitExceeded,
}

impl Code {
    /// Every code, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Invalid,
        Self::Required,
        Self::NotFound,
        Self::Conflict,
        Self::TransitionNotAllowed,
        Self::Blocked,
        Self::AlreadyExists,
        Self::IdempotencyMismatch,
        Self::InUse,
        Self::LimitExceeded,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "INVALID",
            Self::Required => "REQUIRED",
            Self::NotFound => "NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::TransitionNotAllowed => "TRANSITION_NOT_ALLOWED",
            Self::Blocked => "BLOCKED",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::IdempotencyMismatch => "IDEMPOTENCY_MISMATCH",
            Self::InUse => "IN_USE",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
        }
    }
}

/// What a client may want to know beyond the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Nothing.
    None,
    /// The version that stands, where another was expected.
    Version {
        /// The entity's present version.
        current: i32,
    },
    /// Where a transition was asked for that cannot happen now.
    Transition {
        /// The entity's present state.
        current_status: String,
        /// What stands in the way, a sentence each; empty where the lifecycle has no such transition.
        blocked_by: Vec<String>,
    },
}

/// Where in the input a problem lies: `workOrders`, `0`, `pickup`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(Vec<String>);

impl Path {
    /// The input itself.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// A field of what stands at this path.
    #[must_use]
    pub fn field(&self, name: &str) -> Self {
        let mut segments = Vec::with_capacity(self.0.len() + 1);
        segments.extend_from_slice(&self.0);
        segments.push(name.to_owned());
        Self(segments)
    }

    /// A member, counted from 0, of the list at this path.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.field(&index.to_string())
    }

    /// The segments, outermost first.
    pub fn segments(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// One thing that a caller can mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its kind.
    pub code: Code,
    /// One sentence that says what is wrong and what would be right.
    pub message: String,
    /// Where in the input it lies.
    pub path: Path,
    /// More for a program to act on.
    pub detail: Detail,
}

impl Problem {
    /// A problem without detail.
    pub fn new(code: Code, path: &Path, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), path: path.clone(), detail: Detail::None }
    }

    /// A value of a wrong form.
    pub fn invalid(path: &Path, message: impl Into<String>) -> Self {
        Self::new(Code::Invalid, path, message)
    }

    /// A missing value.
    pub fn required(path: &Path, message: impl Into<String>) -> Self {
        Self::new(Code::Required, path, message)
    }

    /// A thing that the tenant does not have.
    pub fn not_found(path: &Path, message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, path, message)
    }

    /// The entity stands at another version than the caller expected.
    pub fn version_conflict(path: &Path, expected: i32, current: i32) -> Self {
        Self {
            code: Code::Conflict,
            message: format!(
                "expected version {expected}, but it is at version {current}: read it again and decide anew"
            ),
            path: path.clone(),
            detail: Detail::Version { current },
        }
    }
}

/// One or more problems: a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// All of them, in the order in which they were found; never empty.
    pub fn as_slice(&self) -> &[Problem] {
        &self.0
    }

    /// All of them, owned.
    pub fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

/// Collects problems, so that a caller hears of all of them at once.
#[derive(Clone, Debug, Default)]
pub struct Found(Vec<Problem>);

impl Found {
    /// Nothing found yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a problem.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Adds what another check refused, and gives its value where it did not.
    pub fn absorb<T>(&mut self, result: Result<T, Problems>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(problems) => {
                self.0.extend(problems.0);
                None
            }
        }
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `value` if nothing was found, else the refusal.
    pub fn or<T>(self, value: T) -> Result<T, Problems> {
        if self.0.is_empty() { Ok(value) } else { Err(Problems(self.0)) }
    }
}
