//! Changes the fields of a work order.

use entity::id::WorkOrderId;

use super::values;
use crate::{
    access::{Granted, right::OrdersWrite},
    app::App,
    domain::{
        attribute::Owner,
        order::{PatchedWorkOrder, WorkOrderPatch, edit_work_order},
    },
    events::{Fact, Reason},
    usecase::{
        Error, WorkOrderDone, aggregate::Aggregate, attribute::write_changed, idempotency::Key,
        work::UnitOfWork,
    },
};

/// What a caller wants to change.
#[derive(Clone, Debug)]
pub struct Update {
    /// The work order.
    pub id: WorkOrderId,
    /// Nothing happens unless the work order is at this version.
    pub expected_version: Option<i32>,
    /// The key under which the answer is kept.
    pub key: Option<Key>,
    /// The changes.
    pub patch: WorkOrderPatch,
}

/// Changes the fields of a work order. An update that changes nothing adds no version and no event.
pub async fn update(
    app: &App,
    caller: Granted<'_, OrdersWrite>,
    command: Update,
) -> Result<WorkOrderDone, Error> {
    let mut work = UnitOfWork::begin(app, &caller).await?;
    let (mut aggregate, sequence) = Aggregate::lock_for(&work, command.id).await?;
    if let Some(done) = work.replay(command.key.as_ref()).await? {
        return Ok(done.map(WorkOrderId));
    }
    aggregate.expect_work_order_version(command.id, command.expected_version)?;
    let row = aggregate.work_order(sequence)?;
    let (phase, direction) = (row.phase.into(), row.direction.into());
    let rules = work.definitions.of(Owner::WorkOrder).rules();
    let patched = edit_work_order(phase, direction, values::read(&app.contacts, row)?, command.patch, rules)?;
    if let Some(patched) = patched {
        carry_out_update(&mut work, &mut aggregate, sequence, patched).await?;
        aggregate.save(&work).await?;
    }
    work.finish(command.key.as_ref(), command.id.0).await.map(|done| done.map(WorkOrderId))
}

/// Gives a work order its new values, and records that.
pub async fn carry_out_update(
    work: &mut UnitOfWork<'_>,
    aggregate: &mut Aggregate,
    sequence: i32,
    patched: PatchedWorkOrder,
) -> Result<(), Error> {
    let row = aggregate.touch_work_order(&work.recorder, work.now, sequence)?;
    values::write(&work.app.contacts, row, patched.values)?;
    let (id, version) = (row.id, row.version);
    write_changed(work, Owner::WorkOrder, id.0, &patched.changed_attributes).await?;
    let fact = Fact::WorkOrderUpdated { changes: patched.changes };
    work.recorder.record(aggregate.work_order_subject(id, version), fact, Reason::default());
    Ok(())
}
