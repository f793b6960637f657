//! Watches plugin runs.

use async_graphql::{Context, ID, Result, Subscription};
use entity::id::{OrderId, PluginWorkflowId};
use futures_util::{Stream, StreamExt as _};

use super::{
    super::{context::ContextExt, event::stream_error, id},
    PluginRun,
};
use crate::{access::right::OrdersRead, events, store::plugin_run::RunFilter};

/// Subscriptions to plugin runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct PluginSubscription;

#[Subscription]
impl PluginSubscription {
    /// Plugin runs whenever something happens to them, from now on: they are stored, taken up, asked again later, put off
    /// by their plugin, held, retried, or end. Each comes as it is when it is handed out, and never as it was before: of
    /// changes that follow each other fast only the last may be told. That a run was stored and that it ended is
    /// never missed; what happens in between may be, by who listens slowly and while processes do not hear each other.
    async fn plugin_run_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only of this order.")] order_id: Option<ID>,
        #[graphql(desc = "Only of this workflow.")] workflow_id: Option<ID>,
    ) -> Result<impl Stream<Item = Result<PluginRun>> + use<>> {
        ctx.granted::<OrdersRead>()?;
        let order_id = id::optional_argument::<OrderId>(order_id.as_ref())?;
        let workflow_id = id::optional_argument::<PluginWorkflowId>(workflow_id.as_ref())?;
        let operation = ctx.operation()?.clone();
        let filter = RunFilter { order_id, workflow_id, statuses: None };
        let runs = events::run_changes(operation.app.hub.clone(), operation.reader, filter);
        let (tenant, request_id) = (operation.caller.tenant, operation.request_id);
        Ok(runs
            .map(move |run| run.map(PluginRun::from).map_err(|end| stream_error(end, &tenant, &request_id))))
    }
}
