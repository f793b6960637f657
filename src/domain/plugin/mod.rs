//! What a plugin's answer means, and when it is asked again.

mod backoff;
mod verdict;

pub use backoff::{Backoff, retry_delay};
pub use verdict::{Answer, Attempt, MAX_REASONS, Reason, judge};
