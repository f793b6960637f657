//! What plugins and workflows must be like, what a plugin's answer means, and where a run goes then.

mod backoff;
mod define;
mod expression;
mod graph;
mod http;
mod patch;
mod path;
mod template;
mod verdict;
mod workflow;

pub use backoff::{MAX_DELAY, MAX_RETRY_AFTER, fault_delay, retry_delay};
pub use define::{NewKind, NewPlugin, PLUGIN_VARIABLES, PluginPatch};
pub use expression::{
    Budget, Document, EXPRESSION_MAX_CHARS, Elements, Expression, Failure, Found, Reference, Shared,
};
pub use http::{HttpMethod, NewHttp};
pub use patch::{WORK_ORDERS, find_nul, read_order_patch, read_work_order_patch, without_contacts};
pub use template::{RenderError, Template};
pub use verdict::{
    Answer, Attempt, FailureKind, MAX_CODE_CHARS, MAX_REASONS, MAX_REASONS_CHARS, Reason, ReasonCode, judge,
    judge_callback, judge_value, parse_retry_after,
};
pub use workflow::{CONDITION_VARIABLES, FailurePolicy, NewStep, NewWorkflow, Next, StepEnd, next};
