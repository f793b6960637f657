//! Adds a work order to a standing order.

use entity::{
    id::{OrderId, WorkOrderId},
    work_order,
};

use super::Birth;
use crate::{
    access::{Granted, right::OrdersWrite},
    app::App,
    domain::{
        lifecycle::{Command, Direction, WorkOrderType},
        order::{Addition, NewWorkOrder, check_addition},
        problem::{Found, Path, Problem},
    },
    events::Reason,
    fault::Fault,
    store::{self, contact::Contacts},
    usecase::{
        Error, WorkOrderDone, aggregate::Aggregate, attribute::admit_work_order, idempotency::Key,
        work::UnitOfWork,
    },
};

/// A work order for a standing order.
#[derive(Clone, Debug)]
pub struct Create {
    /// The order.
    pub order_id: OrderId,
    /// Which way the work order leads.
    pub direction: Direction,
    /// For a RETURN: the work order whose goods come back.
    pub return_of: Option<WorkOrderId>,
    /// Nothing happens unless the order is at this version.
    pub expected_order_version: Option<i32>,
    /// The key under which the answer is kept.
    pub key: Option<Key>,
    /// The values.
    pub work_order: NewWorkOrder,
    /// What was wrong already with what it was read from.
    pub found: Found,
}

/// Adds a work order to a standing order. It gets the next number of the order, and the lifecycle of its siblings.
pub async fn create(
    app: &App,
    caller: Granted<'_, OrdersWrite>,
    command: Create,
) -> Result<WorkOrderDone, Error> {
    let Create { order_id, direction, return_of, expected_order_version, key, mut work_order, mut found } =
        command;
    if found.is_empty() {
        let definitions = app.definitions(&caller).await?;
        admit_work_order(&definitions, &mut work_order, &Path::root().field("workOrder"), &mut found);
    }
    let addition = Addition { direction, names_original: return_of.is_some(), work_order };
    addition.check(&mut found);
    if let Err(problems) = found.or(()) {
        let answer = match &key {
            Some(key) => key.kept(&app.reader(&caller).db()).await?,
            None => None,
        };
        let answer = answer.ok_or(problems)?;
        return Ok(WorkOrderDone { id: WorkOrderId(answer.entity_id), cursor: answer.cursor, replay: true });
    }
    let mut work = UnitOfWork::begin(app, &caller).await?;
    let mut aggregate = Aggregate::lock_named(&work, order_id, "orderId").await?;
    if let Some(done) = work.replay(key.as_ref()).await? {
        return Ok(done.map(WorkOrderId));
    }
    aggregate.expect_order_version("expectedOrderVersion", expected_order_version)?;
    let original = match return_of {
        Some(id) => Some(original(&work, &aggregate, id).await?.clone()),
        None => None,
    };
    let situation = aggregate.situation()?;
    check_addition(&situation, direction, original.as_ref().map(|row| row.sequence))?;
    let id = WorkOrderId(app.ids.uuid());
    let birth = Birth {
        order: &aggregate.order,
        sequence: situation.next_sequence(),
        direction,
        return_of,
        lifecycle: &aggregate.lifecycles.work_order,
        now: work.now,
        actor: &caller.subject,
    };
    let row = born(&app.contacts, &birth, id, addition.work_order, original.as_ref())?;
    aggregate.add(&mut work.recorder, row, Reason::default());
    aggregate.decide(&mut work.recorder, &app.ids, work.now, &Command::WorkOrderAdded, &Reason::default())?;
    aggregate.save(&work).await?;
    work.finish(key.as_ref(), id.0).await.map(|done| done.map(WorkOrderId))
}

/// The work order of the same order whose goods come back.
async fn original<'a>(
    work: &UnitOfWork<'_>,
    aggregate: &'a Aggregate,
    id: WorkOrderId,
) -> Result<&'a work_order::Model, Error> {
    if let Some(row) = aggregate.work_orders.iter().find(|row| row.id == id) {
        return Ok(row);
    }
    let path = Path::root().field("returnOf");
    let elsewhere = !store::work_order::by_ids(&work.db(), &[id]).await?.is_empty();
    let problem = if elsewhere {
        Problem::invalid(
            &path,
            format!("{id} belongs to another order: a RETURN brings back goods of its own order"),
        )
    } else {
        Problem::not_found(&path, format!("there is no work order {id}"))
    };
    Err(problem.into())
}

/// A RETURN brings back the containers of its original, and leads where they came from, unless it says otherwise.
fn born(
    contacts: &Contacts,
    birth: &Birth<'_>,
    id: WorkOrderId,
    new: NewWorkOrder,
    original: Option<&work_order::Model>,
) -> Result<work_order::Model, Fault> {
    let inherits_containers = new.containers.is_empty() && new.kind == WorkOrderType::MoveContainers;
    let mut row = birth.with(contacts, id, new)?;
    if let Some(original) = original {
        let inherited = birth.return_for(id, original);
        row.return_to = row.return_to.or(inherited.return_to);
        if inherits_containers {
            row.containers = inherited.containers;
        }
    }
    Ok(row)
}
