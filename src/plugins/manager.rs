//! Which events set off which runs.

use std::{cell::OnceCell, sync::Arc};

use entity::{
    id::{PluginId, PluginWorkflowId},
    plugin_workflow,
    stored::PluginTrigger,
};
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::document;
use crate::{
    domain::{
        lifecycle::CancellationStatus,
        plugin::{CONDITION_VARIABLES, Expression},
    },
    events::{Fact, NewEvent},
    fault::Fault,
    store::{self, Reader, Tenant, TenantCache, contact::Contacts},
    usecase::{
        plugin::{MAX_WORKFLOWS, StoredStep},
        work::{CommitHook, Subject, TriggeredRun, Triggers},
    },
};

/// Knows the workflows of tenants, and sees every event before its transaction commits.
#[derive(Debug)]
pub struct PluginManager {
    contacts: Contacts,
    workflows: TenantCache<Workflows>,
}

/// The enabled workflows of a tenant.
#[derive(Debug)]
struct Workflows {
    /// Opens what a condition looks at.
    contacts: Contacts,
    enabled: Vec<Workflow>,
}

#[derive(Debug)]
struct Workflow {
    id: PluginWorkflowId,
    trigger: PluginTrigger,
    condition: Option<Expression>,
    start: String,
    steps: String,
    /// The plugin that its first step asks.
    first: PluginId,
}

impl PluginManager {
    /// A manager that knows nothing yet.
    pub fn new(contacts: Contacts) -> Arc<Self> {
        Arc::new(Self { contacts, workflows: TenantCache::default() })
    }

    async fn workflows(&self, reader: &Reader) -> Result<Arc<Workflows>, Fault> {
        let load = async || {
            let rows = store::plugin::enabled_workflows(&reader.db(), MAX_WORKFLOWS).await?;
            let enabled = rows.into_iter().map(Workflow::try_from).collect::<Result<_, _>>()?;
            Ok(Workflows { contacts: self.contacts.clone(), enabled })
        };
        self.workflows.get(reader.tenant(), load).await
    }
}

impl CommitHook for PluginManager {
    fn triggers<'a>(&'a self, reader: &'a Reader) -> BoxFuture<'a, Result<Arc<dyn Triggers>, Fault>> {
        Box::pin(async move { Ok(self.workflows(reader).await? as Arc<dyn Triggers>) })
    }

    fn configuration_changed(&self, tenant: &Tenant) {
        self.workflows.forget(tenant);
    }
}

impl Triggers for Workflows {
    fn set_off(&self, event: &NewEvent, subject: &Subject<'_>) -> Vec<TriggeredRun> {
        let Some(trigger) = trigger_of(event) else { return Vec::new() };
        // Made for the first condition that needs it, and then used for all.
        let document = OnceCell::new();
        let document =
            || document.get_or_init(|| document::of_event(&self.contacts, event, subject)).as_ref();
        let matching = self.enabled.iter().filter(|workflow| workflow.trigger == trigger);
        matching
            .filter(|workflow| {
                workflow.condition.as_ref().is_none_or(|it| holds(workflow.id, it, document()))
            })
            .map(|workflow| TriggeredRun {
                workflow_id: workflow.id,
                trigger,
                steps: workflow.steps.clone(),
                start: workflow.start.clone(),
                first: workflow.first,
            })
            .collect()
    }
}

/// Whether a condition is true. One without a value is not, and no reason to fail what sets the workflow off.
fn holds(id: PluginWorkflowId, condition: &Expression, document: Option<&Map<String, Value>>) -> bool {
    let Some(document) = document else { return false };
    match condition.evaluate(document) {
        Ok(value) => value == Value::Bool(true),
        Err(error) => {
            tracing::warn!(plugin_workflow.id = %id, %error, "a workflow's condition has no value; no run begins");
            false
        }
    }
}

/// For ORDER_INITIATED the event is ORDER_CREATED. Of a cancellation, only the request sets something off.
fn trigger_of(event: &NewEvent) -> Option<PluginTrigger> {
    Some(match &event.fact {
        Fact::OrderCreated { .. } => PluginTrigger::OrderInitiated,
        Fact::OrderUpdated { .. } => PluginTrigger::OrderUpdated,
        Fact::OrderStatusChanged { .. } => PluginTrigger::OrderStatusChanged,
        Fact::OrderCancellationChanged { to, .. } if to == CancellationStatus::Requested.as_str() => {
            PluginTrigger::OrderCancellationRequested
        }
        Fact::WorkOrderCreated { .. } => PluginTrigger::WorkOrderCreated,
        Fact::WorkOrderStatusChanged { .. } => PluginTrigger::WorkOrderStatusChanged,
        Fact::OrderCancellationChanged { .. }
        | Fact::WorkOrderUpdated { .. }
        | Fact::PluginRunFinished { .. } => return None,
    })
}

impl TryFrom<plugin_workflow::Model> for Workflow {
    type Error = Fault;

    fn try_from(row: plugin_workflow::Model) -> Result<Self, Fault> {
        let steps: Vec<StoredStep> = serde_json::from_str(&row.steps)?;
        let first = steps.iter().find(|step| step.name == row.start);
        let first =
            first.ok_or_else(|| Fault::broken("a workflow starts with a step that it does not have"))?;
        let first = first.plugin()?;
        let condition = row.condition.map(|text| Expression::parse(&text, &CONDITION_VARIABLES)).transpose();
        let condition = condition
            .map_err(|error| Fault::broken(format!("a workflow's condition cannot be read: {error}")))?;
        Ok(Self { id: row.id, trigger: row.trigger, condition, start: row.start, steps: row.steps, first })
    }
}
