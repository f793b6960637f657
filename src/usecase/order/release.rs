//! Releases an order that came in with `readyToProcess` false.

use entity::id::OrderId;

use crate::{
    access::{Granted, right::OrdersWrite},
    app::App,
    domain::lifecycle::Command,
    events::Reason,
    usecase::{Error, OrderDone, aggregate::Aggregate, idempotency::Key, work::UnitOfWork},
};

/// The order to be released.
#[derive(Clone, Debug)]
pub struct Release {
    /// The order.
    pub id: OrderId,
    /// Nothing happens unless the order is at this version.
    pub expected_version: Option<i32>,
    /// The key under which the answer is kept.
    pub key: Option<Key>,
}

/// Sets `readyToProcess` and fires START, as one fact. Once, one way.
pub async fn release(
    app: &App,
    caller: Granted<'_, OrdersWrite>,
    command: Release,
) -> Result<OrderDone, Error> {
    let mut work = UnitOfWork::begin(app, &caller).await?;
    let mut aggregate = Aggregate::lock_named(&work, command.id, "id").await?;
    if let Some(done) = work.replay(command.key.as_ref()).await? {
        return Ok(done.map(OrderId));
    }
    aggregate.expect_order_version("expectedVersion", command.expected_version)?;
    aggregate.decide(&mut work.recorder, &app.ids, work.now, &Command::Release, &Reason::default())?;
    aggregate.save(&work).await?;
    work.finish(command.key.as_ref(), command.id.0).await.map(|done| done.map(OrderId))
}
