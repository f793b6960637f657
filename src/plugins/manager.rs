//! Which events set off which runs.

use std::sync::{Arc, Mutex, PoisonError};

use entity::{
    id::{PluginId, PluginWorkflowId},
    plugin_workflow,
    stored::PluginTrigger,
};
use futures_util::future::BoxFuture;

use super::{
    condition::{About, Unit},
    health::{Health, Struck},
};
use crate::{
    compute::Compute,
    domain::{
        lifecycle::CancellationStatus,
        plugin::{CONDITION_VARIABLES, Expression},
    },
    events::{Fact, NewEvent},
    fault::Fault,
    metrics::Metrics,
    store::{self, Reader, Tenant, TenantCache, contact::Contacts},
    usecase::{
        plugin::{ConditionReport, MAX_WORKFLOWS, StoredStep},
        work::{CommitHook, Subject, TriggeredRun, Triggers},
    },
};

/// Knows the workflows of tenants, and sees every event before its transaction commits.
#[derive(Debug)]
pub struct PluginManager {
    shared: Arc<Shared>,
    workflows: TenantCache<Vec<Workflow>>,
    compute: Compute,
}

/// What the conditions of all tenants are evaluated with.
#[derive(Debug)]
struct Shared {
    /// Opens what a condition looks at.
    contacts: Contacts,
    health: Health,
    metrics: Arc<Metrics>,
}

/// The enabled workflows of a tenant in one unit of work.
struct UnitTriggers {
    tenant: Tenant,
    workflows: Arc<Vec<Workflow>>,
    shared: Arc<Shared>,
    unit: Mutex<Unit>,
}

/// An enabled workflow.
#[derive(Debug)]
pub(super) struct Workflow {
    pub(super) id: PluginWorkflowId,
    version: i32,
    trigger: PluginTrigger,
    pub(super) condition: Option<Arc<Expression>>,
    start: String,
    steps: String,
    /// The plugin that its first step asks.
    first: PluginId,
}

impl PluginManager {
    /// A manager that knows nothing yet.
    pub fn new(contacts: Contacts, metrics: Arc<Metrics>, compute: Compute) -> Arc<Self> {
        let shared = Arc::new(Shared { contacts, health: Health::default(), metrics });
        Arc::new(Self { shared, workflows: TenantCache::default(), compute })
    }

    async fn workflows(&self, reader: &Reader) -> Result<Arc<Vec<Workflow>>, Fault> {
        let load = async |before: Option<Arc<Vec<Workflow>>>| {
            let rows = store::plugin::enabled_workflows(&reader.db(), MAX_WORKFLOWS).await?;
            let is_new = |row: &plugin_workflow::Model| {
                row.condition.is_some() && parsed(before.as_deref(), row).is_none()
            };
            if rows.iter().any(is_new) {
                let read =
                    move || rows.into_iter().map(|row| Workflow::read(row, before.as_deref())).collect();
                return self.compute.run(reader.tenant(), read).await?;
            }
            rows.into_iter().map(|row| Workflow::read(row, before.as_deref())).collect()
        };
        self.workflows.get_anew(reader.tenant(), load).await
    }
}

impl CommitHook for PluginManager {
    fn triggers<'a>(&'a self, reader: &'a Reader) -> BoxFuture<'a, Result<Arc<dyn Triggers>, Fault>> {
        Box::pin(async move {
            let workflows = self.workflows(reader).await?;
            let (tenant, shared) = (reader.tenant().clone(), Arc::clone(&self.shared));
            Ok(Arc::new(UnitTriggers { tenant, workflows, shared, unit: Mutex::default() })
                as Arc<dyn Triggers>)
        })
    }

    fn configuration_changed(&self, tenant: &Tenant) {
        self.workflows.forget(tenant);
    }

    fn take_condition_reports(&self) -> Vec<ConditionReport> {
        self.shared.health.take_reports()
    }
}

