//! Reads work orders.

use async_graphql::{Context, ID, Object, Result};
use entity::id::WorkOrderId;

use super::{
    super::{context::ContextExt, id},
    WorkOrder,
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
        let id = id::argument::<WorkOrderId>(&id)?;
        ctx.loader()?.load_one(id).await.map_err(|fault| ctx.load_fault(&fault))
    }
}
