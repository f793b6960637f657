//! Watches plugin runs.

use async_graphql::{Context, ID, Result, Subscription};
use entity::id::{OrderId, PluginWorkflowId};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};

use super::{
    super::{context::ContextExt, event::stream_error, id},
    PluginRun,
};
use crate::{
    events::{self, StreamError, Subscriber},
    fault::Fault,
    store::{self, event::EventFilter},
};

/// Subscriptions to plugin runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct PluginSubscription;

#[Subscription]
impl PluginSubscription {
    /// Plugin runs when they are stored and when they end, from now on. What happens to a run in between has no event.
    async fn plugin_run_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only of this order.")] order_id: Option<ID>,
        #[graphql(desc = "Only of this workflow.")] workflow_id: Option<ID>,
    ) -> Result<impl Stream<Item = Result<PluginRun>> + use<>> {
        let order_id = id::optional_argument::<OrderId>(order_id.as_ref())?;
        let workflow_id = id::optional_argument::<PluginWorkflowId>(workflow_id.as_ref())?;
        let operation = ctx.operation()?.clone();
        let filter = EventFilter { order_id, ..EventFilter::default() };
        let reader = operation.reader.clone();
        let subscriber =
            Subscriber { reader: operation.reader, filter, about: None, after: None, place: None };
        let events = events::stream(operation.app.hub.clone(), subscriber);
        let runs = events.and_then(move |record| {
            let reader = reader.clone();
            async move {
                let runs = store::plugin_run::changed_by(&reader.db(), &record.row).await;
                Ok::<_, StreamError>(runs.map_err(Fault::from)?)
            }
        });
        let (tenant, request_id) = (operation.caller.tenant, operation.request_id);
        Ok(runs
            .map_ok(|runs| stream::iter(runs.into_iter().map(Ok)))
            .try_flatten()
            .try_filter(move |run| std::future::ready(workflow_id.is_none_or(|id| id == run.workflow_id)))
            .map(move |run| run.map(PluginRun::from).map_err(|end| stream_error(end, &tenant, &request_id))))
    }
}
