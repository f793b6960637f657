//! Changes a workflow.

use entity::{
    id::{PluginId, PluginWorkflowId},
    plugin_workflow,
};

use super::{
    StoredStep, workflow_not_found,
    workflow_save::{check_plugins, stored_steps},
};
use crate::{
    access::{Granted, right::ConfigWrite},
    app::App,
    domain::{
        order::Patch,
        plugin::{NewStep, NewWorkflow},
        problem::{Found, Path, Problem},
    },
    store,
    usecase::{Error, work::UnitOfWork},
};

/// What a caller wants to change of a workflow. What is absent stays as it is.
#[derive(Clone, Debug)]
pub struct WorkflowUpdate {
    /// The workflow.
    pub id: PluginWorkflowId,
    /// Nothing happens unless it is at this version.
    pub expected_version: Option<i32>,
    /// Its name.
    pub name: Option<String>,
    /// On what condition it sets off a run.
    pub condition: Patch<String>,
    /// Name of its first step.
    pub start: Option<String>,
    /// All of its steps, and the plugin of each.
    pub steps: Option<(Vec<NewStep>, Vec<PluginId>)>,
    /// Whether events set it off.
    pub enabled: Option<bool>,
}

/// Changes a workflow; what happens from now on sets it off as it is then. Runs that there are keep the steps that they
/// were stored with. An update that changes nothing adds no version.
pub async fn workflow_update(
    app: &App,
    caller: Granted<'_, ConfigWrite>,
    update: WorkflowUpdate,
) -> Result<plugin_workflow::Model, Error> {
    let WorkflowUpdate { id, expected_version, name, condition, start, steps, enabled } = update;
    let root = Path::root();
    let work = UnitOfWork::begin(app, &caller).await?;
    let before = store::plugin::lock_workflow(&work.db(), id).await?.ok_or_else(|| workflow_not_found(id))?;
    if let Some(expected) = expected_version.filter(|expected| *expected != before.version) {
        return Err(
            Problem::version_conflict(&root.field("expectedVersion"), expected, before.version).into()
        );
    }
    let (new_steps, plugins) = match steps {
        Some((steps, plugins)) => (steps, Some(plugins)),
        None => (standing_steps(&before)?, None),
    };
    let new = NewWorkflow {
        name: name.unwrap_or_else(|| before.name.clone()),
        condition: condition.apply(before.condition.clone()),
        start: start.unwrap_or_else(|| before.start.clone()),
        steps: new_steps,
        enabled: enabled.unwrap_or(before.enabled),
    };
    let mut found = Found::new();
    new.check(&root, &mut found);
    check_plugins(&work, plugins.as_deref().unwrap_or_default(), &mut found).await?;
    found.or(())?;
    let mut after = before.clone();
    after.name = new.name;
    after.condition = new.condition;
    after.start = new.start;
    after.enabled = new.enabled;
    if let Some(plugins) = plugins {
        after.steps = stored_steps(new.steps, &plugins)?;
    }
    // What went wrong was said of the workflow as it was.
    after.last_error = None;
    if after == before {
        return Ok(before);
    }
    after.version += 1;
    after.updated_at = work.now;
    after.updated_by = caller.subject.to_string();
    store::plugin::save_workflow(&work.db(), &after).await?;
    work.commit().await?;
    app.hook.configuration_changed(&caller.tenant);
    Ok(after)
}

fn standing_steps(workflow: &plugin_workflow::Model) -> Result<Vec<NewStep>, Error> {
    let steps: Vec<StoredStep> = serde_json::from_str(&workflow.steps)?;
    let step = |step: StoredStep| NewStep {
        name: step.name,
        on_pass: step.on_pass,
        on_reject: step.on_reject,
        failure_policy: step.failure_policy,
    };
    Ok(steps.into_iter().map(step).collect())
}
