//! Changes orders.

use async_graphql::{Context, Enum, Error, ID, InputObject, InputType, Object, Result, Value};
use entity::id::OrderId;
use futures_util::future::try_join_all;
use sha2::{Digest, Sha256};

use super::{
    super::{
        context::ContextExt,
        error::Code,
        id::{self, FromText},
        scalar::DateTime,
        value::{OrderCreateInput, OrderUpdateInput},
    },
    inputs::{OrderCancelInput, OrderEraseConsigneeInput, OrderReleaseInput},
    payload::{OrderPayload, OrdersCreatePayload},
};
use crate::{
    domain::{
        order::check_idempotency_key,
        problem::{Found, Path},
    },
    usecase::{
        self, Error as UseCaseError,
        idempotency::Key,
        order::{Item, OnError, Transition, Update},
    },
};

const MAX_ORDERS: usize = 1_000;

/// Up to 1,000 orders to be created in one transaction.
#[derive(InputObject)]
pub struct OrdersCreateInput {
    /// The orders.
    orders: Vec<OrderCreateInput>,
    /// What becomes of the others when one of them is refused.
    #[graphql(default_with = "Some(BulkErrorPolicy::SkipFailed)")]
    on_error: Option<BulkErrorPolicy>,
}

/// What becomes of the others when one of several is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "OnError")]
pub enum BulkErrorPolicy {
    /// They are created.
    SkipFailed,
    /// None is created.
    RejectAll,
}

/// Fires an event of a lifecycle.
#[derive(InputObject)]
pub struct TransitionInput {
    /// The order or work order.
    id: ID,
    /// The event's name, such as `COMPLETE`.
    event: String,
    /// Why, as a code.
    reason_code: Option<String>,
    /// Why, in words; up to 2,000 characters.
    note: Option<String>,
    /// When it happened out there; now, if left out. At most five minutes ahead.
    occurred_at: Option<DateTime>,
    /// Nothing happens unless it is at this version.
    expected_version: Option<i32>,
    /// Makes a repetition harmless; 1 to 255 characters.
    idempotency_key: Option<String>,
}

impl TransitionInput {
    /// Converts it for entities whose ids are of one kind.
    pub fn into_command<T: FromText>(self, operation: &'static str) -> Result<Transition<T>, UseCaseError> {
        let root = Path::root();
        let key = key_of(operation, self.idempotency_key.clone(), &self);
        let mut found = Found::new();
        let id = id::input::<T>(&self.id, &root.field("id"), &mut found);
        check_idempotency_key(self.idempotency_key.as_deref(), &root, &mut found);
        let id = found.or(id)?.ok_or_else(|| crate::fault::Fault::broken("an id got lost"))?;
        Ok(Transition {
            id,
            event: self.event,
            reason_code: self.reason_code,
            note: self.note,
            occurred_at: self.occurred_at.map(|time| time.0),
            expected_version: self.expected_version,
            key,
        })
    }
}

/// The idempotency key of an input, with a hash of the input's canonical form. Not for inputs that tell null from
/// absence, whose values do not: they have a canonical form of their own, for [`key_of_value`].
pub fn key_of<T: InputType>(operation: &'static str, key: Option<String>, input: &T) -> Option<Key> {
    key_of_value(operation, key, &input.to_value())
}

/// The same for an input whose canonical form is given.
pub fn key_of_value(operation: &'static str, key: Option<String>, canonical: &Value) -> Option<Key> {
    let key = key?;
    let canonical = serde_json::to_vec(canonical).unwrap_or_default();
    Some(Key { key, operation, input_hash: Sha256::digest(canonical).into() })
}

/// Mutations of orders.
#[derive(Clone, Copy, Debug, Default)]
pub struct OrderMutation;

