//! Plugins and workflows as clients see them.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use entity::{plugin, plugin_workflow, stored};

use super::super::{
    context::ContextExt, counted::Counted, order::parse_document, quick::Stored, scalar::Json,
};
use crate::{
    domain,
    fault::Fault,
    usecase::plugin::{StoredHttp, StoredStep},
};

/// What a plugin is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "stored::PluginKind")]
pub enum PluginKind {
    /// An HTTP endpoint.
    Http,
    /// A CEL expression.
    Expression,
}

/// With what method a plugin is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::plugin::HttpMethod")]
pub enum HttpMethod {
    /// Sends query parameters.
    Get,
    /// Sends a document.
    Post,
    /// Sends a document.
    Put,
}

/// What sets a workflow off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "stored::PluginTrigger")]
pub enum PluginTrigger {
    /// An order came in; it waits until every such run ends.
    OrderInitiated,
    /// An order's fields changed.
    OrderUpdated,
    /// An order's state changed.
    OrderStatusChanged,
    /// Somebody asked for an order's cancellation; the request waits until every such run ends.
    OrderCancellationRequested,
    /// A work order was added.
    WorkOrderCreated,
    /// An event of a work order's lifecycle fired.
    WorkOrderStatusChanged,
}

/// What happens when a step gives no verdict after all its attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::plugin::FailurePolicy")]
pub enum FailurePolicy {
    /// It counts as a rejection.
    Reject,
    /// It counts as passed.
    Continue,
    /// The run stops there until somebody retries it.
    Hold,
}

/// A plugin; cheap to clone.
#[derive(Clone, Debug)]
pub struct Plugin(Arc<plugin::Model>);

impl Stored for Plugin {}

impl From<plugin::Model> for Plugin {
    fn from(row: plugin::Model) -> Self {
        Self(Arc::new(row))
    }
}

/// Something that the tenant's workflows ask for a verdict.
#[Object]
impl Plugin {
    /// Its id, `plg_…`.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Its name, unique in the tenant.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What it is for.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// What it is made of.
    async fn kind(&self) -> PluginKind {
        self.0.kind.into()
    }

    /// Its endpoint, if it is of the kind HTTP.
    async fn http(&self, ctx: &Context<'_>) -> Result<Option<HttpPlugin>> {
        let http = self.0.http.as_deref();
        http.map(|text| parse_document::<StoredHttp>(ctx, text).map(Into::into)).transpose()
    }

    /// Its CEL expression, if it is of the kind EXPRESSION.
    async fn expression(&self) -> Option<&str> {
        self.0.expression.as_deref()
    }

    /// Whether it is called.
    async fn enabled(&self) -> bool {
        self.0.enabled
    }

    /// Counts its changes; 1 when it was created.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// An HTTP endpoint that is asked for verdicts.
#[derive(Clone, Debug, SimpleObject)]
pub struct HttpPlugin {
    /// Where it is.
    url: String,
    /// How it is called.
    method: HttpMethod,
    /// Names of the headers that are sent with each call; their values are never shown again.
    header_names: Vec<String>,
    /// What it is sent; null for the whole document.
    body_template: Option<Json>,
    /// How long it may take to answer, in milliseconds.
    request_timeout_ms: i32,
    /// How long a verdict that it puts off (DEFER) may take, in milliseconds.
    callback_timeout_ms: i32,
    /// How often it is asked at most.
    max_attempts: i32,
}

impl From<StoredHttp> for HttpPlugin {
    fn from(http: StoredHttp) -> Self {
        Self {
            url: http.url,
            method: http.method.into(),
            header_names: http.headers.into_iter().map(|header| header.name).collect(),
            body_template: http.body_template.map(Json::from),
            request_timeout_ms: http.request_timeout_ms,
            callback_timeout_ms: http.callback_timeout_ms,
            max_attempts: http.max_attempts,
        }
    }
}

/// A workflow; cheap to clone.
#[derive(Clone, Debug)]
pub struct PluginWorkflow(Arc<plugin_workflow::Model>);

impl Stored for PluginWorkflow {}

impl From<plugin_workflow::Model> for PluginWorkflow {
    fn from(row: plugin_workflow::Model) -> Self {
        Self(Arc::new(row))
    }
}

/// Which plugins are asked when something happens.
#[Object]
impl PluginWorkflow {
    /// Its id, `pwf_…`.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Its name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What sets it off.
    async fn trigger(&self) -> PluginTrigger {
        self.0.trigger.into()
    }

    /// On what condition a run begins: a CEL expression; null for always.
    async fn condition(&self) -> Option<&str> {
        self.0.condition.as_deref()
    }

    /// Name of its first step.
    async fn start(&self) -> &str {
        &self.0.start
    }

    /// Its steps.
    async fn steps(&self, ctx: &Context<'_>) -> Result<Counted<PluginStep>> {
        let steps: Vec<StoredStep> = parse_document(ctx, &self.0.steps)?;
        Ok(Counted(steps.into_iter().map(PluginStep).collect()))
    }

    /// Whether events set it off.
    async fn enabled(&self) -> bool {
        self.0.enabled
    }

    /// Why its condition had no value the last time that it had none, and what to do about it; null if it always had one
    /// since the workflow was saved. A workflow whose condition took too long many times in a row is switched off, which
    /// is said here as well.
    async fn last_error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }

    /// Counts its changes; 1 when it was created.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// A step of a workflow.
#[derive(Clone, Debug)]
pub struct PluginStep(StoredStep);

/// A step of a workflow: one plugin is asked for a verdict.
#[Object]
impl PluginStep {
    /// Its name, unique in the workflow.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The plugin that it asks.
    async fn plugin(&self, ctx: &Context<'_>) -> Result<Plugin> {
        let id = self.0.plugin().map_err(|fault| ctx.fault(fault))?;
        let found = ctx.loader()?.load_one(id).await.map_err(|fault| ctx.load_fault(&fault))?;
        found.ok_or_else(|| ctx.fault(Fault::broken("a step without a plugin")))
    }

    /// Name of the step that follows a PASS or an ENRICH; null ends the run.
    async fn on_pass(&self) -> Option<&str> {
        self.0.on_pass.as_deref()
    }

    /// Name of the step that follows a REJECT; null ends the run.
    async fn on_reject(&self) -> Option<&str> {
        self.0.on_reject.as_deref()
    }

    /// What happens when the plugin gives no verdict after all its attempts.
    async fn failure_policy(&self) -> FailurePolicy {
        self.0.failure_policy.into()
    }
}
