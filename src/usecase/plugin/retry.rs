//! Runs a workflow again from the step that failed.

use entity::{id::PluginRunId, plugin_run, stored::PluginRunStatus};

use super::{StoredStep, conclude::ask_next, record};
use crate::{
    access::{Granted, right::OrdersWrite},
    app::App,
    domain::problem::{Code, Path, Problem},
    fault::Fault,
    store,
    usecase::{Error, aggregate::Aggregate, work::UnitOfWork},
};

/// Runs a workflow again from the step that failed: a run that is HELD, or one that FAILED and that nothing waited for.
/// A run that ended otherwise stays as it is.
pub async fn retry(
    app: &App,
    caller: Granted<'_, OrdersWrite>,
    id: PluginRunId,
) -> Result<plugin_run::Model, Error> {
    let at = Path::root().field("id");
    let not_found = || Problem::not_found(&at, format!("there is no plugin run {id}"));
    let mut work = UnitOfWork::begin(app, &caller).await?;
    // A run never moves to another order, so this needs no lock; what it says beyond that is read again below.
    let found = store::plugin_run::by_ids(&work.db(), &[id]).await?.pop().ok_or_else(not_found)?;
    Aggregate::lock(&work, found.order_id)
        .await?
        .ok_or_else(|| Fault::broken("a plugin run without an order"))?;
    let mut run = store::plugin_run::lock(&work.db(), id).await?.ok_or_else(not_found)?;
    let steps: Vec<StoredStep> = serde_json::from_str(&run.steps)?;
    let failed = match run.status {
        PluginRunStatus::Held | PluginRunStatus::Failed => {
            steps.iter().find(|step| run.step.as_ref() == Some(&step.name))
        }
        PluginRunStatus::Queued
        | PluginRunStatus::Running
        | PluginRunStatus::Waiting
        | PluginRunStatus::Passed
        | PluginRunStatus::Rejected => None,
    };
    let Some(step) = failed else {
        let message = format!(
            "a run is retried while it is HELD, or after it FAILED with nothing waiting for it; this one is {}",
            run.status.as_str()
        );
        return Err(Problem::new(Code::Conflict, &at, message).into());
    };
    ask_next(&mut run, step.plugin()?, work.now);
    record::run(&mut work, &run).await?;
    work.runs_are_due = true;
    work.commit().await?;
    Ok(run)
}
