//! Carries out what a plugin answered.

use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::{
    id::{PluginId, PluginRunId},
    plugin_attempt, plugin_run, plugin_step,
    stored::{PluginRunStatus, PluginTrigger, Verdict},
};
use serde_json::json;
use uuid::Uuid;

use super::{
    StoredStep,
    end::{drop_runs, end_run},
};
use crate::{
    access::Caller,
    app::App,
    domain::{
        lifecycle::Command,
        plugin::{Answer, FailurePolicy, Reason as VerdictReason, retry_delay},
    },
    events::{Fact, Reason},
    fault::Fault,
    store::{self, Tenant},
    usecase::{
        Error,
        aggregate::Aggregate,
        work::{Cause, UnitOfWork},
    },
};

/// The reason code of a run that ended without a verdict, under the policy REJECT.
const PLUGIN_FAILED: &str = "PLUGIN_FAILED";
/// The number of the only step that a run has in this version.
const FIRST_STEP: i32 = 1;

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

/// How a step came out.
enum StepResult {
    Again { after: Duration },
    Ended { status: PluginRunStatus, verdict: Option<Verdict>, reasons: Vec<VerdictReason> },
}

/// Carries out what a plugin answered, if the run is still held under the same take-up: an answer that comes after
/// another process took the run over, or after the run was dropped, changes nothing.
pub async fn settle_step(app: &App, tenant: &Tenant, settlement: Settlement) -> Result<(), Error> {
    let caller = Caller::system(tenant.clone()).named(&format!("plugin:{}", settlement.plugin_name));
    let runs = store::plugin_run::by_ids(&app.reader(&caller).db(), &[settlement.run_id]).await?;
    let Some(run) = runs.into_iter().next() else { return Ok(()) };
    let cause = Cause { run_id: run.id, depth: run.depth };
    let mut work = UnitOfWork::begin_for(app, &caller, Some(cause)).await?;
    let mut aggregate = Aggregate::lock(&work, run.order_id)
        .await?
        .ok_or_else(|| Fault::broken("a plugin run without an order"))?;
    let run = store::plugin_run::lock(&work.db(), settlement.run_id).await?;
    let Some(mut run) = run.filter(|run| run.lease == Some(settlement.lease)) else {
        tracing::info!(plugin_run.id = %settlement.run_id, "an answer came too late and was dropped");
        return Ok(());
    };
    keep_attempt(&work, &run, &settlement).await?;
    match judge(&settlement, run.attempts, app.ids.jitter()) {
        StepResult::Again { after } => {
            let after = chrono::Duration::from_std(after).unwrap_or(chrono::Duration::MAX);
            run.due_at = work.now.checked_add_signed(after);
            run.lease = None;
            store::plugin_run::save(&work.db(), &run).await?;
        }
        StepResult::Ended { status, verdict, reasons } => {
            keep_step(&work, &run, &settlement, verdict, &reasons).await?;
            end_run(&mut run, status, work.now);
            store::plugin_run::save(&work.db(), &run).await?;
            let reason = reason_of(status, &reasons);
            let fact = Fact::PluginRunFinished { to: status.as_str().to_owned() };
            work.recorder.record(aggregate.order_subject(), fact, reason.clone());
            if run.trigger == PluginTrigger::OrderInitiated {
                end_intake(&mut work, &mut aggregate, status, reason).await?;
            }
            aggregate.save(&work).await?;
        }
    }
    work.commit().await?;
    Ok(())
}

/// All passed fires VALIDATE; one rejection fires REJECT and cancels the work orders. A run that failed under the
/// policy REJECT counts as a rejection.
async fn end_intake(
    work: &mut UnitOfWork<'_>,
    aggregate: &mut Aggregate,
    status: PluginRunStatus,
    reason: Reason,
) -> Result<(), Error> {
    if status == PluginRunStatus::Passed {
        let unfinished =
            store::plugin_run::unfinished(&work.db(), aggregate.order.id, PluginTrigger::OrderInitiated)
                .await?;
        if unfinished.is_empty() {
            let ids = &work.app.ids;
            aggregate.decide(&mut work.recorder, ids, work.now, &Command::Validate, &Reason::default())?;
        }
        return Ok(());
    }
    let ids = &work.app.ids;
    aggregate.decide(&mut work.recorder, ids, work.now, &Command::RejectByPlugin, &reason)?;
    drop_runs(work, aggregate).await
}

