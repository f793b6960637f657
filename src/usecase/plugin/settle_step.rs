//! Carries out what a plugin answered.

use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::{
    id::{PluginId, PluginRunId},
    plugin_attempt, plugin_run,
    stored::{PluginRunStatus, Verdict},
};
use uuid::Uuid;

use super::{
    StoredStep,
    end::finish,
    enrich::{Unfit, enrich},
    record,
};
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
    /// Name of the plugin that was asked; it is the actor of what follows.
    pub plugin_name: String,
    /// How often it may be asked.
    pub max_attempts: i32,
    /// When an answer that comes later must be there.
    pub deadline: DateTime<Utc>,
    /// The end of the log when the plugin was asked: it knows of everything up to there.
    pub seen: i64,
    /// The call; none where the plugin could not even be asked.
    pub attempt: Option<AttemptRecord>,
    /// What came of it.
    pub answer: Answer,
}

/// An attempt, as it is kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// Its number.
    pub(super) number: i32,
    /// The call.
    pub(super) record: AttemptRecord,
    /// Why it gave no verdict.
    pub(super) error: Option<String>,
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
    let Settlement { step, max_attempts, deadline, seen, attempt, answer, .. } = settlement;
    let kept = kept(&work, &run, attempt, &answer).await?;
    match answer {
        Answer::Retry { after, .. } if run.attempts < max_attempts => {
            let number = u32::try_from(run.attempts).unwrap_or(1);
            let delay = retry_delay(number, app.ids.jitter(), after);
            let delay = chrono::Duration::from_std(delay).unwrap_or(chrono::Duration::MAX);
            ask_again(&work, &mut run, &step, kept, delay).await?;
        }
        Answer::Defer => {
            record::step(&work, &run, &step, Some(Verdict::Defer), &[], None).await?;
            record::attempt(&work, &run, kept).await?;
            wait(&mut run, PluginRunStatus::Waiting, Some(deadline));
            store::plugin_run::save(&work.db(), &run).await?;
        }
        answer => {
            let asked = Asked { step: &step, max_attempts, seen };
            conclude(&mut work, &mut aggregate, &mut run, asked, answer, kept).await?;
            aggregate.save(&work).await?;
        }
    }
    work.commit().await?;
    Ok(())
}

/// The attempt that was just made; where a callback did not come in time, it is the one that was put off.
async fn kept(
    work: &UnitOfWork<'_>,
    run: &plugin_run::Model,
    attempt: Option<AttemptRecord>,
    answer: &Answer,
) -> Result<Kept, Fault> {
    let error = match answer {
        Answer::Retry { error, .. } | Answer::Fail { error } => Some(error.clone()),
        Answer::Pass { .. } | Answer::Reject { .. } | Answer::Enrich { .. } | Answer::Defer => None,
    };
    let record = match attempt {
        Some(record) => record,
        None => put_off(work, run).await?.unwrap_or_else(|| AttemptRecord::none_at(work.now)),
    };
    Ok(Kept { number: run.attempts, record, error })
}

async fn put_off(work: &UnitOfWork<'_>, run: &plugin_run::Model) -> Result<Option<AttemptRecord>, Fault> {
    if run.status != PluginRunStatus::Waiting {
        return Ok(None);
    }
    let attempts = store::plugin_run::attempts(&work.db(), &[run.id]).await?;
    let is_last =
        |row: &plugin_attempt::Model| row.step_number == run.step_number && row.number == run.attempts;
    Ok(attempts.into_iter().find(is_last).map(|row| AttemptRecord {
        started_at: row.started_at,
        duration: (work.now - row.started_at).to_std().unwrap_or_default(),
        status_code: row.status_code.and_then(|code| u16::try_from(code).ok()),
        response_excerpt: row.response_excerpt,
    }))
}

impl AttemptRecord {
    /// A call that was not made.
    const fn none_at(now: DateTime<Utc>) -> Self {
        Self { started_at: now, duration: Duration::ZERO, status_code: None, response_excerpt: None }
    }
}

/// The run as it stands while nobody works on it.
fn wait(run: &mut plugin_run::Model, status: PluginRunStatus, due_at: Option<DateTime<Utc>>) {
    run.status = status;
    run.due_at = due_at;
    run.lease = None;
}

/// The attempt gave no verdict that counts: the plugin is asked again after some time.
async fn ask_again(
    work: &UnitOfWork<'_>,
    run: &mut plugin_run::Model,
    step: &StoredStep,
    kept: Kept,
    after: chrono::Duration,
) -> Result<(), Error> {
    record::step(work, run, step, None, &[], None).await?;
    record::attempt(work, run, kept).await?;
    wait(run, PluginRunStatus::Running, work.now.checked_add_signed(after));
    Ok(store::plugin_run::save(&work.db(), run).await?)
}

/// What a plugin was asked, and may be asked.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The step.
    pub(super) step: &'a StoredStep,
    /// How often it may be asked.
    pub(super) max_attempts: i32,
    /// The end of the log when it was asked.
    pub(super) seen: i64,
}

/// A step has its answer, or will have none: keeps it, and lets the run go on. Only where a patch came too late, the plugin
/// is asked again.
pub(super) async fn conclude(
    work: &mut UnitOfWork<'_>,
    aggregate: &mut Aggregate,
    run: &mut plugin_run::Model,
    asked: Asked<'_>,
    answer: Answer,
    mut kept: Kept,
) -> Result<(), Error> {
    let mut patch = None;
    let (end, verdict, reasons) = match answer {
        Answer::Pass { reasons } => (StepEnd::Passed, Some(Verdict::Pass), reasons),
        Answer::Reject { reasons } => (StepEnd::Rejected, Some(Verdict::Reject), reasons),
        Answer::Enrich { patch: given, reasons } => {
            match enrich(work, aggregate, run, &given, asked.seen).await? {
                Ok(()) => {
                    patch = Some(given);
                    (StepEnd::Passed, Some(Verdict::Enrich), reasons)
                }
                Err(Unfit::Stale(error)) if run.attempts < asked.max_attempts => {
                    kept.error = Some(error);
                    return ask_again(work, run, asked.step, kept, chrono::Duration::zero()).await;
                }
                Err(Unfit::Stale(error) | Unfit::Invalid(error)) => {
                    kept.error = Some(error.clone());
                    no_verdict(error)
                }
            }
        }
        Answer::Defer => return Err(Fault::broken("a deferred answer concludes nothing").into()),
        Answer::Retry { error, .. } | Answer::Fail { error } => no_verdict(error),
    };
    record::step(work, run, asked.step, verdict, &reasons, patch.as_ref()).await?;
    record::attempt(work, run, kept).await?;
    go_on(work, aggregate, run, asked.step, end, &reasons).await
}

fn no_verdict(error: String) -> (StepEnd, Option<Verdict>, Vec<VerdictReason>) {
    let reason = VerdictReason { code: PLUGIN_FAILED.to_owned(), message: error, path: None };
    (StepEnd::NoVerdict, None, vec![reason])
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
            wait(run, PluginRunStatus::Held, None);
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
