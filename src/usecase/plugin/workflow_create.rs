//! Saves a workflow.

use entity::{
    id::{PluginId, PluginWorkflowId},
    plugin_workflow,
    stored::PluginTrigger,
};

use super::workflow_save::{check_plugins, stored_steps};
use crate::{
    access::{Granted, right::ConfigWrite},
    app::App,
    domain::{
        plugin::NewWorkflow,
        problem::{Code, Found, Path, Problem},
    },
    store,
    usecase::{Error, work::UnitOfWork},
};

/// Workflows of a tenant; each event is held against all of them.
pub const MAX_WORKFLOWS: u64 = 200;

/// A workflow to be saved, and the plugins that its steps ask, in the order of the steps.
#[derive(Clone, Debug)]
pub struct Workflow {
    /// The workflow.
    pub new: NewWorkflow,
    /// What sets it off.
    pub trigger: PluginTrigger,
    /// The plugin of each step.
    pub plugins: Vec<PluginId>,
}

/// Saves a workflow; what happens from now on sets it off.
pub async fn workflow_create(
    app: &App,
    caller: Granted<'_, ConfigWrite>,
    workflow: Workflow,
) -> Result<plugin_workflow::Model, Error> {
    let Workflow { new, trigger, plugins } = workflow;
    let root = Path::root();
    let mut found = Found::new();
    new.check(&root, &mut found);
    let work = UnitOfWork::begin(app, &caller).await?;
    check_plugins(&work, &plugins, &mut found).await?;
    found.or(())?;
    if store::plugin::workflow_count(&work.db(), None, MAX_WORKFLOWS).await?.0 >= MAX_WORKFLOWS {
        let message = format!("a tenant has at most {MAX_WORKFLOWS} workflows; delete one first");
        return Err(Problem::new(Code::LimitExceeded, &root, message).into());
    }
    let row = plugin_workflow::Model {
        tenant_id: caller.tenant.to_string(),
        id: PluginWorkflowId(app.ids.uuid()),
        name: new.name,
        trigger,
        condition: new.condition,
        start: new.start,
        steps: stored_steps(new.steps, &plugins)?,
        enabled: new.enabled,
        last_error: None,
        deleted_at: None,
        version: 1,
        created_at: work.now,
        created_by: caller.subject.to_string(),
        updated_at: work.now,
        updated_by: caller.subject.to_string(),
    };
    store::plugin::insert_workflow(&work.db(), row.clone()).await?;
    work.commit().await?;
    app.hook.configuration_changed(&caller.tenant);
    Ok(row)
}
