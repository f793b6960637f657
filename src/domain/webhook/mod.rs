//! Webhooks: what an endpoint must be like, what an answer of it means, and when it is asked again.

mod endpoint;
mod judge;

pub use endpoint::{EndpointPatch, NewEndpoint};
pub use judge::{Attempt, MAX_ATTEMPTS, Verdict, judge, reason_to_disable};
