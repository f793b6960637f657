//! Carries out what a plugin answered.

use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::{
    id::{PluginId, PluginRunId},
    plugin_run,
    stored::{PluginRunStatus, Verdict},
};
use uuid::Uuid;

use super::{StoredStep, end::finish, record};
use crate::{
    access::Caller,
    app::App,
    domain::plugin::{Answer, Next, Reason as VerdictReason, StepEnd, next, retry_delay},
    events::Reason,
    fault::Fault,
    store::{self, Tenant},
    usecase::{
        Error,
        aggregate::Aggregate,
        work::{Cause, UnitOfWork},
    },
};

/// The code of the reason of a step that ended without a verdict.
const PLUGIN_FAILED: &str = "PLUGIN_FAILED";
/// The code of a rejection for which the plugin gave no reason.
const REJECTED: &str = "REJECTED";

/// One call of a plugin, as it is kept.
#[derive(Clone, Debug)]
pub struct AttemptRecord {
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long it took.
    pub duration: Duration,
    /// HTTP status of the answer, if one came.
    pub status_code: Option<u16>,
    /// The beginning of the answer.
    pub response_excerpt: Option<String>,
}

/// What a worker learned about a step that it held.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The run.
    pub run_id: PluginRunId,
    /// Under which take-up it held the run.
    pub lease: Uuid,
    /// The step.
    pub step: StoredStep,
    /// The plugin that was asked.
    pub plugin_id: PluginId,
    /// Name of the plugin; it is the actor of what follows.
    pub plugin_name: String,
    /// How often it may be asked.
    pub max_attempts: i32,
    /// The call; none where the plugin could not even be asked.
    pub attempt: Option<AttemptRecord>,
    /// What came of it.
    pub answer: Answer,
}

/// What an attempt comes to for its step.
enum Outcome {
    Again { after: Duration },
    Ended { end: StepEnd, reasons: Vec<VerdictReason> },
}

/// Carries out what a plugin answered, if the run is still held under the same take-up: an answer that comes after
/// another process took the run over, or after the run was dropped, changes nothing.
pub async fn settle_step(app: &App, tenant: &Tenant, settlement: Settlement) -> Result<(), Error> {
    let caller = Caller::system(tenant.clone()).named(&format!("plugin:{}", settlement.plugin_name));
    let runs = store::plugin_run::by_ids(&app.reader(&caller).db(), &[settlement.run_id]).await?;
    let Some(run) = runs.into_iter().next() else { return Ok(()) };
    let cause = Cause { run_id: run.id, workflow_id: run.workflow_id, depth: run.depth };
    let mut work = UnitOfWork::begin_for(app, &caller, Some(cause)).await?;
    let mut aggregate = Aggregate::lock(&work, run.order_id)
        .await?
        .ok_or_else(|| Fault::broken("a plugin run without an order"))?;
    let run = store::plugin_run::lock(&work.db(), settlement.run_id).await?;
    let Some(mut run) = run.filter(|run| run.lease == Some(settlement.lease)) else {
        tracing::info!(plugin_run.id = %settlement.run_id, "an answer came too late and was dropped");
        return Ok(());
    };
    match outcome(&settlement, run.attempts, app.ids.jitter()) {
        Outcome::Again { after } => {
            record::attempt(&work, &run, &settlement, None, &[]).await?;
            let after = chrono::Duration::from_std(after).unwrap_or(chrono::Duration::MAX);
            run.due_at = work.now.checked_add_signed(after);
            run.lease = None;
            store::plugin_run::save(&work.db(), &run).await?;
        }
        Outcome::Ended { end, reasons } => {
            record::attempt(&work, &run, &settlement, verdict(end), &reasons).await?;
            go_on(&mut work, &mut aggregate, &mut run, &settlement.step, end, &reasons).await?;
            aggregate.save(&work).await?;
        }
    }
    work.commit().await?;
    Ok(())
}

fn outcome(settlement: &Settlement, attempts: i32, jitter: f64) -> Outcome {
    match &settlement.answer {
        Answer::Pass { reasons } => Outcome::Ended { end: StepEnd::Passed, reasons: reasons.clone() },
        Answer::Reject { reasons } => Outcome::Ended { end: StepEnd::Rejected, reasons: reasons.clone() },
        Answer::Retry { after, .. } if attempts < settlement.max_attempts => {
            let number = u32::try_from(attempts).unwrap_or(1);
            Outcome::Again { after: retry_delay(number, jitter, *after) }
        }
        Answer::Retry { error, .. } | Answer::Fail { error } => {
            let reason =
                VerdictReason { code: PLUGIN_FAILED.to_owned(), message: error.clone(), path: None };
            Outcome::Ended { end: StepEnd::NoVerdict, reasons: vec![reason] }
        }
    }
}

const fn verdict(end: StepEnd) -> Option<Verdict> {
    match end {
        StepEnd::Passed => Some(Verdict::Pass),
        StepEnd::Rejected => Some(Verdict::Reject),
        StepEnd::NoVerdict => None,
    }
}

/// A step has ended: the run takes the next one, is held, or ends.
async fn go_on(
    work: &mut UnitOfWork<'_>,
    aggregate: &mut Aggregate,
    run: &mut plugin_run::Model,
    step: &StoredStep,
    end: StepEnd,
    reasons: &[VerdictReason],
) -> Result<(), Error> {
    let status = match next(end, step.failure_policy, step.on_pass.as_deref(), step.on_reject.as_deref()) {
        Next::Step(name) => {
            let steps: Vec<StoredStep> = serde_json::from_str(&run.steps)?;
            let step = steps.iter().find(|step| step.name == name);
            let step = step.ok_or_else(|| Fault::broken("a step leads to one that the run does not have"))?;
            run.step = Some(name.to_owned());
            ask_next(run, step.plugin()?, work.now);
            store::plugin_run::save(&work.db(), run).await?;
            work.runs_are_due = true;
            return Ok(());
        }
        Next::Held => {
            run.status = PluginRunStatus::Held;
            run.due_at = None;
            run.lease = None;
            return Ok(store::plugin_run::save(&work.db(), run).await?);
        }
        Next::Passed => PluginRunStatus::Passed,
        Next::Rejected => PluginRunStatus::Rejected,
        Next::Failed => PluginRunStatus::Failed,
    };
    let reason = reason_of(status, end, reasons);
    finish(work, aggregate, run, status, reason).await
}

/// The run as it stands when its step is to be asked for the first time, at once.
pub(super) fn ask_next(run: &mut plugin_run::Model, plugin: PluginId, now: DateTime<Utc>) {
    run.status = PluginRunStatus::Queued;
    run.step_number += 1;
    run.attempts = 0;
    run.due_at = Some(now);
    run.lease = None;
    run.lane = Some(plugin.0);
    run.finished_at = None;
}

/// Why a run ended: the code and message of the first reason of its last step, which are also those of what follows for
/// the order. A run that passed has none, unless it went on without a verdict.
fn reason_of(status: PluginRunStatus, end: StepEnd, reasons: &[VerdictReason]) -> Reason {
    let first = reasons.first();
    let code = match (status, end) {
        (PluginRunStatus::Passed, StepEnd::Passed | StepEnd::Rejected) => return Reason::default(),
        _ => first.map_or(REJECTED, |first| first.code.as_str()),
    };
    let note = first.map(|first| first.message.clone());
    Reason { code: Some(code.to_owned()), note, occurred_at: None }
}
