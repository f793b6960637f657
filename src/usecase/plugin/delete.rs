//! Deletes a plugin.

use entity::id::PluginId;

use super::{StoredHttp, not_found};
use crate::{
    access::{Granted, right::ConfigWrite},
    app::App,
    domain::problem::{Code, Path, Problem},
    store::{self, plugin::Written},
    usecase::{Error, work::UnitOfWork},
};

/// Deletes a plugin that no workflow names; its secrets are gone at once. What it did still shows it. A run that took it
/// along before its workflow changed fails at its step.
pub async fn delete(app: &App, caller: Granted<'_, ConfigWrite>, id: PluginId) -> Result<PluginId, Error> {
    let work = UnitOfWork::begin(app, &caller).await?;
    let db = work.db();
    let mut plugin = store::plugin::lock(&db, &[id]).await?.pop().ok_or_else(|| not_found(id))?;
    if let Some(workflow) = store::plugin::workflow_that_names(&db, id).await? {
        let message = format!(
            "the workflow {} ({}) asks this plugin; change or delete that first",
            workflow.name, workflow.id
        );
        return Err(Problem::new(Code::InUse, &Path::root().field("id"), message).into());
    }
    if let Some(http) = &plugin.http {
        let mut http: StoredHttp = serde_json::from_str(http)?;
        http.headers.clear();
        plugin.http = Some(serde_json::to_string(&http)?);
    }
    plugin.secret.clear();
    plugin.previous_secret = None;
    plugin.previous_until = None;
    plugin.enabled = false;
    plugin.deleted_at = Some(work.now);
    plugin.version += 1;
    plugin.updated_at = work.now;
    plugin.updated_by = caller.subject.to_string();
    // A name that is free cannot be taken.
    let (Written::Done | Written::NameTaken) = store::plugin::save(&db, &plugin).await?;
    work.commit().await?;
    Ok(id)
}
