//! Plugin runs as clients see them.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use entity::{plugin_attempt, plugin_run, plugin_step, stored};
use serde::Deserialize;

use super::{
    super::{
        context::ContextExt,
        counted::Counted,
        loaders::StepsOf,
        order::{Order, parse_document},
        quick::Stored,
        scalar::{DateTime, Json},
        work_order::WorkOrder,
    },
    Plugin, PluginTrigger, PluginWorkflow,
};
use crate::{
    access::right::{ConfigRead, PiiRead},
    domain::plugin::Reason,
    fault::Fault,
};

/// Where a plugin run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "stored::PluginRunStatus")]
pub enum PluginRunStatus {
    /// Nobody has taken it up yet.
    Queued,
    /// It is being worked on, or waits for its next attempt.
    Running,
    /// A plugin answers later (DEFER).
    Waiting,
    /// A step gave no verdict and its policy is HOLD, or the service could not carry it out: the run waits for `pluginRunRetry`.
    Held,
    /// It ended well.
    Passed,
    /// A plugin refused.
    Rejected,
    /// A step gave no verdict and its policy refuses then, or nobody waits for the run any more.
    Failed,
}

/// What a plugin said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "stored::Verdict")]
pub enum Verdict {
    /// Go on.
    Pass,
    /// Refused.
    Reject,
    /// Go on, with something of the order changed.
    Enrich,
    /// It answers later; its answer then stands in place of this.
    Defer,
}

/// Which runs. Every field narrows the choice.
#[derive(Clone, Debug, InputObject)]
pub struct PluginRunWhere {
    /// Only about this order.
    pub(super) order_id: Option<ID>,
    /// Only of this workflow.
    pub(super) workflow_id: Option<ID>,
    /// Only those that stand so.
    pub(super) status: Option<Vec<PluginRunStatus>>,
}

/// A run; cheap to clone.
#[derive(Clone, Debug)]
pub struct PluginRun(Arc<plugin_run::Model>);

impl Stored for PluginRun {}

impl From<Arc<plugin_run::Model>> for PluginRun {
    fn from(row: Arc<plugin_run::Model>) -> Self {
        Self(row)
    }
}

impl From<plugin_run::Model> for PluginRun {
    fn from(row: plugin_run::Model) -> Self {
        Self(Arc::new(row))
    }
}

/// A workflow at work on an order.
#[Object]
impl PluginRun {
    /// Its id, `run_…`.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Its workflow, as it is now.
    async fn workflow(&self, ctx: &Context<'_>) -> Result<PluginWorkflow> {
        ctx.granted_for::<ConfigRead>("PluginRun.workflow")?;
        let found = ctx.loader()?.load_one(self.0.workflow_id).await;
        let found = found.map_err(|fault| ctx.load_fault(&fault))?;
        found.ok_or_else(|| ctx.fault(Fault::broken("a run without a workflow")))
    }

    /// The order that it is about.
    async fn order(&self, ctx: &Context<'_>) -> Result<Order> {
        let found = ctx.loader()?.load_one(self.0.order_id).await;
        let found = found.map_err(|fault| ctx.load_fault(&fault))?;
        found.ok_or_else(|| ctx.fault(Fault::broken("a run without an order")))
    }

    /// The work order that the event which set it off is about, if it is about one.
    async fn work_order(&self, ctx: &Context<'_>) -> Result<Option<WorkOrder>> {
        let Some(id) = self.0.work_order_id else { return Ok(None) };
        ctx.loader()?.load_one(id).await.map_err(|fault| ctx.load_fault(&fault))
    }

    /// What set it off.
    async fn trigger(&self) -> PluginTrigger {
        self.0.trigger.into()
    }

    /// Where it stands.
    async fn status(&self) -> PluginRunStatus {
        self.0.status.into()
    }

