//! An order with its work orders, as one thing that changes together.

use std::collections::BTreeSet;

use entity::{
    id::{OrderId, WorkOrderId},
    order, work_order,
};
use serde_json::json;

use super::{
    Error,
    attribute::NewEntries,
    lifecycle::Lifecycles,
    work::{Recorder, Subject, UnitOfWork},
    work_order::Birth,
};
use crate::{
    domain::{
        attribute::Owner,
        lifecycle::{
            self, BUILT_IN_VERSION, CancellationStatus, Change, Command, OrderState, Refusal, Situation,
            WorkOrderState,
        },
        order::Cancellation,
        problem::{Code, Detail, Path, Problem},
    },
    events::{Fact, Reason},
    fault::Fault,
    seam::Ids,
    store,
};

/// An order and its work orders by sequence, and what of them is not written yet.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// The order.
    pub order: order::Model,
    /// Its work orders, by sequence.
    pub work_orders: Vec<work_order::Model>,
    /// The lifecycles that they were born with.
    pub lifecycles: Lifecycles,
    order_changed: bool,
    changed: BTreeSet<i32>,
    added: BTreeSet<i32>,
}

impl Aggregate {
    /// An order that is not in the store yet.
    pub const fn new(
        order: order::Model,
        work_orders: Vec<work_order::Model>,
        lifecycles: Lifecycles,
    ) -> Self {
        Self {
            order,
            work_orders,
            lifecycles,
            order_changed: false,
            changed: BTreeSet::new(),
            added: BTreeSet::new(),
        }
    }

    /// Loads an order and holds it until the transaction ends.
    pub async fn lock(work: &UnitOfWork<'_>, id: OrderId) -> Result<Option<Self>, Fault> {
        let db = work.db();
        let Some(order) = store::order::lock(&db, id).await? else { return Ok(None) };
        let work_orders = store::work_order::of_order(&db, id).await?;
        let theirs = work_orders.first().map_or(BUILT_IN_VERSION, |work_order| work_order.lifecycle_version);
        let lifecycles = work.app.lifecycles.of(&db, order.lifecycle_version, theirs).await?;
        Ok(Some(Self::new(order, work_orders, lifecycles)))
    }

    /// The same for an order that a caller named in that field of its input; refused if there is none.
    pub async fn lock_named(work: &UnitOfWork<'_>, id: OrderId, field: &str) -> Result<Self, Error> {
        Self::lock(work, id).await?.ok_or_else(|| {
            Problem::not_found(&Path::root().field(field), format!("there is no order {id}")).into()
        })
    }

    /// The same for the order of a work order, which is given by its sequence number; refused if there is none.
    pub async fn lock_for(work: &UnitOfWork<'_>, id: WorkOrderId) -> Result<(Self, i32), Error> {
        // A work order never moves to another order, so this needs no lock; what it says beyond that is read again below.
        let found = store::work_order::by_ids(&work.db(), &[id]).await?;
        let Some(found) = found.into_iter().next() else {
            let message = format!("there is no work order {id}");
            return Err(Problem::not_found(&Path::root().field("id"), message).into());
        };
        let aggregate = Self::lock(work, found.order_id).await?;
        let aggregate = aggregate.ok_or_else(|| Fault::broken("a work order without an order"))?;
        Ok((aggregate, found.sequence))
    }

    /// Refuses if the order is not at the version that a caller expects in that field of its input.
    pub fn expect_order_version(&self, field: &str, expected: Option<i32>) -> Result<(), Problem> {
        expect_version(field, expected, self.order.version)
    }

    /// Refuses if the work order is not at the version that a caller expects.
    pub fn expect_work_order_version(&self, id: WorkOrderId, expected: Option<i32>) -> Result<(), Problem> {
        let work_order = self.work_orders.iter().find(|work_order| work_order.id == id);
        work_order
            .map_or(Ok(()), |work_order| expect_version("expectedVersion", expected, work_order.version))
    }

