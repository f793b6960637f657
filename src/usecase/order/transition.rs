//! Fires an event of an order's lifecycle.

use chrono::{DateTime, Duration, Utc};
use entity::id::OrderId;

use super::cancel;
use crate::{
    access::{Granted, right::OrdersWrite},
    app::App,
    domain::{
        lifecycle::{Command, event},
        problem::{Found, Path, Problem, Problems},
        value::{DESCRIPTION_MAX_CHARS, NAME_MAX_CHARS, check_optional_text, check_text},
    },
    events::Reason,
    usecase::{
        Error, OrderDone, aggregate::Aggregate, idempotency::Key, plugin::drop_runs, work::UnitOfWork,
    },
};

/// What happened out there may be reported this much ahead of our clock, because clocks differ.
const CLOCK_TOLERANCE: Duration = Duration::minutes(5);

/// An event that a caller fires, on an order or a work order.
#[derive(Clone, Debug)]
pub struct Transition<Id> {
    /// On what.
    pub id: Id,
    /// The event's name in the lifecycle.
    pub event: String,
    /// Why, as a code.
    pub reason_code: Option<String>,
    /// Why, in words.
    pub note: Option<String>,
    /// When it happened out there.
    pub occurred_at: Option<DateTime<Utc>>,
    /// Nothing happens unless the entity is at this version.
    pub expected_version: Option<i32>,
    /// The key under which the answer is kept.
    pub key: Option<Key>,
}

impl<Id> Transition<Id> {
    /// Why it happens, for the history.
    pub fn reason(&self) -> Reason {
        Reason { code: self.reason_code.clone(), note: self.note.clone(), occurred_at: self.occurred_at }
    }
}

/// Checks what does not depend on the entity. `occurredAt` may be earlier than the recording, but never later than now
/// plus five minutes.
pub fn check_transition<Id>(command: &Transition<Id>, now: DateTime<Utc>) -> Result<(), Problems> {
    let root = Path::root();
    let mut found = Found::new();
    check_text(&command.event, NAME_MAX_CHARS, &root, "event", &mut found);
    check_reason(command.reason_code.as_deref(), command.note.as_deref(), &root, &mut found);
    if command.occurred_at.is_some_and(|time| time > now + CLOCK_TOLERANCE) {
        let message = "occurredAt lies in the future: it may be at most five minutes after now";
        found.push(Problem::invalid(&root.field("occurredAt"), message));
    }
    found.or(())
}

/// Checks why something is asked for.
pub fn check_reason(code: Option<&str>, note: Option<&str>, at: &Path, found: &mut Found) {
    check_optional_text(code, NAME_MAX_CHARS, at, "reasonCode", found);
    check_optional_text(note, DESCRIPTION_MAX_CHARS, at, "note", found);
}

/// Fires an event on an order, with everything that follows from it. CANCEL is the request that `orderCancel` makes.
pub async fn transition(
    app: &App,
    caller: Granted<'_, OrdersWrite>,
    command: Transition<OrderId>,
) -> Result<OrderDone, Error> {
    check_transition(&command, app.clock.now())?;
    let mut work = UnitOfWork::begin(app, &caller).await?;
    let mut aggregate = Aggregate::lock_named(&work, command.id, "id").await?;
    if let Some(done) = work.replay(command.key.as_ref()).await? {
        return Ok(done.map(OrderId));
    }
    aggregate.expect_order_version("expectedVersion", command.expected_version)?;
    let reason = command.reason();
    let cancels = command.event == event::CANCEL;
    let event = Command::Order { event: command.event };
    if cancels {
        cancel::request(&mut work, &mut aggregate, &event, &reason).await?;
    } else {
        aggregate.decide(&mut work.recorder, &app.ids, work.now, &event, &reason)?;
        drop_runs(&mut work, &aggregate).await?;
    }
    aggregate.save(&work).await?;
    work.finish(command.key.as_ref(), command.id.0).await.map(|done| done.map(OrderId))
}