fn judge(settlement: &Settlement, attempts: i32, jitter: f64) -> StepResult {
    let ended = |status, verdict, reasons| StepResult::Ended { status, verdict, reasons };
    match &settlement.answer {
        Answer::Pass { reasons } => ended(PluginRunStatus::Passed, Some(Verdict::Pass), reasons.clone()),
        Answer::Reject { reasons } => {
            ended(PluginRunStatus::Rejected, Some(Verdict::Reject), reasons.clone())
        }
        Answer::Retry { after, .. } if attempts < settlement.max_attempts => {
            let number = u32::try_from(attempts).unwrap_or(1);
            StepResult::Again { after: retry_delay(number, jitter, *after) }
        }
        Answer::Retry { .. } | Answer::Fail { .. } => match settlement.step.failure_policy {
            // HOLD is not taken yet.
            FailurePolicy::Reject | FailurePolicy::Hold => ended(PluginRunStatus::Failed, None, Vec::new()),
            FailurePolicy::Continue => ended(PluginRunStatus::Passed, None, Vec::new()),
        },
    }
}

/// The first reason's code and message are those of the REJECT event.
fn reason_of(status: PluginRunStatus, reasons: &[VerdictReason]) -> Reason {
    match (status, reasons.first()) {
        (PluginRunStatus::Passed, _) => Reason::default(),
        (_, Some(first)) => {
            Reason { code: Some(first.code.clone()), note: Some(first.message.clone()), occurred_at: None }
        }
        (PluginRunStatus::Failed, None) => {
            Reason { code: Some(PLUGIN_FAILED.to_owned()), ..Reason::default() }
        }
        (_, None) => Reason { code: Some("REJECTED".to_owned()), ..Reason::default() },
    }
}

async fn keep_attempt(
    work: &UnitOfWork<'_>,
    run: &plugin_run::Model,
    settlement: &Settlement,
) -> Result<(), Fault> {
    let step = step_row(work, run, settlement, None, "[]".to_owned());
    store::plugin_run::put_step(&work.db(), step).await?;
    let error = match &settlement.answer {
        Answer::Retry { error, .. } | Answer::Fail { error } => Some(error.clone()),
        Answer::Pass { .. } | Answer::Reject { .. } => None,
    };
    let attempt = settlement.attempt.as_ref();
    let row = plugin_attempt::Model {
        tenant_id: work.caller.tenant.to_string(),
        run_id: run.id,
        step_number: FIRST_STEP,
        number: run.attempts,
        started_at: attempt.map_or(work.now, |attempt| attempt.started_at),
        duration_ms: attempt
            .map_or(0, |attempt| i32::try_from(attempt.duration.as_millis()).unwrap_or(i32::MAX)),
        status_code: attempt.and_then(|attempt| attempt.status_code).map(i32::from),
        error,
        response_excerpt: attempt.and_then(|attempt| attempt.response_excerpt.clone()),
    };
    Ok(store::plugin_run::insert_attempt(&work.db(), row).await?)
}

async fn keep_step(
    work: &UnitOfWork<'_>,
    run: &plugin_run::Model,
    settlement: &Settlement,
    verdict: Option<Verdict>,
    reasons: &[VerdictReason],
) -> Result<(), Fault> {
    let reasons: Vec<_> = reasons
        .iter()
        .map(|reason| json!({"code": reason.code, "message": reason.message, "path": reason.path}))
        .collect();
    let step = step_row(work, run, settlement, verdict, serde_json::to_string(&reasons)?);
    Ok(store::plugin_run::put_step(&work.db(), step).await?)
}

fn step_row(
    work: &UnitOfWork<'_>,
    run: &plugin_run::Model,
    settlement: &Settlement,
    verdict: Option<Verdict>,
    reasons: String,
) -> plugin_step::Model {
    plugin_step::Model {
        tenant_id: work.caller.tenant.to_string(),
        run_id: run.id,
        number: FIRST_STEP,
        step: settlement.step.name.clone(),
        plugin_id: settlement.plugin_id,
        verdict,
        reasons,
    }
}
