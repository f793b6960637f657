//! Reads the event log.

use async_graphql::{Context, Error, Object, Result};
use futures_util::future::BoxFuture;

use super::{
    super::{
        connection::{Counter, OrderEventConnection, PageArgs},
        context::ContextExt,
        error::Code,
        loaders::EventsOf,
    },
    OrderEvent, OrderEventWhere,
};
use crate::{
    access::right::OrdersRead,
    events::Cursor,
    store::{
        self, Page, PageRequest, TenantDb,
        event::{EventFilter, Subject},
    },
};

/// Queries about events.
#[derive(Clone, Copy, Debug, Default)]
pub struct EventQuery;

#[Object]
impl EventQuery {
    /// The tenant's events, oldest first; `last` gives the newest.
    async fn order_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "where", desc = "Which of them; all, if left out.")] filter: Option<OrderEventWhere>,
        #[graphql(desc = "How many from the beginning: 1 to 100, 20 if left out.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<OrderEventConnection> {
        let db = ctx.db_for::<OrdersRead>()?;
        let filter = filter.map(OrderEventWhere::into_filter).transpose()?.unwrap_or_default();
        page(ctx, &db, filter, PageArgs { first, after, last, before }).await
    }

    /// Position of the newest event: read this, then a snapshot, then subscribe with it as `after`, and nothing is
    /// missed.
    async fn event_cursor(&self, ctx: &Context<'_>) -> Result<String> {
        let head =
            store::event::head(&ctx.db_for::<OrdersRead>()?).await.map_err(|error| ctx.fault(error))?;
        Ok(Cursor(head).encode(&ctx.caller()?.tenant))
    }
}

/// A page of events.
async fn page(
    ctx: &Context<'_>,
    db: &TenantDb<'_>,
    filter: EventFilter,
    args: PageArgs,
) -> Result<OrderEventConnection> {
    let request = request(ctx, args)?;
    let page = store::event::page(db, &filter, &request).await.map_err(|error| ctx.fault(error))?;
    if let Some(after) = request.after {
        // Looked up after the page was read, so that what was removed meanwhile is not passed over. And a reader with a
        // cursor from elsewhere, of a store that was restored, say, would wait for ever.
        known_cursor(ctx, Cursor(after)).await?;
    }
    connection(ctx, filter, page)
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
        if let (Some(after), []) = (request.after, page.rows.as_slice()) {
            let bounds = store::event::bounds(&ctx.db()?).await.map_err(|error| ctx.fault(error))?;
            if after > bounds.head {
                return Err(unknown_cursor());
            }
        }
        connection(ctx, subject.filter(), page)
    })
}

fn request(ctx: &Context<'_>, args: PageArgs) -> Result<PageRequest<i64>> {
    let tenant = &ctx.caller()?.tenant;
    args.request(|cursor| Cursor::decode(tenant, cursor).map(|cursor| cursor.0))
}

fn connection(
    ctx: &Context<'_>,
    filter: EventFilter,
    page: Page<entity::event::Model>,
) -> Result<OrderEventConnection> {
    let tenant = &ctx.caller()?.tenant;
    let cursor = |row: &entity::event::Model| Cursor(row.position).encode(tenant);
    Ok(OrderEventConnection::new(page, Counter::Events(filter), cursor, OrderEvent::from))
}

/// Refuses a cursor that the tenant's log has not handed out, or after which events were removed.
pub(super) async fn known_cursor(ctx: &Context<'_>, cursor: Cursor) -> Result<Cursor> {
    let bounds = store::event::bounds(&ctx.db()?).await.map_err(|error| ctx.fault(error))?;
    if cursor.0 > bounds.head {
        Err(unknown_cursor())
    } else if cursor.0 < bounds.expired {
        Err(expired_cursor())
    } else {
        Ok(cursor)
    }
}

/// The refusal of a cursor after which events were removed.
pub(super) fn expired_cursor() -> Error {
    let message = "events after this cursor are not kept any more: read eventCursor, then what you need anew, and \
                   resume from there";
    Code::CursorExpired.error(message)
}

/// The refusal of such a cursor.
pub(super) fn unknown_cursor() -> Error {
    Code::BadUserInput.error("after is not a cursor of this tenant's event log; use one that it gave you")
}
