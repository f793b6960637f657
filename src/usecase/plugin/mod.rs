//! What callers can ask of the plugin manager, and how its workers settle what plugins answered.

mod create;
mod end;
mod offered;
mod settle_step;
mod stored;
mod workflow_create;

pub use create::{CreatedPlugin, create};
pub(super) use end::drop_runs;
pub use settle_step::{AttemptRecord, Settlement, settle_step};
pub use stored::{StoredHeader, StoredHttp, StoredStep, plugin_secret_context, sealed_header_context};
pub use workflow_create::{Workflow, workflow_create};
