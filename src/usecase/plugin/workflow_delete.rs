//! Deletes a workflow.

use entity::id::PluginWorkflowId;

use super::workflow_not_found;
use crate::{
    access::{Granted, right::ConfigWrite},
    app::App,
    domain::problem::{Code, Path, Problem},
    store,
    usecase::{Error, work::UnitOfWork},
};

/// Deletes a workflow all of whose runs have ended. They still show it.
pub async fn workflow_delete(
    app: &App,
    caller: Granted<'_, ConfigWrite>,
    id: PluginWorkflowId,
) -> Result<PluginWorkflowId, Error> {
    let work = UnitOfWork::begin(app, &caller).await?;
    let db = work.db();
    let mut row = store::plugin::lock_workflow(&db, id).await?.ok_or_else(|| workflow_not_found(id))?;
    if store::plugin_run::any_unfinished(&db, id).await? {
        let message = "the workflow has runs that have not ended; disable it, and delete it when they have";
        return Err(Problem::new(Code::InUse, &Path::root().field("id"), message).into());
    }
    row.enabled = false;
    row.deleted_at = Some(work.now);
    row.version += 1;
    row.updated_at = work.now;
    row.updated_by = caller.subject.to_string();
    store::plugin::save_workflow(&db, &row).await?;
    work.commit().await?;
    app.hook.configuration_changed(&caller.tenant);
    Ok(id)
}
