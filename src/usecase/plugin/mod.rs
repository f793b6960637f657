//! What callers can ask of the plugin manager, and how its workers settle what plugins answered.

mod callback;
mod conclude;
mod condition;
mod create;
mod delete;
mod end;
mod enrich;
mod fail_step;
mod record;
mod retry;
mod save;
mod settle_step;
mod stored;
mod update;
mod workflow_create;
mod workflow_delete;
mod workflow_save;
mod workflow_update;

use entity::id::{PluginId, PluginWorkflowId};

pub use callback::{CallbackToken, CalledBack, call_back};
pub use condition::{ConditionReport, ConditionReporter};
pub use create::create;
pub use delete::delete;
pub(super) use end::drop_runs;
pub use fail_step::fail_step;
pub use record::{Excerpt, excerpt};
pub use retry::retry;
pub use save::SavedPlugin;
pub use settle_step::{AttemptRecord, Settlement, settle_step};
pub use stored::{StoredHeader, StoredHttp, StoredStep, plugin_secret_context, sealed_header_context};
pub use update::{Update, update};
pub use workflow_create::{MAX_WORKFLOWS, Workflow, workflow_create};
pub use workflow_delete::workflow_delete;
pub use workflow_update::{WorkflowUpdate, workflow_update};

use crate::domain::problem::{Path, Problem};

fn not_found(id: PluginId) -> Problem {
    Problem::not_found(&Path::root().field("id"), format!("there is no plugin {id}"))
}

fn workflow_not_found(id: PluginWorkflowId) -> Problem {
    Problem::not_found(&Path::root().field("id"), format!("there is no plugin workflow {id}"))
}
