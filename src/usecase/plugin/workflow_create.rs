//! Saves a workflow.

use entity::{
    id::{PluginId, PluginWorkflowId},
    plugin_workflow,
    stored::PluginTrigger,
};

use super::{StoredStep, offered::check_offered};
use crate::{
    access::Caller,
    app::App,
    domain::{
        plugin::NewWorkflow,
        problem::{Found, Path, Problem},
    },
    store,
    usecase::{Error, work::UnitOfWork},
};

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

/// Saves a workflow. Orders that come in from now on are held until its runs end.
pub async fn workflow_create(
    app: &App,
    caller: &Caller,
    workflow: Workflow,
) -> Result<plugin_workflow::Model, Error> {
    let Workflow { new, trigger, plugins } = workflow;
    let root = Path::root();
    let mut found = Found::new();
    new.check(&root, &mut found);
    check_offered(trigger, &new, &root, &mut found);
    let work = UnitOfWork::begin(app, caller).await?;
    let known = store::plugin::by_ids(&work.db(), &plugins).await?;
    for (index, id) in plugins.iter().enumerate() {
        if !known.iter().any(|plugin| plugin.id == *id) {
            let path = root.field("steps").index(index).field("pluginId");
            found.push(Problem::not_found(&path, format!("there is no plugin {id}")));
        }
    }
    found.or(())?;
    let steps: Vec<_> = new
        .steps
        .into_iter()
        .zip(&plugins)
        .map(|(step, plugin)| StoredStep {
            name: step.name,
            plugin_id: plugin.to_string(),
            on_pass: step.on_pass,
            on_reject: step.on_reject,
            failure_policy: step.failure_policy,
        })
        .collect();
    let row = plugin_workflow::Model {
        tenant_id: caller.tenant.to_string(),
        id: PluginWorkflowId(app.ids.uuid()),
        name: new.name,
        trigger,
        condition: None,
        start: new.start,
        steps: serde_json::to_string(&steps)?,
        enabled: new.enabled,
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
