//! Ends runs, and carries out what that means for their orders.

use chrono::{DateTime, Utc};
use entity::{
    plugin_run,
    stored::{PluginRunStatus, PluginTrigger},
};

use super::record;
use crate::{
    domain::{
        lifecycle::{Command, Phase},
        order::Cancellation,
    },
    events::{Fact, Reason},
    store,
    usecase::{
        Error,
        aggregate::Aggregate,
        work::{UnitOfWork, holds_up},
    },
};

/// The reason that a dropped run ends with.
const ORDER_SETTLED: &str = "ORDER_SETTLED";
/// The same, where the answer to a request for cancellation is known.
const CANCELLATION_SETTLED: &str = "CANCELLATION_SETTLED";

/// Ends a run, and carries out what its order waits for.
pub(super) async fn finish(
    work: &mut UnitOfWork<'_>,
    aggregate: &mut Aggregate,
    run: &mut plugin_run::Model,
    status: PluginRunStatus,
    reason: Reason,
) -> Result<(), Error> {
    let failed_at = run.step.take().filter(|_| status == PluginRunStatus::Failed && !holds_up(run.trigger));
    end_run(run, status, work.now);
    run.step = failed_at;
    record::run(work, run).await?;
    let fact = Fact::PluginRunFinished { to: status.as_str().to_owned() };
    work.recorder.record(aggregate.order_subject(), fact, reason.clone());
    if !holds_up(run.trigger) {
        return Ok(());
    }
    if status == PluginRunStatus::Passed {
        let unfinished =
            store::plugin_run::unfinished(&work.db(), aggregate.order.id, &[run.trigger]).await?;
        if unfinished.is_empty() { all_passed(work, aggregate, run.trigger) } else { Ok(()) }
    } else {
        let command = match run.trigger {
            PluginTrigger::OrderCancellationRequested => Command::CancellationRefused,
            _ => Command::RejectByPlugin,
        };
        aggregate.decide(&mut work.recorder, &work.app.ids, work.now, &command, &reason)?;
        drop_runs(work, aggregate).await
    }
}

/// All passed: at intake that fires VALIDATE; a cancellation is carried out for the reason for which it was asked.
fn all_passed(
    work: &mut UnitOfWork<'_>,
    aggregate: &mut Aggregate,
    trigger: PluginTrigger,
) -> Result<(), Error> {
    let (command, reason) = match (trigger, aggregate.cancellation()?) {
        (PluginTrigger::OrderCancellationRequested, Some(Cancellation { reason_code, note, .. })) => {
            (Command::CancellationApproved, Reason { code: reason_code, note, occurred_at: None })
        }
        (PluginTrigger::OrderCancellationRequested, None) => return Ok(()),
        _ => (Command::Validate, Reason::default()),
    };
    aggregate.decide(&mut work.recorder, &work.app.ids, work.now, &command, &reason)
}

/// Drops the unfinished runs that nobody waits for any more: those at intake of an order that is settled, and those about
/// a cancellation that has its answer. What a plugin says after that finds its run ended.
pub async fn drop_runs(work: &mut UnitOfWork<'_>, aggregate: &Aggregate) -> Result<(), Error> {
    let mut moot = Vec::new();
    if Phase::from(aggregate.order.phase) == Phase::Settled {
        moot.push(PluginTrigger::OrderInitiated);
    }
    if aggregate.cancellation()?.is_some() && !aggregate.awaits_cancellation()? {
        moot.push(PluginTrigger::OrderCancellationRequested);
    }
    if moot.is_empty() {
        return Ok(());
    }
    for mut run in store::plugin_run::unfinished(&work.db(), aggregate.order.id, &moot).await? {
        end_run(&mut run, PluginRunStatus::Failed, work.now);
        record::run(work, &run).await?;
        let fact = Fact::PluginRunFinished { to: PluginRunStatus::Failed.as_str().to_owned() };
        let code = match run.trigger {
            PluginTrigger::OrderCancellationRequested => CANCELLATION_SETTLED,
            _ => ORDER_SETTLED,
        };
        let reason = Reason { code: Some(code.to_owned()), ..Reason::default() };
        work.recorder.record(aggregate.order_subject(), fact, reason);
    }
    Ok(())
}

/// The run as it stands once it ended: nobody holds it, and it is due no more.
fn end_run(run: &mut plugin_run::Model, status: PluginRunStatus, now: DateTime<Utc>) {
    run.status = status;
    run.step = None;
    run.due_at = None;
    run.lease = None;
    run.finished_at = Some(now);
}