#[Object]
impl OrderMutation {
    /// Registers an order with its work orders: all or nothing.
    async fn order_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order.")] input: OrderCreateInput,
    ) -> Result<OrderPayload> {
        let granted = ctx.granted()?;
        let item = item("orderCreate", input, Path::root());
        let created = usecase::order::create(ctx.app()?, granted, item).await;
        OrderPayload::created(ctx, created, &["userErrors"]).await
    }

    /// Registers up to 1,000 orders in one transaction, with a result for each.
    async fn orders_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The orders.")] input: OrdersCreateInput,
    ) -> Result<OrdersCreatePayload> {
        let granted = ctx.granted()?;
        if input.orders.len() > MAX_ORDERS {
            return Err(too_many(input.orders.len()));
        }
        let on_error = input.on_error.unwrap_or(BulkErrorPolicy::SkipFailed).into();
        let at = Path::root().field("orders");
        let items = input.orders.into_iter().enumerate();
        let items = items.map(|(index, input)| item("ordersCreate", input, at.index(index))).collect();
        let results = usecase::order::create_many(ctx.app()?, granted, items, on_error).await;
        let results = match results {
            Ok(results) => results,
            Err(UseCaseError::Fault(fault)) => return Err(ctx.fault(fault)),
            Err(UseCaseError::Refused(problems)) => vec![Err(problems)],
        };
        bulk_payload(ctx, results).await
    }

    /// Changes fields of an order. What is left out stays, null clears; attributes are merged key by key.
    async fn order_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The changes.")] input: OrderUpdateInput,
    ) -> Result<OrderPayload> {
        let granted = ctx.granted()?;
        let result = match update_command(input) {
            Ok(command) => usecase::order::update(ctx.app()?, granted, command).await,
            Err(error) => Err(error),
        };
        OrderPayload::changed(ctx, result).await
    }

    /// Sets `readyToProcess` true, so that work begins: once, one way. An order that still waits at intake cannot be
    /// released yet.
    async fn order_release(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order.")] input: OrderReleaseInput,
    ) -> Result<OrderPayload> {
        let granted = ctx.granted()?;
        let result = match input.into_command() {
            Ok(command) => usecase::order::release(ctx.app()?, granted, command).await,
            Err(error) => Err(error),
        };
        OrderPayload::changed(ctx, result).await
    }

    /// Asks for an order's cancellation. The answer is in the order's `cancellation`: COMPLETED at once, RETURNING until
    /// goods are back, REQUESTED until plugins agree, or REFUSED, which is no error.
    async fn order_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order, and why.")] input: OrderCancelInput,
    ) -> Result<OrderPayload> {
        let granted = ctx.granted()?;
        let result = match input.into_command() {
            Ok(command) => usecase::order::cancel(ctx.app()?, granted, command).await,
            Err(error) => Err(error),
        };
        OrderPayload::changed(ctx, result).await
    }

    /// Erases who an order is for, from the order and its history; the order stays. The consignee, and contacts of its
    /// stops who are the same person, become `[erased]`; so do notes that name them, and what plugins answered word by
    /// word is forgotten. There is no way back.
    async fn order_erase_consignee(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order.")] input: OrderEraseConsigneeInput,
    ) -> Result<OrderPayload> {
        let granted = ctx.granted()?;
        let result = match input.into_command() {
            Ok(command) => usecase::order::erase_consignee(ctx.app()?, granted, command).await,
            Err(error) => Err(error),
        };
        OrderPayload::changed(ctx, result).await
    }

    /// Fires an event of an order's lifecycle, such as `CLOSE`. CANCEL is the same as `orderCancel`.
    async fn order_transition(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order and the event.")] input: TransitionInput,
    ) -> Result<OrderPayload> {
        let granted = ctx.granted()?;
        let result = match input.into_command("orderTransition") {
            Ok(command) => usecase::order::transition(ctx.app()?, granted, command).await,
            Err(error) => Err(error),
        };
        OrderPayload::changed(ctx, result).await
    }
}

fn item(operation: &'static str, input: OrderCreateInput, at: Path) -> Item {
    let key = key_of(operation, input.idempotency_key.clone(), &input);
    let mut found = Found::new();
    let order = input.into_domain(&at, &mut found);
    Item { at, order, found, key, trace: None }
}

fn update_command(input: OrderUpdateInput) -> Result<Update, UseCaseError> {
    let root = Path::root();
    let key = key_of_value("orderUpdate", input.idempotency_key.clone(), &input.canonical());
    let expected_version = input.expected_version;
    let mut found = Found::new();
    check_idempotency_key(input.idempotency_key.as_deref(), &root, &mut found);
    let id = id::input::<OrderId>(&input.id, &root.field("id"), &mut found);
    let patch = input.into_domain(&root, &mut found);
    let (id, patch) = found.or((id, patch))?;
    let id = id.ok_or_else(|| crate::fault::Fault::broken("an id got lost"))?;
    Ok(Update { id, expected_version, key, patch })
}

async fn bulk_payload(
    ctx: &Context<'_>,
    outcomes: Vec<Result<usecase::order::Created, crate::domain::problem::Problems>>,
) -> Result<OrdersCreatePayload> {
    let created = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let failed = outcomes.len() - created;
    // All at once, so that the orders of replays are loaded together.
    let results = outcomes.into_iter().map(|outcome| {
        OrderPayload::created(ctx, outcome.map_err(UseCaseError::Refused), &["results", "userErrors"])
    });
    let results = try_join_all(results).await?;
    let (created, failed) = (i32::try_from(created)?, i32::try_from(failed)?);
    Ok(OrdersCreatePayload { results, created, failed })
}

fn too_many(given: usize) -> Error {
    Code::BadUserInput.error(format!("create at most {MAX_ORDERS} orders at once, not {given}"))
}
