//! Fires an event of a work order's lifecycle; the order follows in the same transaction.

use entity::id::WorkOrderId;

use crate::{
    access::Caller,
    app::App,
    domain::{
        lifecycle::Command,
        problem::{Path, Problem},
    },
    fault::Fault,
    store,
    usecase::{
        Error, WorkOrderDone,
        aggregate::Aggregate,
        order::{Transition, check_transition},
        work::UnitOfWork,
    },
};

/// Fires an event on a work order, with everything that follows from it.
pub async fn transition(
    app: &App,
    caller: &Caller,
    command: Transition<WorkOrderId>,
) -> Result<WorkOrderDone, Error> {
    check_transition(&command, app.clock.now())?;
    let root = Path::root();
    let mut work = UnitOfWork::begin(app, caller).await?;
    // A work order never moves to another order, so this needs no lock; what it says beyond that is read again below.
    let found = store::work_order::by_ids(&work.db(), &[command.id]).await?;
    let Some(found) = found.into_iter().next() else {
        let message = format!("there is no work order {}", command.id);
        return Err(Problem::not_found(&root.field("id"), message).into());
    };
    let mut aggregate = Aggregate::lock(&work.db(), found.order_id)
        .await?
        .ok_or_else(|| Fault::broken("a work order without an order"))?;
    if let Some(done) = work.replay(command.key.as_ref()).await? {
        return Ok(done.map(WorkOrderId));
    }
    aggregate.expect_work_order_version(command.id, command.expected_version)?;
    let event = Command::WorkOrder { sequence: found.sequence, event: command.event.clone() };
    aggregate.decide(&mut work.recorder, &app.ids, work.now, &event, &command.reason())?;
    aggregate.save(&work).await?;
    work.finish(command.key.as_ref(), command.id.0).await.map(|done| done.map(WorkOrderId))
}