    /// The steps that were begun.
    async fn steps(&self, ctx: &Context<'_>) -> Result<Counted<PluginStepRun>> {
        let rows = ctx.loader()?.load_one(StepsOf(self.0.id)).await;
        let rows = rows.map_err(|fault| ctx.load_fault(&fault))?.unwrap_or_default();
        let step_run = |step: plugin_step::Model| {
            let attempts = rows.attempts.iter().filter(|attempt| attempt.step_number == step.number);
            PluginStepRun { attempts: attempts.cloned().map(Into::into).collect(), step }
        };
        Ok(Counted(rows.steps.iter().cloned().map(step_run).collect()))
    }

    /// When it was first taken up.
    async fn started_at(&self) -> Option<DateTime> {
        self.0.started_at.map(Into::into)
    }

    /// When it ended.
    async fn finished_at(&self) -> Option<DateTime> {
        self.0.finished_at.map(Into::into)
    }

    /// When it was stored.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }
}

/// A step of a run.
#[derive(Clone, Debug)]
pub struct PluginStepRun {
    step: plugin_step::Model,
    attempts: Vec<PluginAttempt>,
}

/// A step of a run, and how often its plugin was asked.
#[Object]
impl PluginStepRun {
    /// Its name in the workflow.
    async fn step(&self) -> &str {
        &self.step.step
    }

    /// The plugin that it asked; null if the plugin is gone.
    async fn plugin(&self, ctx: &Context<'_>) -> Result<Option<Plugin>> {
        ctx.granted_for::<ConfigRead>("PluginStepRun.plugin")?;
        ctx.loader()?.load_one(self.step.plugin_id).await.map_err(|fault| ctx.load_fault(&fault))
    }

    /// What the plugin said; null while it has not, and where it never did.
    async fn verdict(&self) -> Option<Verdict> {
        self.step.verdict.map(Into::into)
    }

    /// Why.
    async fn reasons(&self, ctx: &Context<'_>) -> Result<Counted<VerdictReason>> {
        parse_document(ctx, &self.step.reasons).map(Counted)
    }

    /// What the plugin changed of the order, as a JSON Merge Patch; without what it says of people.
    async fn patch(&self, ctx: &Context<'_>) -> Result<Option<Json>> {
        ctx.granted_for::<PiiRead>("PluginStepRun.patch")?;
        Ok(self.step.patch.clone().map(Json::Text))
    }

    /// The calls.
    async fn attempts(&self) -> Counted<&PluginAttempt> {
        Counted(self.attempts.iter().collect())
    }
}

/// Why a plugin said what it said.
#[derive(Clone, Debug, Deserialize, SimpleObject)]
pub struct VerdictReason {
    /// A code for programs.
    code: String,
    /// A sentence for people.
    message: String,
    /// Where in the order it lies.
    path: Option<String>,
}

impl From<Reason> for VerdictReason {
    fn from(Reason { code, message, path }: Reason) -> Self {
        Self { code: code.into(), message: message.into(), path: path.map(Into::into) }
    }
}

/// One call of a plugin.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct PluginAttempt {
    /// Counts the attempts of the step, from 1.
    number: i32,
    /// When the call began.
    started_at: DateTime,
    /// How long it took, in milliseconds.
    duration_ms: Option<i32>,
    /// HTTP status of the answer, if one came.
    status_code: Option<i32>,
    /// Why it gave no verdict.
    error: Option<String>,
    #[graphql(skip)]
    response_excerpt: Option<String>,
}

#[ComplexObject]
impl PluginAttempt {
    /// The first 4 KiB of the answer.
    async fn response_excerpt(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        ctx.granted_for::<PiiRead>("PluginAttempt.responseExcerpt")?;
        Ok(self.response_excerpt.as_deref())
    }
}

impl From<plugin_attempt::Model> for PluginAttempt {
    fn from(row: plugin_attempt::Model) -> Self {
        Self {
            number: row.number,
            started_at: row.started_at.into(),
            duration_ms: Some(row.duration_ms),
            status_code: row.status_code,
            error: row.error,
            response_excerpt: row.response_excerpt,
        }
    }
}