impl Triggers for UnitTriggers {
    fn set_off(&self, event: &NewEvent, subject: &Subject<'_>) -> Vec<TriggeredRun> {
        let Some(trigger) = trigger_of(event) else { return Vec::new() };
        let of_trigger = self.workflows.iter().filter(|workflow| workflow.trigger == trigger);
        let mut matching: Vec<_> = of_trigger.collect();
        if matching.iter().any(|workflow| workflow.condition.is_some()) {
            self.keep_true(&mut matching, event, subject);
        }
        let run = |workflow: &Workflow| TriggeredRun {
            workflow_id: workflow.id,
            trigger,
            steps: workflow.steps.clone(),
            start: workflow.start.clone(),
            first: workflow.first,
        };
        matching.into_iter().map(run).collect()
    }
}

impl UnitTriggers {
    /// Keeps the workflows whose condition is true. Those that took too long lately are looked at last.
    fn keep_true(&self, matching: &mut Vec<&Workflow>, event: &NewEvent, subject: &Subject<'_>) {
        let Shared { contacts, health, metrics } = self.shared.as_ref();
        let mut unit = self.unit.lock().unwrap_or_else(PoisonError::into_inner);
        unit.look_at(subject);
        let about = About::new(contacts, event, subject);
        let mut holds = |workflow: &Workflow, struck_lately: bool| {
            let was_exhausted = unit.is_exhausted(workflow.id);
            let holds = unit.holds(workflow, struck_lately, &about);
            if !was_exhausted && unit.is_exhausted(workflow.id) {
                metrics.condition_exhausted();
            }
            holds
        };
        let struck: Vec<_> = matching.iter().map(|it| health.struck(it.id, it.version)).collect();
        let mut truths = vec![false; matching.len()];
        for turn in [None, Some(Struck::Lately)] {
            for ((workflow, struck), truth) in matching.iter().zip(&struck).zip(&mut truths) {
                if *struck == turn {
                    *truth = holds(workflow, turn.is_some());
                }
            }
        }
        let mut truths = truths.into_iter();
        matching.retain(|_| truths.next().unwrap_or(false));
    }
}

/// What came of the conditions is known when the unit has ended, however it did.
impl Drop for UnitTriggers {
    fn drop(&mut self) {
        let unit = self.unit.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (id, outcome) in std::mem::take(&mut unit.outcomes) {
            if let Some(workflow) = self.workflows.iter().find(|workflow| workflow.id == id) {
                self.shared.health.note(&self.tenant, id, workflow.version, outcome);
            }
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

impl Workflow {
    /// A workflow as it was stored; its condition is parsed unless it was before.
    fn read(row: plugin_workflow::Model, before: Option<&Vec<Self>>) -> Result<Self, Fault> {
        let steps: Vec<StoredStep> = serde_json::from_str(&row.steps)?;
        let first = steps.iter().find(|step| step.name == row.start);
        let first =
            first.ok_or_else(|| Fault::broken("a workflow starts with a step that it does not have"))?;
        let first = first.plugin()?;
        let condition = match (parsed(before, &row), &row.condition) {
            (Some(condition), _) => Some(condition),
            (None, Some(text)) => {
                Some(Expression::parse(text, &CONDITION_VARIABLES).map(Arc::new).map_err(|error| {
                    Fault::broken(format!("a workflow's condition cannot be read: {error}"))
                })?)
            }
            (None, None) => None,
        };
        let (id, version, trigger) = (row.id, row.version, row.trigger);
        Ok(Self { id, version, trigger, condition, start: row.start, steps: row.steps, first })
    }
}

/// The condition of a workflow, if it was parsed before.
fn parsed(before: Option<&Vec<Workflow>>, row: &plugin_workflow::Model) -> Option<Arc<Expression>> {
    let known = before?.iter().find(|workflow| workflow.id == row.id)?.condition.as_ref()?;
    (Some(known.text()) == row.condition.as_deref()).then(|| Arc::clone(known))
}
