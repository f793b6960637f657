//! Ends the runs that an order no longer waits for.

use chrono::{DateTime, Utc};
use entity::{
    plugin_run,
    stored::{PluginRunStatus, PluginTrigger},
};

use crate::{
    domain::lifecycle::Phase,
    events::{Fact, Reason},
    store,
    usecase::{Error, aggregate::Aggregate, work::UnitOfWork},
};

/// The reason that a dropped run ends with.
const ORDER_SETTLED: &str = "ORDER_SETTLED";

/// Drops the unfinished intake runs of an order that was settled before they ended: it was rejected or cancelled.
/// An answer that comes after that finds its run ended.
pub async fn drop_runs(work: &mut UnitOfWork<'_>, aggregate: &Aggregate) -> Result<(), Error> {
    if Phase::from(aggregate.order.phase) != Phase::Settled {
        return Ok(());
    }
    let unfinished =
        store::plugin_run::unfinished(&work.db(), aggregate.order.id, PluginTrigger::OrderInitiated).await?;
    for mut run in unfinished {
        end_run(&mut run, PluginRunStatus::Failed, work.now);
        store::plugin_run::save(&work.db(), &run).await?;
        let fact = Fact::PluginRunFinished { to: "FAILED".to_owned() };
        let reason = Reason { code: Some(ORDER_SETTLED.to_owned()), ..Reason::default() };
        work.recorder.record(aggregate.order_subject(), fact, reason);
    }
    Ok(())
}

/// The run as it stands once it ended: nobody holds it, and it is due no more.
pub fn end_run(run: &mut plugin_run::Model, status: PluginRunStatus, now: DateTime<Utc>) {
    run.status = status;
    run.step = None;
    run.due_at = None;
    run.lease = None;
    run.finished_at = Some(now);
}
