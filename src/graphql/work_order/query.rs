//! Reads work orders.

use async_graphql::{Context, ID, Object, Result};
use entity::id::WorkOrderId;

use super::{
    super::{
        connection::{Counter, PageArgs, WorkOrderConnection},
        context::ContextExt,
        filter, id,
    },
    WorkOrder,
    filter::{WorkOrderOrder, WorkOrderWhere},
};
use crate::{
    access::right::OrdersRead,
    store::{self, list::Place},
};

/// Queries about work orders.
#[derive(Clone, Copy, Debug, Default)]
pub struct WorkOrderQuery;

#[Object]
impl WorkOrderQuery {
    /// A work order by its id; null if the tenant has none of that id.
    async fn work_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id, `wo_…`.")] id: ID,
    ) -> Result<Option<WorkOrder>> {
        ctx.granted::<OrdersRead>()?;
        let id = id::argument::<WorkOrderId>(&id)?;
        ctx.loader()?.load_one(id).await.map_err(|fault| ctx.load_fault(&fault))
    }

    /// Work orders that pass `where`, of all orders, sorted; newest first, if nothing else is asked for.
    #[expect(clippy::too_many_arguments, reason = "they are those of the field")]
    async fn work_orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "where", desc = "Which of them; all, if left out.")] filter: Option<WorkOrderWhere>,
        #[graphql(
            desc = "By what they are sorted, the first one first: up to 8; newest first, if left out."
        )]
        order_by: Option<Vec<WorkOrderOrder>>,
        #[graphql(desc = "How many from the beginning: 1 to 100, 20 if left out.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<WorkOrderConnection> {
        let db = ctx.db_for::<OrdersRead>()?;
        let listed = filter::list(ctx, filter, order_by).await?;
        let cursors = listed.cursors();
        let args = PageArgs { first, after, last, before };
        let request = args.request(|cursor| cursors.decode(cursor))?;
        let page = store::list::page(&db, &listed, &request).await.map_err(|error| ctx.fault(error))?;
        let cursor = |(_, place): &(_, Place)| cursors.encode(place);
        let counter = Counter::WorkOrders(listed.filter.clone());
        Ok(WorkOrderConnection::new(page, counter, cursor, |(row, _)| WorkOrder::from(row)))
    }
}
