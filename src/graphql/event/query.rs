//! Reads the event log.

use async_graphql::{Context, Error, Object, Result};
use futures_util::future::BoxFuture;

use super::{
    super::{
        connection::{Counter, OrderEventConnection, PageArgs, cost},
        context::ContextExt,
        error::Code,
        loaders::EventsOf,
    },
    OrderEvent, OrderEventWhere,
};
use crate::{
    events::Cursor,
    store::{
        self, Page, PageRequest,
        event::{EventFilter, Subject},
    },
};

/// Queries about events.
#[derive(Clone, Copy, Debug, Default)]
pub struct EventQuery;

#[Object]
impl EventQuery {
    /// The tenant's events, oldest first; `last` gives the newest.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn order_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "where", desc = "Which of them; all, if left out.")] filter: Option<OrderEventWhere>,
        #[graphql(desc = "How many from the beginning: 1 to 100, 20 if left out.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<OrderEventConnection> {
        let filter = filter.map(OrderEventWhere::into_filter).transpose()?.unwrap_or_default();
        page(ctx, filter, PageArgs { first, after, last, before }).await
    }

    /// Position of the newest event: read this, then a snapshot, then subscribe with it as `after`, and nothing is
    /// missed.
    async fn event_cursor(&self, ctx: &Context<'_>) -> Result<String> {
        let head = store::event::head(&ctx.db()?).await.map_err(|error| ctx.fault(error))?;
        Ok(Cursor(head).encode(&ctx.caller()?.tenant))
    }
}

/// A page of events.
pub async fn page(ctx: &Context<'_>, filter: EventFilter, args: PageArgs) -> Result<OrderEventConnection> {
    let request = request(ctx, args)?;
    let page = store::event::page(&ctx.db()?, &filter, &request).await.map_err(|error| ctx.fault(error))?;
    connection(ctx, filter, request, page).await
}

/// A page of a history; those of the members of a list are loaded together.
pub fn history<'a>(
    ctx: &'a Context<'_>,
    subject: Subject,
    args: PageArgs,
) -> BoxFuture<'a, Result<OrderEventConnection>> {
    Box::pin(async move {
        let request = request(ctx, args)?;
        let page = ctx.loader()?.load_one(EventsOf(subject, request)).await;
        let page = page.map_err(|fault| ctx.load_fault(&fault))?.unwrap_or_else(|| Page::none(&request));
        connection(ctx, subject.filter(), request, page).await
    })
}

fn request(ctx: &Context<'_>, args: PageArgs) -> Result<PageRequest<i64>> {
    let tenant = &ctx.caller()?.tenant;
    args.request(|cursor| Cursor::decode(tenant, cursor).map(|cursor| cursor.0))
}

async fn connection(
    ctx: &Context<'_>,
    filter: EventFilter,
    request: PageRequest<i64>,
    page: Page<entity::event::Model>,
) -> Result<OrderEventConnection> {
    if let (Some(after), []) = (request.after, page.rows.as_slice()) {
        // A reader with a cursor from elsewhere, of a store that was restored, say, would wait for ever.
        known_cursor(ctx, Cursor(after)).await?;
    }
    let tenant = &ctx.caller()?.tenant;
    let cursor = |row: &entity::event::Model| Cursor(row.position).encode(tenant);
    Ok(OrderEventConnection::new(page, Counter::Events(filter), cursor, OrderEvent::from))
}

/// Refuses a cursor that the tenant's log has not handed out.
pub(super) async fn known_cursor(ctx: &Context<'_>, cursor: Cursor) -> Result<Cursor> {
    let head = store::event::head(&ctx.db()?).await.map_err(|error| ctx.fault(error))?;
    if cursor.0 > head { Err(unknown_cursor()) } else { Ok(cursor) }
}

/// The refusal of such a cursor.
pub(super) fn unknown_cursor() -> Error {
    Code::BadUserInput.error("after is not a cursor of this tenant's event log; use one that it gave you")
}
