//! Reads orders.

use async_graphql::{Context, ID, Object, Result};
use entity::id::OrderId;

use super::{
    super::{
        connection::{Counter, OrderConnection, PageArgs, cost},
        context::ContextExt,
        flat::Answer,
        id,
        loaders::group,
        quick::Quick,
    },
    Order, flat,
};
use crate::store::{
    self,
    page::{decode_cursor, encode_cursor},
};

/// Names the list in its cursors.
const LIST: &str = "order";

/// Queries about orders.
#[derive(Clone, Copy, Debug, Default)]
pub struct OrderQuery;

#[Object]
impl OrderQuery {
    /// An order by its id; null if the tenant has none of that id.
    async fn order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id, `ord_…`.")] id: ID,
    ) -> Result<Option<Answer<Quick<Order>>>> {
        let id = id::argument::<OrderId>(&id)?;
        let db = ctx.db()?;
        if let Some(written) = flat::order(&ctx.field(), &db, id).await {
            let written = written.map_err(|error| ctx.fault(error))?;
            return written.map(|text| Answer::written(ctx, text)).transpose();
        }
        let row = store::order::by_id(&db, id).await.map_err(|error| ctx.fault(error))?;
        let Some(mut order) = row.map(Order::from) else { return Ok(None) };
        if ctx.look_ahead().field("workOrders").exists() {
            preload(ctx, std::iter::once(&mut order)).await?;
        }
        Ok(Some(Answer::Object(Quick(order))))
    }

    /// Orders, newest first.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning: 1 to 100, 20 if left out.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Answer<OrderConnection>> {
        let args = PageArgs { first, after, last, before };
        let request = args.request(|cursor| decode_cursor(LIST, cursor).map(OrderId))?;
        let db = ctx.db()?;
        if let Some(written) = flat::page(&ctx.field(), &db, &request, |id| encode_cursor(LIST, id.0)).await {
            return Answer::written(ctx, written.map_err(|error| ctx.fault(error))?);
        }
        let page = store::order::page(&db, &request).await.map_err(|error| ctx.fault(error))?;
        let cursor = |row: &entity::order::Model| encode_cursor(LIST, row.id.0);
        let mut page = OrderConnection::new(page, Counter::Orders, cursor, Order::from);
        let ahead = ctx.look_ahead();
        if ahead.field("nodes").field("workOrders").exists()
            || ahead.field("edges").field("node").field("workOrders").exists()
        {
            preload(ctx, page.nodes_mut()).await?;
        }
        Ok(Answer::Object(page))
    }
}

/// Loads the work orders of a list whose work orders will be asked for: one statement, and no waiting for a loader to
/// gather what is known here already.
async fn preload<'a>(ctx: &Context<'_>, orders: impl Iterator<Item = &'a mut Order>) -> Result<()> {
    let mut orders: Vec<_> = orders.collect();
    let ids: Vec<_> = orders.iter().map(|order| order.key()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let rows = store::work_order::of_orders(&ctx.db()?, &ids).await.map_err(|error| ctx.fault(error))?;
    let mut groups = group(rows);
    for order in &mut orders {
        let work_orders = groups.remove(&order.key()).unwrap_or_default();
        order.preload(work_orders);
    }
    Ok(())
}
