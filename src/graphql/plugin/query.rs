//! Reads plugins, workflows and runs.

use async_graphql::{Context, Object, Result};
use entity::id::{OrderId, PluginId, PluginRunId, PluginWorkflowId};
use futures_util::future::BoxFuture;

use super::{
    super::{
        connection::{Counter, PageArgs, PluginConnection, PluginRunConnection, PluginWorkflowConnection},
        context::ContextExt,
        id,
        loaders::RunsOf,
    },
    Plugin, PluginRun, PluginTrigger, PluginWorkflow,
    run::PluginRunWhere,
};
use crate::{
    access::right::{ConfigRead, OrdersRead},
    store::{
        self, Page, TenantDb,
        page::{decode_cursor, encode_cursor},
        plugin_run::RunFilter,
    },
};

/// The lists' names in their cursors.
const PLUGINS: &str = "plugin";
const WORKFLOWS: &str = "plugin-workflow";
const RUNS: &str = "plugin-run";

/// Queries about the plugin manager.
#[derive(Clone, Copy, Debug, Default)]
pub struct PluginQuery;

#[Object]
impl PluginQuery {
    /// The tenant's plugins, oldest first.
    async fn plugins(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning: 1 to 100, 20 if left out.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<PluginConnection> {
        let db = ctx.db_for::<ConfigRead>()?;
        let args = PageArgs { first, after, last, before };
        let request = args.request(|cursor| decode_cursor(PLUGINS, cursor).map(PluginId))?;
        let page = store::plugin::page(&db, &request).await.map_err(|error| ctx.fault(error))?;
        let cursor = |row: &entity::plugin::Model| encode_cursor(PLUGINS, row.id.0);
        Ok(PluginConnection::new(page, Counter::Plugins, cursor, Plugin::from))
    }

    /// The tenant's workflows, oldest first.
    async fn plugin_workflows(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those that this sets off.")] trigger: Option<PluginTrigger>,
        #[graphql(desc = "How many from the beginning: 1 to 100, 20 if left out.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<PluginWorkflowConnection> {
        let db = ctx.db_for::<ConfigRead>()?;
        let trigger = trigger.map(Into::into);
        let args = PageArgs { first, after, last, before };
        let request = args.request(|cursor| decode_cursor(WORKFLOWS, cursor).map(PluginWorkflowId))?;
        let page = store::plugin::workflow_page(&db, trigger, &request).await;
        let page = page.map_err(|error| ctx.fault(error))?;
        let cursor = |row: &entity::plugin_workflow::Model| encode_cursor(WORKFLOWS, row.id.0);
        Ok(PluginWorkflowConnection::new(page, Counter::Workflows(trigger), cursor, PluginWorkflow::from))
    }

    /// The tenant's plugin runs, newest first.
    async fn plugin_runs(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "where", desc = "Which of them; all, if left out.")] filter: Option<PluginRunWhere>,
        #[graphql(desc = "How many from the beginning: 1 to 100, 20 if left out.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<PluginRunConnection> {
        let db = ctx.db_for::<OrdersRead>()?;
        let filter = filter.map(run_filter).transpose()?.unwrap_or_default();
        run_page(ctx, &db, filter, PageArgs { first, after, last, before }).await
    }
}

fn run_filter(filter: PluginRunWhere) -> Result<RunFilter> {
    let PluginRunWhere { order_id, workflow_id, status } = filter;
    Ok(RunFilter {
        order_id: id::optional_argument::<OrderId>(order_id.as_ref())?,
        workflow_id: id::optional_argument::<PluginWorkflowId>(workflow_id.as_ref())?,
        statuses: status.map(|statuses| statuses.into_iter().map(Into::into).collect()),
    })
}

/// A page of runs, newest first.
async fn run_page(
    ctx: &Context<'_>,
    db: &TenantDb<'_>,
    filter: RunFilter,
    args: PageArgs,
) -> Result<PluginRunConnection> {
    let request = args.request(|cursor| decode_cursor(RUNS, cursor).map(PluginRunId))?;
    let page = store::plugin_run::page(db, &filter, &request).await;
    Ok(run_connection(filter, page.map_err(|error| ctx.fault(error))?))
}

/// A page of the runs about an order, newest first; those of the orders of a list are loaded together.
pub fn runs_of<'a>(
    ctx: &'a Context<'_>,
    order_id: OrderId,
    args: PageArgs,
) -> BoxFuture<'a, Result<PluginRunConnection>> {
    Box::pin(async move {
        let request = args.request(|cursor| decode_cursor(RUNS, cursor).map(PluginRunId))?;
        let page = ctx.loader()?.load_one(RunsOf(order_id, request)).await;
        let page = page.map_err(|fault| ctx.load_fault(&fault))?.unwrap_or_else(|| Page::none(&request));
        let filter = RunFilter { order_id: Some(order_id), ..RunFilter::default() };
        Ok(run_connection(filter, page))
    })
}

fn run_connection(filter: RunFilter, page: Page<entity::plugin_run::Model>) -> PluginRunConnection {
    let cursor = |row: &entity::plugin_run::Model| encode_cursor(RUNS, row.id.0);
    PluginRunConnection::new(page, Counter::Runs(filter), cursor, PluginRun::from)
}
