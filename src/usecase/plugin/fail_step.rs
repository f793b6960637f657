//! Ends the take-up of a step that the service, and not its plugin, could not carry out.

use entity::{
    id::PluginId,
    plugin_attempt, plugin_step,
    stored::{PluginKind, PluginRunStatus},
};
use serde::Deserialize;
use serde_json::json;

use super::conclude::PLUGIN_FAILED;
use crate::{
    access::Caller,
    app::App,
    domain::plugin::fault_delay,
    fault::Fault,
    store::{self, queue::TakeUp},
    usecase::{Error, work::UnitOfWork},
};

/// How often a step is tried whose plugin cannot be read: as often as a plugin is asked that was saved without a number.
const DEFAULT_MAX_ATTEMPTS: i32 = 5;

/// The error of such an attempt.
const ATTEMPT_FAILED: &str = "the service could not carry the step out; its operator finds the cause in the log, under the id of the run";
/// The reason of a step whose last attempt was such a one.
const STEP_FAILED: &str = "the service could not carry the step out: its operator finds the cause in the log, under the id of \
                           the run, and once that is mended pluginRunRetry starts the step again";

/// The member of a stored endpoint that is needed here; the others may be unreadable.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredAttempts {
    max_attempts: i32,
}

/// Ends the take-up of a step after a fault. The step is tried again after a while, as long as it has attempts; then the run is
/// HELD. A plugin that has put its answer off is not asked again, so there the first fault is the last.
///
/// This is a unit of work of its own that does as little as it can: whatever made the step fail must not fail here again.
pub async fn fail_step(app: &App, take_up: &TakeUp) -> Result<(), Fault> {
    let caller = Caller::system(take_up.tenant.clone());
    let is_last = take_up.is_waiting || take_up.attempts >= max_attempts(app, &caller, take_up).await?;
    match end(app, &caller, take_up, is_last, true).await {
        // Without the record, if it is that which cannot be written.
        Err(Error::Fault(fault)) if !fault.is_temporary() => {
            tracing::error!(plugin_run.id = %take_up.run_id, %fault, "a failed attempt cannot be recorded");
            end(app, &caller, take_up, is_last, false).await.map_err(Error::into_fault)
        }
        outcome => outcome.map_err(Error::into_fault),
    }
}

/// How often the plugin of the step may be asked, as far as that can be read.
async fn max_attempts(app: &App, caller: &Caller, take_up: &TakeUp) -> Result<i32, Fault> {
    let Some(lane) = take_up.lane else { return Ok(DEFAULT_MAX_ATTEMPTS) };
    let plugin =
        match store::plugin::by_id(&app.reader(caller).db(), PluginId(lane)).await.map_err(Fault::from) {
            Ok(plugin) => plugin,
            Err(fault) if fault.is_temporary() => return Err(fault),
            Err(_) => return Ok(DEFAULT_MAX_ATTEMPTS),
        };
    let Some(plugin) = plugin.filter(|plugin| plugin.kind == PluginKind::Http) else { return Ok(1) };
    let stored = serde_json::from_str(plugin.http.as_deref().unwrap_or_default());
    Ok(stored.map_or(DEFAULT_MAX_ATTEMPTS, |StoredAttempts { max_attempts }| max_attempts))
}

async fn end(
    app: &App,
    caller: &Caller,
    take_up: &TakeUp,
    is_last: bool,
    with_record: bool,
) -> Result<(), Error> {
    let mut work = UnitOfWork::begin_unconfigured(app, caller).await?;
    let delay = fault_delay(u32::try_from(take_up.attempts).unwrap_or(1), app.ids.jitter());
    let again_at = work.now.checked_add_signed(chrono::Duration::from_std(delay).unwrap_or_default());
    let (status, due_at) =
        if is_last { (PluginRunStatus::Held, None) } else { (PluginRunStatus::Running, again_at) };
    if !store::plugin_run::end_take_up(&work.db(), take_up, status, due_at).await? {
        tracing::info!(plugin_run.id = %take_up.run_id, "a run was lost before its fault was settled");
        return Ok(());
    }
    if with_record {
        record(&work, take_up, is_last).await?;
    }
    work.runs_are_due = !is_last;
    work.changed_runs.push(take_up.run_id);
    work.commit().await?;
    if is_last {
        tracing::error!(
            tenant.id = %caller.tenant, plugin_run.id = %take_up.run_id, attempts = take_up.attempts,
            "a plugin run is held after faults of the service; pluginRunRetry starts it again"
        );
    }
    Ok(())
}

/// Writes the attempt, and what the step has come to.
async fn record(work: &UnitOfWork<'_>, take_up: &TakeUp, is_last: bool) -> Result<(), Error> {
    let (Some(lane), Some(step)) = (take_up.lane, &take_up.step) else { return Ok(()) };
    let reason = json!({"code": PLUGIN_FAILED, "message": STEP_FAILED, "path": null});
    let reasons = if is_last { json!([reason]) } else { json!([]) };
    let step = plugin_step::Model {
        tenant_id: take_up.tenant.to_string(),
        run_id: take_up.run_id,
        number: take_up.step_number,
        step: step.clone(),
        plugin_id: PluginId(lane),
        verdict: None,
        reasons: reasons.to_string(),
        patch: None,
    };
    let attempt = plugin_attempt::Model {
        tenant_id: take_up.tenant.to_string(),
        run_id: take_up.run_id,
        step_number: take_up.step_number,
        number: take_up.attempts,
        started_at: work.now,
        duration_ms: 0,
        status_code: None,
        error: Some(ATTEMPT_FAILED.to_owned()),
        response_excerpt: None,
    };
    Ok(store::plugin_run::put_answer(&work.db(), step, attempt).await?)
}
