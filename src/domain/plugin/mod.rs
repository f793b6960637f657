//! What a plugin's answer means, and when it is asked again.

mod backoff;
mod define;
mod verdict;

pub use backoff::{MAX_DELAY, MAX_RETRY_AFTER, retry_delay};
pub use define::{FailurePolicy, HttpMethod, NewHttp, NewPlugin, NewStep, NewWorkflow};
pub use verdict::{
    Answer, Attempt, FailureKind, MAX_CODE_CHARS, MAX_REASONS, MAX_TEXT_CHARS, Reason, judge,
    parse_retry_after,
};
