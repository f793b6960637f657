//! Changes a plugin.

use entity::{id::PluginId, plugin, stored::PluginKind};
use url::Url;

use super::{
    SavedPlugin, StoredHttp, not_found, plugin_secret_context,
    save::{check_url, name_taken, stored_http},
};
use crate::{
    access::{Granted, right::ConfigWrite},
    app::App,
    domain::{
        plugin::{NewHttp, PluginPatch},
        problem::{Found, Path, Problem},
    },
    store::{self, plugin::Written},
    usecase::{Error, signing, work::UnitOfWork},
};

/// What a caller wants to change.
#[derive(Clone, Debug)]
pub struct Update {
    /// The plugin.
    pub id: PluginId,
    /// Nothing happens unless it is at this version.
    pub expected_version: Option<i32>,
    /// The changes.
    pub patch: PluginPatch,
}

/// Changes a plugin; calls from now on are made as it says. An update that changes nothing adds no version.
pub async fn update(
    app: &App,
    caller: Granted<'_, ConfigWrite>,
    command: Update,
) -> Result<SavedPlugin, Error> {
    let Update { id, expected_version, patch } = command;
    let mut found = Found::new();
    patch.check(&Path::root(), &mut found);
    if let Some(http) = &patch.http {
        check_url(app, http, &mut found);
    }
    found.or(())?;
    let work = UnitOfWork::begin(app, &caller).await?;
    let before = store::plugin::lock(&work.db(), &[id]).await?.pop().ok_or_else(|| not_found(id))?;
    if let Some(expected) = expected_version.filter(|expected| *expected != before.version) {
        let path = Path::root().field("expectedVersion");
        return Err(Problem::version_conflict(&path, expected, before.version).into());
    }
    let mut after = before.clone();
    let PluginPatch { name, description, http, expression, enabled, rotate_secret } = patch;
    if let Some(name) = name {
        after.name = name;
    }
    after.description = description.apply(after.description);
    if let Some(http) = http {
        after.http = Some(changed_http(app, &before, http)?);
    }
    if let Some(text) = expression {
        if after.kind != PluginKind::Expression {
            let message = "the plugin is an endpoint and has no expression; create another plugin";
            return Err(Problem::invalid(&Path::root().field("expression"), message).into());
        }
        after.expression = Some(text);
    }
    if rotate_secret && after.kind != PluginKind::Http {
        let message = "the plugin is an expression: it is not called, and has no secret to rotate";
        return Err(Problem::invalid(&Path::root().field("rotateSecret"), message).into());
    }
    after.enabled = enabled.unwrap_or(after.enabled);
    let mut shown = None;
    if rotate_secret {
        let new = signing::make(app, &plugin_secret_context(id));
        after.previous_secret = Some(std::mem::replace(&mut after.secret, new.sealed));
        after.previous_until = Some(signing::previous_until(work.now));
        shown = Some(new.text);
    }
    if after == before {
        return Ok(SavedPlugin { plugin: before, secret: None });
    }
    after.version += 1;
    after.updated_at = work.now;
    after.updated_by = caller.subject.to_string();
    if store::plugin::save(&work.db(), &after).await? == Written::NameTaken {
        return Err(name_taken());
    }
    work.commit().await?;
    Ok(SavedPlugin { plugin: after, secret: shown })
}

/// The endpoint after the change. Headers that were not given stay, but do not move to another server: their values are
/// credentials, and whoever may change the URL was perhaps never told them.
fn changed_http(app: &App, plugin: &plugin::Model, new: NewHttp) -> Result<String, Error> {
    let at = Path::root().field("http");
    let Some(standing) = &plugin.http else {
        let message = "the plugin is an expression and has no endpoint; create another plugin";
        return Err(Problem::invalid(&at, message).into());
    };
    let standing: StoredHttp = serde_json::from_str(standing)?;
    if new.headers.is_none() && !standing.headers.is_empty() && origin(&standing.url) != origin(&new.url) {
        let message = "the plugin moves to another server: give its headers again, for their values are not sent there \
                       unasked; an empty list sends none";
        return Err(Problem::required(&at.field("headers"), message).into());
    }
    Ok(serde_json::to_string(&stored_http(app, plugin.id, new, standing.headers))?)
}

fn origin(url: &str) -> Option<url::Origin> {
    Url::parse(url).ok().map(|url| url.origin())
}
