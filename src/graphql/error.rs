//! Where the three families of errors become what a client sees: problems in `userErrors`, refusals of a request and
//! faults as top-level errors with a code.

use async_graphql::{Context, Enum, Error, ErrorExtensions, Interface, Response, ServerError, SimpleObject};

use crate::{
    budget::Exhausted,
    domain::problem::{self, Detail, Problem, Problems},
    fault::Fault,
};

/// The codes of top-level errors, in `extensions.code`; a closed list. Where a mutation failed and the caller did not
/// select `userErrors`, their codes come in the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// An argument or variable is not of the form that the field asks for.
    BadUserInput,
    /// The document is not GraphQL.
    GraphqlParseFailed,
    /// The document does not fit the schema.
    GraphqlValidationFailed,
    /// Nobody knows who is calling.
    Unauthenticated,
    /// The caller may not do this.
    Forbidden,
    /// The document asks for too much at once.
    QueryTooComplex,
    /// The caller, or its tenant, sends more than it may.
    RateLimited,
    /// It took too long.
    Timeout,
    /// The document that a request names is not known here.
    PersistedQueryNotFound,
    /// Events after the cursor are not kept any more.
    CursorExpired,
    /// A subscriber takes events more slowly than they come.
    SlowConsumer,
    /// The server cannot answer now; later it may.
    Unavailable,
    /// Something failed that the caller can do nothing about.
    Internal,
}

impl Code {
    /// Every code, in the order of the documentation.
    pub const ALL: [Self; 13] = [
        Self::BadUserInput,
        Self::GraphqlParseFailed,
        Self::GraphqlValidationFailed,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::QueryTooComplex,
        Self::RateLimited,
        Self::Timeout,
        Self::PersistedQueryNotFound,
        Self::CursorExpired,
        Self::SlowConsumer,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::GraphqlParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::GraphqlValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::QueryTooComplex => "QUERY_TOO_COMPLEX",
            Self::RateLimited => "RATE_LIMITED",
            Self::Timeout => "TIMEOUT",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::CursorExpired => "CURSOR_EXPIRED",
            Self::SlowConsumer => "SLOW_CONSUMER",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    /// A top-level error without a place in the document.
    pub fn server_error(self, message: impl Into<String>) -> ServerError {
        self.error(message).into_server_error(async_graphql::Pos::default()).without_location()
    }

    /// An error of a field.
    pub fn error(self, message: impl Into<String>) -> Error {
        Error::new(message).extend_with(|_, extensions| extensions.set("code", self.as_str()))
    }
}

trait WithoutLocation {
    fn without_location(self) -> Self;
}

impl WithoutLocation for ServerError {
    fn without_location(mut self) -> Self {
        self.locations.clear();
        self
    }
}

/// What a caller hears of a fault: a code and the id of its request, which the log has too. Logged here and only here.
pub fn fault(fault: &Fault, request_id: &str) -> Error {
    let (code, message) = match fault {
        Fault::Exhausted(exhausted) => return Code::QueryTooComplex.error(given_up(*exhausted)),
        Fault::Unavailable(_) => {
            tracing::warn!(request.id = request_id, error = %fault, "a request could not be served");
            (Code::Unavailable, "the server cannot answer now; try again")
        }
        Fault::Store(_) | Fault::Broken(_) => {
            tracing::error!(request.id = request_id, error = %fault, "a request failed");
            (
                Code::Internal,
                "something failed that you can do nothing about; the request id names it in our log",
            )
        }
    };
    code.error(message).extend_with(|_, extensions| extensions.set("requestId", request_id))
}

/// What the caller of an operation is told that has used its budget up.
pub fn given_up(exhausted: Exhausted) -> String {
    format!(
        "the operation was given up, because {exhausted}; ask for less at once, in shorter pages or with fewer fields. A \
         mutation may have taken effect all the same: send it again with the same idempotencyKey"
    )
}

/// The executor's messages quote what was given, which may be long.
const MAX_MESSAGE_CHARS: usize = 1_000;

/// Gives every error a code that has none yet: those that the executor itself found.
pub fn add_codes(response: &mut Response) {
    for error in &mut response.errors {
        let coded = error.extensions.as_ref().is_some_and(|extensions| extensions.get("code").is_some());
        if coded {
            continue;
        }
        let code = match error.message.as_str() {
            message if message.starts_with("The recursion depth of the query") => Code::QueryTooComplex,
            _ if error.path.is_empty() => Code::GraphqlValidationFailed,
            _ => Code::BadUserInput,
        };
        error.extensions.get_or_insert_default().set("code", code.as_str());
        if let Some((end, _)) = error.message.char_indices().nth(MAX_MESSAGE_CHARS) {
            error.message.truncate(end);
        }
    }
}

/// What is wrong with a mutation's input, or why it cannot happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "problem::Code")]
pub enum UserErrorCode {
    /// A value is not of the form or in the range that the field asks for.
    Invalid,
    /// A value is missing.
    Required,
    /// The tenant has no such thing.
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

/// Something that the caller can mend.
#[derive(Clone, Debug, Interface)]
#[graphql(
    field(name = "code", ty = "&UserErrorCode", desc = "Its kind."),
    field(name = "message", ty = "&String", desc = "What is wrong and what would be right, in a sentence."),
    field(
        name = "path",
        ty = "&Vec<String>",
        desc = "Where in the input it lies, such as `workOrders`, `0`, `pickup`."
    )
)]
pub enum UserError {
    /// An input that is not as it must be.
    InputError(InputError),
    /// Another version than expected.
    VersionConflict(VersionConflict),
    /// A transition that cannot happen now.
    TransitionBlocked(TransitionBlocked),
}

