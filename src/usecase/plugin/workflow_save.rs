//! What saving a new workflow and changing a standing one have in common.

use entity::id::PluginId;

use super::StoredStep;
use crate::{
    domain::{
        plugin::NewStep,
        problem::{Found, Path, Problem},
    },
    fault::Fault,
    store,
    usecase::work::UnitOfWork,
};

/// Pushes a problem for each step whose plugin is not there. Those that are there stay until the transaction ends.
pub(super) async fn check_plugins(
    work: &UnitOfWork<'_>,
    plugins: &[PluginId],
    found: &mut Found,
) -> Result<(), Fault> {
    let known = store::plugin::lock(&work.db(), plugins).await?;
    let at = Path::root().field("steps");
    for (index, id) in plugins.iter().enumerate() {
        if !known.iter().any(|plugin| plugin.id == *id) {
            let path = at.index(index).field("pluginId");
            found.push(Problem::not_found(&path, format!("there is no plugin {id}")));
        }
    }
    Ok(())
}

/// The steps as they are kept: a JSON array.
pub(super) fn stored_steps(steps: Vec<NewStep>, plugins: &[PluginId]) -> Result<String, Fault> {
    let stored = steps.into_iter().zip(plugins).map(|(step, plugin)| StoredStep {
        name: step.name,
        plugin_id: plugin.to_string(),
        on_pass: step.on_pass,
        on_reject: step.on_reject,
        failure_policy: step.failure_policy,
    });
    Ok(serde_json::to_string(&stored.collect::<Vec<_>>())?)
}
