//! Which events set off which runs.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use entity::{
    id::PluginWorkflowId,
    plugin_workflow,
    stored::{EventType, PluginTrigger},
};
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::{
    events::NewEvent,
    fault::Fault,
    store::{self, Reader, Tenant},
    usecase::work::{CommitHook, TriggeredRun, Triggers},
};

/// What another process changed is seen after this long at the latest.
const FRESH_FOR: Duration = Duration::from_secs(1);
/// How many enabled workflows of a tenant are looked at.
const MAX_WORKFLOWS: u64 = 200;
/// How many tenants are remembered; beyond it all are forgotten, and read again as they come.
const MAX_TENANTS: usize = 10_000;

/// Knows the workflows of tenants, and sees every event before its transaction commits.
#[derive(Debug, Default)]
pub struct PluginManager {
    tenants: Mutex<HashMap<Tenant, Cached>>,
}

#[derive(Clone, Debug)]
struct Cached {
    workflows: Arc<Workflows>,
    read_at: Instant,
}

/// The enabled workflows of a tenant.
#[derive(Debug)]
struct Workflows(Vec<Workflow>);

#[derive(Debug)]
struct Workflow {
    id: PluginWorkflowId,
    trigger: PluginTrigger,
    start: String,
    steps: String,
}

impl PluginManager {
    /// A manager that knows nothing yet.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    async fn workflows(&self, reader: &Reader) -> Result<Arc<Workflows>, Fault> {
        let now = Instant::now();
        let cached = self.lock().get(reader.tenant()).cloned();
        if let Some(cached) = cached.filter(|cached| now.duration_since(cached.read_at) < FRESH_FOR) {
            return Ok(cached.workflows);
        }
        let rows = store::plugin::enabled_workflows(&reader.db(), MAX_WORKFLOWS).await?;
        let workflows = Arc::new(Workflows(rows.into_iter().map(Workflow::from).collect()));
        let mut tenants = self.lock();
        if tenants.len() >= MAX_TENANTS {
            tenants.clear();
        }
        // Stamped with the time before the read: what was changed meanwhile is seen in time.
        let cached = Cached { workflows: Arc::clone(&workflows), read_at: now };
        tenants.insert(reader.tenant().clone(), cached);
        Ok(workflows)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Tenant, Cached>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CommitHook for PluginManager {
    fn triggers<'a>(&'a self, reader: &'a Reader) -> BoxFuture<'a, Result<Arc<dyn Triggers>, Fault>> {
        Box::pin(async move { Ok(self.workflows(reader).await? as Arc<dyn Triggers>) })
    }

    fn configuration_changed(&self, tenant: &Tenant) {
        self.lock().remove(tenant);
    }
}

impl Triggers for Workflows {
    fn set_off(&self, event: &NewEvent) -> Vec<TriggeredRun> {
        let Some(trigger) = trigger_of(event) else { return Vec::new() };
        let matching = self.0.iter().filter(|workflow| workflow.trigger == trigger);
        matching
            .map(|workflow| TriggeredRun {
                workflow_id: workflow.id,
                trigger,
                steps: workflow.steps.clone(),
                start: workflow.start.clone(),
            })
            .collect()
    }
}

/// For ORDER_INITIATED the event is ORDER_CREATED.
fn trigger_of(event: &NewEvent) -> Option<PluginTrigger> {
    match event.kind() {
        EventType::OrderCreated => Some(PluginTrigger::OrderInitiated),
        EventType::OrderUpdated
        | EventType::OrderStatusChanged
        | EventType::OrderCancellationChanged
        | EventType::WorkOrderCreated
        | EventType::WorkOrderUpdated
        | EventType::WorkOrderStatusChanged
        | EventType::PluginRunFinished => None,
    }
}

impl From<plugin_workflow::Model> for Workflow {
    fn from(row: plugin_workflow::Model) -> Self {
        Self { id: row.id, trigger: row.trigger, start: row.start, steps: row.steps }
    }
}
