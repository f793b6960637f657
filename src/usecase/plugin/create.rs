//! Saves a plugin.

use entity::{id::PluginId, plugin, stored::PluginKind};

use super::{
    SavedPlugin, plugin_secret_context,
    save::{check_url, name_taken, stored_http},
};
use crate::{
    access::{Granted, right::ConfigWrite},
    app::App,
    domain::{
        plugin::{NewKind, NewPlugin},
        problem::{Code, Found, Path, Problem},
    },
    store::{self, plugin::Written},
    usecase::{Error, signing, work::UnitOfWork},
};

/// Plugins of a tenant.
const MAX_PLUGINS: u64 = 500;

/// Saves a plugin. Header values and the signing secret are sealed before they are written.
pub async fn create(
    app: &App,
    caller: Granted<'_, ConfigWrite>,
    new: NewPlugin,
) -> Result<SavedPlugin, Error> {
    let mut found = Found::new();
    new.check(&Path::root(), &mut found);
    if let NewKind::Http(http) = &new.kind {
        check_url(app, http, &mut found);
    }
    found.or(())?;
    let id = PluginId(app.ids.uuid());
    let secret = signing::make(app, &plugin_secret_context(id));
    let (kind, http, expression) = match new.kind {
        NewKind::Http(http) => {
            let http = serde_json::to_string(&stored_http(app, id, http, Vec::new()))?;
            (PluginKind::Http, Some(http), None)
        }
        NewKind::Expression(text) => (PluginKind::Expression, None, Some(text)),
    };
    let work = UnitOfWork::begin(app, &caller).await?;
    if store::plugin::count(&work.db(), MAX_PLUGINS).await?.0 >= MAX_PLUGINS {
        let message = format!("a tenant has at most {MAX_PLUGINS} plugins; delete one first");
        return Err(Problem::new(Code::LimitExceeded, &Path::root(), message).into());
    }
    let plugin = plugin::Model {
        tenant_id: caller.tenant.to_string(),
        id,
        name: new.name,
        description: new.description,
        kind,
        http,
        expression,
        secret: secret.sealed,
        previous_secret: None,
        previous_until: None,
        enabled: new.enabled,
        deleted_at: None,
        version: 1,
        created_at: work.now,
        created_by: caller.subject.to_string(),
        updated_at: work.now,
        updated_by: caller.subject.to_string(),
    };
    if store::plugin::insert(&work.db(), plugin.clone()).await? == Written::NameTaken {
        return Err(name_taken());
    }
    work.commit().await?;
    // An expression is not called, and needs no secret to be known.
    let shown = (kind == PluginKind::Http).then_some(secret.text);
    Ok(SavedPlugin { plugin, secret: shown })
}