    /// What the lifecycle sees of it.
    pub fn situation(&self) -> Result<Situation<'_>, Fault> {
        situation(&self.order, &self.work_orders.iter(), &self.lifecycles)
    }

    /// Asks the lifecycle, and carries out what it says.
    pub fn decide(
        &mut self,
        recorder: &mut Recorder,
        ids: &Ids,
        now: chrono::DateTime<chrono::Utc>,
        command: &Command,
        reason: &Reason,
    ) -> Result<(), Error> {
        let changes =
            lifecycle::decide(&self.situation()?, command).map_err(|refusal| refused(refusal, command))?;
        // An order that follows its work order has no reason of its own.
        let follows =
            matches!(command, Command::WorkOrder { .. } | Command::WorkOrderAdded | Command::Validate);
        for change in changes {
            let reason = match &change {
                Change::OrderMoved { .. } if follows => {
                    Reason { occurred_at: reason.occurred_at, ..Reason::default() }
                }
                _ => reason.clone(),
            };
            self.carry_out(recorder, ids, now, change, reason)?;
        }
        Ok(())
    }

    fn carry_out(
        &mut self,
        recorder: &mut Recorder,
        ids: &Ids,
        now: chrono::DateTime<chrono::Utc>,
        change: Change,
        reason: Reason,
    ) -> Result<(), Error> {
        match change {
            Change::OrderMoved { event, from, to, phase, outcome, released } => {
                self.order.status.clone_from(&to);
                self.order.phase = phase.into();
                self.order.outcome = outcome.map(Into::into);
                self.order.ready_to_process |= released;
                let changes = released.then(|| json!({"readyToProcess": {"from": false, "to": true}}));
                self.touch_order(recorder, now);
                let fact = Fact::OrderStatusChanged { transition: event, from, to, changes };
                recorder.record(self.order_subject(), fact, reason);
            }
            Change::WorkOrderMoved { sequence, event, from, to, phase, outcome, attempts } => {
                let work_order = self.touch_work_order(recorder, now, sequence)?;
                work_order.status.clone_from(&to);
                work_order.phase = phase.into();
                work_order.outcome = outcome.map(Into::into);
                work_order.attempts = attempts;
                work_order.started |= phase == lifecycle::Phase::Active;
                let (id, version) = (work_order.id, work_order.version);
                let fact = Fact::WorkOrderStatusChanged { transition: event, from, to };
                recorder.record(self.work_order_subject(id, version), fact, reason);
            }
            Change::ReturnAdded { sequence, return_of } => {
                let born = self.newborn_return(ids, now, &recorder.actor(), sequence, return_of)?;
                self.add(recorder, born, reason);
            }
            Change::CancellationChanged { from, to, failure_reason_code } => {
                self.note_cancellation(recorder, now, to, failure_reason_code, &reason)?;
                self.touch_order(recorder, now);
                let fact = Fact::OrderCancellationChanged {
                    from: from.map(|status| status.as_str().to_owned()),
                    to: to.as_str().to_owned(),
                };
                recorder.record(self.order_subject(), fact, reason);
            }
        }
        Ok(())
    }

    fn note_cancellation(
        &mut self,
        recorder: &Recorder,
        now: chrono::DateTime<chrono::Utc>,
        to: CancellationStatus,
        failure_reason_code: Option<String>,
        reason: &Reason,
    ) -> Result<(), Error> {
        let standing = self.cancellation()?;
        // One that was refused is over; what comes after it is a new request.
        let standing = standing.filter(|standing| standing.status != CancellationStatus::Refused);
        let mut cancellation = standing.unwrap_or_else(|| Cancellation {
            status: to,
            requested_at: now,
            requested_by: recorder.actor(),
            reason_code: reason.code.clone(),
            note: reason.note.clone(),
            settled_at: None,
            failure_reason_code: None,
        });
        cancellation.status = to;
        // A plugin that refuses has a reason of its own.
        cancellation.failure_reason_code = failure_reason_code
            .or_else(|| (to == CancellationStatus::Refused).then(|| reason.code.clone()).flatten());
        let settled = matches!(to, CancellationStatus::Completed | CancellationStatus::Refused);
        cancellation.settled_at = settled.then_some(now);
        self.order.cancellation = Some(serde_json::to_string(&cancellation)?);
        Ok(())
    }

    fn newborn_return(
        &self,
        ids: &Ids,
        now: chrono::DateTime<chrono::Utc>,
        actor: &str,
        sequence: i32,
        return_of: i32,
    ) -> Result<work_order::Model, Fault> {
        let original = self.work_order(return_of)?;
        let birth = Birth {
            order: &self.order,
            sequence,
            direction: lifecycle::Direction::Return,
            return_of: Some(original.id),
            lifecycle: &self.lifecycles.work_order,
            now,
            actor,
        };
        Ok(birth.return_for(WorkOrderId(ids.uuid()), original))
    }

    /// Takes in a new work order, and records that it was born.
    pub fn add(&mut self, recorder: &mut Recorder, born: work_order::Model, reason: Reason) {
        let (id, version) = (born.id, born.version);
        let fact = Fact::WorkOrderCreated { to: born.status.clone() };
        self.added.insert(born.sequence);
        self.work_orders.push(born);
        recorder.record(self.work_order_subject(id, version), fact, reason);
    }

    /// The last request to cancel it, if there was one.
    pub fn cancellation(&self) -> Result<Option<Cancellation>, Fault> {
        Ok(self.order.cancellation.as_deref().map(serde_json::from_str).transpose()?)
    }

    /// Whether a request to cancel it waits for the plugins' verdict.
    pub fn awaits_cancellation(&self) -> Result<bool, Fault> {
        Ok(self.cancellation()?.is_some_and(|it| it.status == CancellationStatus::Requested))
    }

    /// Counts a fact about the order; its event comes next.
    pub fn touch_order(&mut self, recorder: &Recorder, now: chrono::DateTime<chrono::Utc>) {
        self.order.version += 1;
        self.order.updated_at = now;
        self.order.updated_by = recorder.actor();
        self.order_changed = true;
    }

    /// Counts a fact about one of its work orders; its event comes next.
    pub fn touch_work_order(
        &mut self,
        recorder: &Recorder,
        now: chrono::DateTime<chrono::Utc>,
        sequence: i32,
    ) -> Result<&mut work_order::Model, Fault> {
        if !self.added.contains(&sequence) {
            self.changed.insert(sequence);
        }
        let work_order = self.work_orders.iter_mut().find(|work_order| work_order.sequence == sequence);
        let work_order = work_order.ok_or_else(absent)?;
        work_order.version += 1;
        work_order.updated_at = now;
        work_order.updated_by = recorder.actor();
        Ok(work_order)
    }

    /// The order as the subject of an event.
    pub fn order_subject(&self) -> Subject<'_> {
        Subject {
            order: &self.order,
            work_orders: &self.work_orders,
            work_order_id: None,
            entity_version: self.order.version,
        }
    }

    /// One of its work orders as the subject of an event.
    pub fn work_order_subject(&self, id: WorkOrderId, version: i32) -> Subject<'_> {
        Subject {
            order: &self.order,
            work_orders: &self.work_orders,
            work_order_id: Some(id),
            entity_version: version,
        }
    }

    /// Its work order of that sequence number.
    pub fn work_order(&self, sequence: i32) -> Result<&work_order::Model, Fault> {
        self.work_orders.iter().find(|work_order| work_order.sequence == sequence).ok_or_else(absent)
    }

    /// Writes what changed.
    pub async fn save(&self, work: &UnitOfWork<'_>) -> Result<(), Fault> {
        let db = work.db();
        if self.order_changed {
            store::order::save(&db, &self.order).await?;
        }
        let mut added = Vec::new();
        for work_order in &self.work_orders {
            if self.added.contains(&work_order.sequence) {
                added.push(work_order.clone());
            } else if self.changed.contains(&work_order.sequence) {
                store::work_order::save(&db, work_order).await?;
            }
        }
        if !added.is_empty() {
            store::work_order::insert(&db, &added).await?;
            let mut entries = NewEntries::default();
            for work_order in &added {
                let id = (work_order.tenant_id.as_str(), work_order.id.0);
                entries.add(&work.definitions, Owner::WorkOrder, id, &work_order.custom_attributes)?;
            }
            entries.write(work).await?;
        }
        Ok(())
    }
}

