//! Answers to mutations of orders.

use async_graphql::{Context, Result, SimpleObject};

use super::{
    super::{
        context::ContextExt,
        error::{UserError, user_errors},
    },
    Order,
};
use crate::{
    domain::problem::Problems,
    usecase::{self, OrderDone, order::Created},
};

/// The answer to a mutation of an order.
#[derive(Clone, Debug, SimpleObject)]
pub struct OrderPayload {
    /// The order as it is now; null if nothing happened.
    pub order: Option<Order>,
    /// Why nothing happened; empty if it did.
    pub user_errors: Vec<UserError>,
    /// Resumes a subscription right after this write.
    pub cursor: Option<String>,
    /// Whether this is the kept answer to an earlier request with the same idempotency key.
    pub idempotent_replay: bool,
}

/// The answer to the creation of several orders.
#[derive(Clone, Debug, SimpleObject)]
pub struct OrdersCreatePayload {
    /// One for each order, in the order of the input.
    pub results: Vec<OrderPayload>,
    /// How many of them exist now, replays included.
    pub created: i32,
    /// How many were refused.
    pub failed: i32,
}

impl OrderPayload {
    /// What a refused mutation answers.
    pub fn refused(ctx: &Context<'_>, problems: Problems, selection: &[&str]) -> Self {
        let user_errors = user_errors(ctx, problems, selection);
        Self { order: None, user_errors, cursor: None, idempotent_replay: false }
    }

    /// What a mutation answers that went through; `order` where the use case has it at hand.
    pub async fn done(ctx: &Context<'_>, done: OrderDone, order: Option<Order>) -> Result<Self> {
        let order = match order {
            Some(order) => Some(order),
            None => ctx.loader()?.load_one(done.id).await.map_err(|fault| ctx.load_fault(&fault))?,
        };
        let cursor = Some(done.cursor.encode(&ctx.caller()?.tenant));
        Ok(Self { order, user_errors: Vec::new(), cursor, idempotent_replay: done.replay })
    }

    /// What the creation of an order answers.
    pub async fn created(
        ctx: &Context<'_>,
        result: Result<Created, usecase::Error>,
        selection: &[&str],
    ) -> Result<Self> {
        match result {
            Ok(created) => Self::done(ctx, created.done, created.order.map(Order::from)).await,
            Err(usecase::Error::Refused(problems)) => Ok(Self::refused(ctx, problems, selection)),
            Err(usecase::Error::Fault(fault)) => Err(ctx.fault(fault)),
        }
    }

    /// What a change of an order answers.
    pub async fn changed(ctx: &Context<'_>, result: Result<OrderDone, usecase::Error>) -> Result<Self> {
        let result = result.map(|done| Created { done, order: None });
        Self::created(ctx, result, &["userErrors"]).await
    }
}
