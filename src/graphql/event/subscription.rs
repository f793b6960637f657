//! Watches the event log.

use std::sync::Arc;

use async_graphql::{
    Context, Error, ErrorExtensions as _, ID, PathSegment, Pos, Response, Result, Subscription,
};
use entity::{
    id::{OrderId, WorkOrderId},
    stored::EventType,
};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};

use super::{
    super::{
        context::ContextExt, error::Code, filter, handover::Item, id, order::OrderWhere,
        work_order::WorkOrderWhere,
    },
    OrderEvent, OrderEventWhere,
    form::Form,
    query::{expired_cursor, known_cursor, unknown_cursor},
};
use crate::{
    access::right::OrdersRead,
    events::{self, About, Cursor, StreamError, Subscriber},
    store::{Tenant, event::EventFilter},
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
        #[graphql(name = "where", desc = "Only of such orders, as they are when the event is handed out.")]
        condition: Option<OrderWhere>,
        #[graphql(desc = "Resumes after this cursor; from now on, if left out.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<OrderEvent>> + use<>> {
        ctx.granted::<OrdersRead>()?;
        let filter = EventFilter {
            kinds: Some(vec![EventType::OrderCreated, EventType::OrderStatusChanged]),
            order_id: id::optional_argument::<OrderId>(order_id.as_ref())?,
            ..EventFilter::default()
        };
        let about = match condition {
            Some(condition) => Some(About::Orders(filter::filter(ctx, condition).await?)),
            None => None,
        };
        stream(ctx, filter, about, after).await
    }

    /// The states of work orders, each from its first one on: WORK_ORDER_CREATED and WORK_ORDER_STATUS_CHANGED.
    async fn work_order_status_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only of this order's work orders.")] order_id: Option<ID>,
        #[graphql(desc = "Only of this work order.")] work_order_id: Option<ID>,
        #[graphql(
            name = "where",
            desc = "Only of such work orders, as they are when the event is handed out."
        )]
        condition: Option<WorkOrderWhere>,
        #[graphql(desc = "Resumes after this cursor; from now on, if left out.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<OrderEvent>> + use<>> {
        ctx.granted::<OrdersRead>()?;
        let filter = EventFilter {
            kinds: Some(vec![EventType::WorkOrderCreated, EventType::WorkOrderStatusChanged]),
            order_id: id::optional_argument::<OrderId>(order_id.as_ref())?,
            work_order_id: id::optional_argument::<WorkOrderId>(work_order_id.as_ref())?,
            ..EventFilter::default()
        };
        let about = match condition {
            Some(condition) => Some(About::WorkOrders(filter::filter(ctx, condition).await?)),
            None => None,
        };
        stream(ctx, filter, about, after).await
    }

    /// Every event, or those that pass `where`.
    async fn order_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "where", desc = "Which of them; all, if left out.")] filter: Option<OrderEventWhere>,
        #[graphql(desc = "Resumes after this cursor; from now on, if left out.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<OrderEvent>> + use<>> {
        ctx.granted::<OrdersRead>()?;
        let filter = filter.map(OrderEventWhere::into_filter).transpose()?.unwrap_or_default();
        stream(ctx, filter, None, after).await
    }
}

async fn stream(
    ctx: &Context<'_>,
    filter: EventFilter,
    about: Option<About>,
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
    let subscriber = Subscriber { reader: operation.reader, filter, about, after, place };
    let events = events::stream(operation.app.hub.clone(), subscriber);
    let (tenant, request_id) = (operation.caller.tenant, operation.request_id);
    let told = move |end| stream_error(end, &tenant, &request_id);
    if let Some(handover) = operation.handover
        && let Some(form) = Form::of(ctx, operation.caller.scopes)
    {
        let (form, number) = operation.forms.share(form);
        let pos = ctx.item.pos;
        let items = events.map(move |event| {
            let text = event.and_then(|record| Ok(record.text(number, |row| form.write(row))?));
            text.map_or_else(|end| refused(told(end), form.key(), pos), Item::Written)
        });
        handover.leave(items.boxed());
        return Ok(stream::empty().left_stream());
    }
    let events = events.map_ok(|record| OrderEvent::from(Arc::clone(&record.row)));
    Ok(events.map_err(told).right_stream())
}

/// An error as the executor would answer it.
fn refused(error: Error, key: &str, pos: Pos) -> Item {
    let path = vec![PathSegment::Field(key.to_owned())];
    Item::Response(Response::from_errors(vec![error.into_server_error(pos).with_path(path)]))
}

/// What a subscriber is told when its subscription ends.
pub(in super::super) fn stream_error(end: StreamError, tenant: &Tenant, request_id: &str) -> Error {
    match end {
        StreamError::Fault(fault) => super::super::error::fault(&fault, request_id),
        StreamError::Stopping => {
            Code::Unavailable.error("the server is stopping; resume from your last cursor")
        }
        StreamError::Expired => expired_cursor(),
        StreamError::Slow(cursor) => {
            let message = "events come faster than this subscriber takes them; resume from your last cursor, \
                           or ask for fewer with a filter";
            let resume = cursor.encode(tenant);
            Code::SlowConsumer.error(message).extend_with(|_, extensions| extensions.set("cursor", resume))
        }
    }
}
