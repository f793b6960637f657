//! Fires an event of a work order's lifecycle; the order follows in the same transaction.

use entity::id::WorkOrderId;

use crate::{
    access::{Granted, right::OrdersWrite},
    app::App,
    domain::lifecycle::Command,
    usecase::{
        Error, WorkOrderDone,
        aggregate::Aggregate,
        order::{Transition, check_transition},
        plugin::drop_runs,
        work::UnitOfWork,
    },
};

/// Fires an event on a work order, with everything that follows from it.
pub async fn transition(
    app: &App,
    caller: Granted<'_, OrdersWrite>,
    command: Transition<WorkOrderId>,
) -> Result<WorkOrderDone, Error> {
    check_transition(&command, app.clock.now())?;
    let mut work = UnitOfWork::begin(app, &caller).await?;
    let (mut aggregate, sequence) = Aggregate::lock_for(&work, command.id).await?;
    if let Some(done) = work.replay(command.key.as_ref()).await? {
        return Ok(done.map(WorkOrderId));
    }
    aggregate.expect_work_order_version(command.id, command.expected_version)?;
    let event = Command::WorkOrder { sequence, event: command.event.clone() };
    let awaited_cancellation = aggregate.awaits_cancellation()?;
    aggregate.decide(&mut work.recorder, &app.ids, work.now, &event, &command.reason())?;
    if awaited_cancellation {
        drop_runs(&mut work, &aggregate).await?;
    }
    aggregate.save(&work).await?;
    work.finish(command.key.as_ref(), command.id.0).await.map(|done| done.map(WorkOrderId))
}