/// Something in the input is not as it must be.
#[derive(Clone, Debug, SimpleObject)]
pub struct InputError {
    /// Its kind.
    pub code: UserErrorCode,
    /// What is wrong and what would be right, in a sentence.
    pub message: String,
    /// Where in the input it lies, such as `workOrders`, `0`, `pickup`.
    pub path: Vec<String>,
}

/// The entity is at another version than `expectedVersion`; nothing was changed.
#[derive(Clone, Debug, SimpleObject)]
pub struct VersionConflict {
    /// Its kind.
    pub code: UserErrorCode,
    /// What is wrong and what would be right, in a sentence.
    pub message: String,
    /// Where in the input it lies.
    pub path: Vec<String>,
    /// The version that stands.
    pub current_version: i32,
}

/// The transition cannot happen now.
#[derive(Clone, Debug, SimpleObject)]
pub struct TransitionBlocked {
    /// Its kind.
    pub code: UserErrorCode,
    /// What stands in the way and what is allowed, in a sentence.
    pub message: String,
    /// Where in the input it lies.
    pub path: Vec<String>,
    /// The state that the entity is in.
    pub current_status: String,
    /// What stands in the way, a sentence each; empty where the lifecycle has no such transition from here.
    pub blocked_by: Vec<String>,
}

impl From<Problem> for UserError {
    fn from(problem: Problem) -> Self {
        let Problem { code, message, path, detail } = problem;
        let code = code.into();
        let path = path.segments().to_vec();
        match detail {
            Detail::None => Self::InputError(InputError { code, message, path }),
            Detail::Version { current } => {
                Self::VersionConflict(VersionConflict { code, message, path, current_version: current })
            }
            Detail::Transition { current_status, blocked_by } => {
                Self::TransitionBlocked(TransitionBlocked { code, message, path, current_status, blocked_by })
            }
        }
    }
}

/// What is wrong with the arguments of a field: top-level errors, each with its path into the arguments. All but the last
/// are noted here; the last is the field's own.
pub fn bad_arguments(ctx: &Context<'_>, problems: Problems) -> Error {
    let mut errors: Vec<_> = problems.into_vec().into_iter().map(bad_argument).collect();
    let last = errors.pop().unwrap_or_else(|| Code::BadUserInput.error("an argument is wrong"));
    for error in errors {
        ctx.add_error(ctx.set_error_path(error.into_server_error(ctx.item.pos)));
    }
    last
}

fn bad_argument(problem: Problem) -> Error {
    let Problem { message, path, .. } = problem;
    Code::BadUserInput
        .error(format!("{path}: {message}"))
        .extend_with(|_, extensions| extensions.set("path", path.segments().to_vec()))
}

/// Problems as `userErrors`. If the caller did not select those, at `selection` below the present field, the same
/// failure also appears as top-level errors, so that it cannot go unnoticed.
pub fn user_errors(ctx: &Context<'_>, problems: Problems, selection: &[&str]) -> Vec<UserError> {
    let selected = selection.iter().fold(ctx.look_ahead(), |ahead, field| ahead.field(field)).exists();
    if !selected {
        for problem in problems.as_slice() {
            let error = Error::new(&problem.message).extend_with(|_, extensions| {
                extensions.set("code", problem.code.as_str());
                extensions.set("path", problem.path.segments().to_vec());
            });
            ctx.add_error(ctx.set_error_path(error.into_server_error(ctx.item.pos)));
        }
    }
    problems.into_vec().into_iter().map(Into::into).collect()
}
