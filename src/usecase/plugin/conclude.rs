//! What an answer, or none, comes to: its step ends, and the run takes the next one, is held, or ends.

use chrono::{DateTime, Utc};
use entity::{
    id::PluginId,
    plugin_run,
    stored::{PluginRunStatus, Verdict},
};

use super::{
    AttemptRecord, StoredStep,
    end::finish,
    enrich::{Unfit, enrich},
    record,
};
use crate::{
    domain::{
        plugin::{Answer, Next, Reason as VerdictReason, StepEnd, next},
        value::Message,
    },
    events::Reason,
    fault::Fault,
    usecase::{Error, aggregate::Aggregate, work::UnitOfWork},
};

/// The code of the reason of a step that ended without a verdict.
pub(super) const PLUGIN_FAILED: &str = "PLUGIN_FAILED";
/// The code of a rejection for which the plugin gave no reason.
const REJECTED: &str = "REJECTED";

/// An attempt, as it is kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// Its number.
    pub(super) number: i32,
    /// The call.
    pub(super) record: AttemptRecord,
    /// Why it gave no verdict.
    pub(super) error: Option<Message>,
}

/// The run as it stands while nobody works on it.
pub(super) fn wait(run: &mut plugin_run::Model, status: PluginRunStatus, due_at: Option<DateTime<Utc>>) {
    run.status = status;
    run.due_at = due_at;
    run.lease = None;
}

/// The attempt gave no verdict that counts: the plugin is asked again after some time.
pub(super) async fn ask_again(
    work: &mut UnitOfWork<'_>,
    run: &mut plugin_run::Model,
    step: &StoredStep,
    kept: Kept,
    after: chrono::Duration,
) -> Result<(), Error> {
    record::answer(work, run, step, None, &[], None, kept).await?;
    wait(run, PluginRunStatus::Running, work.now.checked_add_signed(after));
    work.runs_are_due = true;
    Ok(record::run(work, run).await?)
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
    record::answer(work, run, asked.step, verdict, &reasons, patch.as_ref(), kept).await?;
    go_on(work, aggregate, run, asked.step, end, &reasons).await
}

fn no_verdict(error: Message) -> (StepEnd, Option<Verdict>, Vec<VerdictReason>) {
    let reason = VerdictReason { code: PLUGIN_FAILED.into(), message: error, path: None };
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
            record::run(work, run).await?;
            work.runs_are_due = true;
            return Ok(());
        }
        Next::Held => {
            wait(run, PluginRunStatus::Held, None);
            return Ok(record::run(work, run).await?);
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
        _ => first.map_or(REJECTED, |first| &*first.code),
    };
    let note = first.map(|first| first.message.to_string());
    Reason { code: Some(code.to_owned()), note, occurred_at: None }
}
