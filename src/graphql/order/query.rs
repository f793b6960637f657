//! Reads orders.

use async_graphql::{Context, ID, Object, Result};
use entity::id::OrderId;

use super::{
    super::{
        connection::{Counter, OrderConnection, PageArgs},
        context::ContextExt,
        filter,
        flat::Answer,
        id,
        loaders::group,
        quick::Quick,
    },
    Order,
    filter::{OrderOrder, OrderWhere},
    flat,
};
use crate::{
    access::right::OrdersRead,
    store::{self, list::Place},
};

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
        let db = ctx.db_for::<OrdersRead>()?;
        let id = id::argument::<OrderId>(&id)?;
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

    /// Orders that pass `where`, sorted; newest first, if nothing else is asked for.
    #[expect(clippy::too_many_arguments, reason = "they are those of the field")]
    async fn orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "where", desc = "Which of them; all, if left out.")] filter: Option<OrderWhere>,
        #[graphql(
            desc = "By what they are sorted, the first one first: up to 8; newest first, if left out."
        )]
        order_by: Option<Vec<OrderOrder>>,
        #[graphql(desc = "How many from the beginning: 1 to 100, 20 if left out.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Answer<OrderConnection>> {
        let db = ctx.db_for::<OrdersRead>()?;
        let listed = filter::list(ctx, filter, order_by).await?;
        let cursors = listed.cursors();
        let args = PageArgs { first, after, last, before };
        let request = args.request(|cursor| cursors.decode(cursor))?;
        if let Some(written) = flat::page(&ctx.field(), &db, &listed, &request).await {
            return Answer::written(ctx, written.map_err(|error| ctx.fault(error))?);
        }
        let page = store::list::page(&db, &listed, &request).await.map_err(|error| ctx.fault(error))?;
        let cursor = |(_, place): &(_, Place)| cursors.encode(place);
        let counter = Counter::Orders(listed.filter.clone());
        let mut page = OrderConnection::new(page, counter, cursor, |(row, _)| Order::from(row));
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
