//! Asks for an order's cancellation.

use entity::id::OrderId;

use super::transition::check_reason;
use crate::{
    access::{Granted, right::OrdersWrite},
    app::App,
    domain::{
        lifecycle::Command,
        problem::{Found, Path},
    },
    events::Reason,
    usecase::{
        Error, OrderDone, aggregate::Aggregate, idempotency::Key, plugin::drop_runs, work::UnitOfWork,
    },
};

/// A request to cancel an order.
#[derive(Clone, Debug)]
pub struct Cancel {
    /// The order.
    pub id: OrderId,
    /// Why, as a code.
    pub reason_code: Option<String>,
    /// Why, in words.
    pub note: Option<String>,
    /// Nothing happens unless the order is at this version.
    pub expected_version: Option<i32>,
    /// The key under which the answer is kept.
    pub key: Option<Key>,
}

/// Asks for an order's cancellation. REFUSED is an answer like the others: the order has it.
pub async fn cancel(
    app: &App,
    caller: Granted<'_, OrdersWrite>,
    command: Cancel,
) -> Result<OrderDone, Error> {
    let mut found = Found::new();
    check_reason(command.reason_code.as_deref(), command.note.as_deref(), &Path::root(), &mut found);
    found.or(())?;
    let mut work = UnitOfWork::begin(app, &caller).await?;
    let mut aggregate = Aggregate::lock_named(&work, command.id, "id").await?;
    if let Some(done) = work.replay(command.key.as_ref()).await? {
        return Ok(done.map(OrderId));
    }
    aggregate.expect_order_version("expectedVersion", command.expected_version)?;
    let reason = Reason { code: command.reason_code, note: command.note, occurred_at: None };
    request(&mut work, &mut aggregate, &Command::Cancel { gated: false }, &reason).await?;
    aggregate.save(&work).await?;
    work.finish(command.key.as_ref(), command.id.0).await.map(|done| done.map(OrderId))
}

/// Cancels an order by that command, or, where plugins must agree first, asks them.
///
/// Whether they must is told by the runs that the request would set off; so it is recorded on trial. If it sets off none,
/// there was nothing to wait for, and the order was never REQUESTED.
pub async fn request(
    work: &mut UnitOfWork<'_>,
    aggregate: &mut Aggregate,
    cancel: &Command,
    reason: &Reason,
) -> Result<(), Error> {
    let (ids, now) = (&work.app.ids, work.now);
    let mut asked = aggregate.clone();
    let mut trial = work.fork();
    let trial_passed = asked.decide(&mut trial, ids, now, &Command::Cancel { gated: true }, reason);
    if trial_passed.is_ok() && trial.gates() > 0 {
        *aggregate = asked;
        work.join(trial);
    } else {
        aggregate.decide(&mut work.recorder, ids, now, cancel, reason)?;
    }
    drop_runs(work, aggregate).await
}
