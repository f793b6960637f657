//! Watches the event log.

use async_graphql::{Context, ErrorExtensions as _, ID, Result, Subscription};
use entity::{
    id::{OrderId, WorkOrderId},
    stored::EventType,
};
use futures_util::{Stream, StreamExt};

use super::{
    super::{context::ContextExt, error::Code, id},
    OrderEvent, OrderEventWhere,
    query::{expired_cursor, known_cursor, unknown_cursor},
};
use crate::{
    events::{self, Cursor, StreamError, Subscriber},
    store::event::EventFilter,
};

/// Subscriptions to events.
#[derive(Clone, Copy, Debug, Default)]
pub struct EventSubscription;

#[Subscription]
impl EventSubscription {
    /// The states of orders, each order from its first one on: ORDER_CREATED and ORDER_STATUS_CHANGED.
    async fn order_status_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only of this order.")] order_id: Option<ID>,
        #[graphql(desc = "Resumes after this cursor; from now on, if left out.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<OrderEvent>> + use<>> {
        let filter = EventFilter {
            kinds: Some(vec![EventType::OrderCreated, EventType::OrderStatusChanged]),
            order_id: id::optional_argument::<OrderId>(order_id.as_ref())?,
            ..EventFilter::default()
        };
        stream(ctx, filter, after).await
    }

    /// The states of work orders, each from its first one on: WORK_ORDER_CREATED and WORK_ORDER_STATUS_CHANGED.
    async fn work_order_status_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only of this order's work orders.")] order_id: Option<ID>,
        #[graphql(desc = "Only of this work order.")] work_order_id: Option<ID>,
        #[graphql(desc = "Resumes after this cursor; from now on, if left out.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<OrderEvent>> + use<>> {
        let filter = EventFilter {
            kinds: Some(vec![EventType::WorkOrderCreated, EventType::WorkOrderStatusChanged]),
            order_id: id::optional_argument::<OrderId>(order_id.as_ref())?,
            work_order_id: id::optional_argument::<WorkOrderId>(work_order_id.as_ref())?,
            ..EventFilter::default()
        };
        stream(ctx, filter, after).await
    }

    /// Every event, or those that pass `where`.
    async fn order_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "where", desc = "Which of them; all, if left out.")] filter: Option<OrderEventWhere>,
        #[graphql(desc = "Resumes after this cursor; from now on, if left out.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<OrderEvent>> + use<>> {
        let filter = filter.map(OrderEventWhere::into_filter).transpose()?.unwrap_or_default();
        stream(ctx, filter, after).await
    }
}

async fn stream(
    ctx: &Context<'_>,
    filter: EventFilter,
    after: Option<String>,
) -> Result<impl Stream<Item = Result<OrderEvent>> + use<>> {
    let operation = ctx.operation()?.clone();
    let after = match operation.resume.as_deref().or(after.as_deref()) {
        Some(text) => {
            let cursor = Cursor::decode(&operation.caller.tenant, text).ok_or_else(unknown_cursor)?;
            Some(known_cursor(ctx, cursor).await?)
        }
        None => None,
    };
    let place = operation.place.clone();
    let subscriber = Subscriber { reader: operation.reader, filter, after, place };
    let events = events::stream(operation.app.hub.clone(), subscriber);
    let (tenant, request_id) = (operation.caller.tenant, operation.request_id);
    Ok(events.map(move |event| match event {
        Ok(event) => Ok(OrderEvent::from(event)),
        Err(StreamError::Fault(fault)) => Err(super::super::error::fault(&fault, &request_id)),
        Err(StreamError::Stopping) => {
            Err(Code::Unavailable.error("the server is stopping; resume from your last cursor"))
        }
        Err(StreamError::Expired) => Err(expired_cursor()),
        Err(StreamError::Slow(cursor)) => {
            let message = "events come faster than this subscriber takes them; resume from your last cursor, \
                           or ask for fewer with a filter";
            let resume = cursor.encode(&tenant);
            Err(Code::SlowConsumer
                .error(message)
                .extend_with(|_, extensions| extensions.set("cursor", resume)))
        }
    }))
}