fn absent() -> Fault {
    Fault::broken("a work order that is spoken of is not there")
}

fn expect_version(field: &str, expected: Option<i32>, current: i32) -> Result<(), Problem> {
    match expected {
        Some(expected) if expected != current => {
            Err(Problem::version_conflict(&Path::root().field(field), expected, current))
        }
        _ => Ok(()),
    }
}

/// What the lifecycle sees of an order and its work orders.
pub fn situation<'a, 'l>(
    order: &order::Model,
    work_orders: &(impl Iterator<Item = &'a work_order::Model> + Clone),
    lifecycles: &'l Lifecycles,
) -> Result<Situation<'l>, Fault> {
    let cancellation: Option<Cancellation> =
        order.cancellation.as_deref().map(serde_json::from_str).transpose()?;
    let states = work_orders.clone().map(|work_order| {
        let return_of = work_order.return_of.and_then(|id| {
            work_orders.clone().find(|other| other.id == id).map(|original| original.sequence)
        });
        WorkOrderState {
            sequence: work_order.sequence,
            kind: work_order.kind.into(),
            direction: work_order.direction.into(),
            return_of,
            status: work_order.status.clone(),
            phase: work_order.phase.into(),
            outcome: work_order.outcome.map(Into::into),
            attempts: work_order.attempts,
            started: work_order.started,
        }
    });
    Ok(Situation {
        order: OrderState {
            status: order.status.clone(),
            phase: order.phase.into(),
            outcome: order.outcome.map(Into::into),
            ready_to_process: order.ready_to_process,
            flow: order.flow.into(),
            cancellation: cancellation.map(|cancellation| cancellation.status),
        },
        work_orders: states.collect(),
        order_lifecycle: &lifecycles.order,
        work_order_lifecycle: &lifecycles.work_order,
    })
}

/// A refusal of the lifecycle, in words. It is about the event where the caller named one.
fn refused(refusal: Refusal, command: &Command) -> Error {
    let named = matches!(command, Command::Order { .. } | Command::WorkOrder { .. });
    let path = Path::root().field(if named { "event" } else { "id" });
    let (code, message, current_status, blocked_by) = match refusal {
        Refusal::NotAllowed { current_status, event, allowed } => {
            let allowed = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
            let message = format!(
                "{} cannot happen in the state {current_status}; allowed there: {allowed}",
                shorten(&event)
            );
            (Code::TransitionNotAllowed, message, current_status, Vec::new())
        }
        Refusal::Blocked { current_status, event, blocked_by } => {
            let message = format!(
                "{} is blocked in the state {current_status}: {}",
                shorten(&event),
                blocked_by.join("; ")
            );
            (Code::Blocked, message, current_status, blocked_by)
        }
        Refusal::NoSuchWorkOrder => {
            return Fault::broken("a command to a work order that is not there").into();
        }
    };
    Problem { code, message, path, detail: Detail::Transition { current_status, blocked_by } }.into()
}

/// Texts of callers are shown in messages only so far.
fn shorten(text: &str) -> String {
    text.chars().take(64).collect()
}
