//! Changes an endpoint.

use entity::id::WebhookEndpointId;

use super::{Saved, create::check_url, not_found, secret_context};
use crate::{
    access::{Granted, right::ConfigWrite},
    app::App,
    domain::{
        order::Patch,
        problem::{Found, Path},
        webhook::EndpointPatch,
    },
    store,
    usecase::{Error, signing, work::UnitOfWork},
};

/// Changes an endpoint. Enabled again, it goes on where it stood: what happened meanwhile is sent, as far as the log is
/// kept.
pub async fn update(
    app: &App,
    caller: Granted<'_, ConfigWrite>,
    id: WebhookEndpointId,
    patch: EndpointPatch,
) -> Result<Saved, Error> {
    let mut found = Found::new();
    patch.check(&Path::root(), &mut found);
    if let Some(url) = &patch.url {
        check_url(app, url, &mut found);
    }
    found.or(())?;
    let work = UnitOfWork::begin(app, &caller).await?;
    let endpoint = store::webhook::lock(&work.db(), id).await?;
    let mut endpoint = endpoint.ok_or_else(|| not_found("id"))?;
    let EndpointPatch { url, description, event_types, enabled, rotate_secret } = patch;
    if let Some(url) = url {
        endpoint.url = url;
    }
    endpoint.description = description.apply(endpoint.description);
    endpoint.event_types = match event_types {
        Patch::Keep => endpoint.event_types,
        Patch::Clear => None,
        Patch::Set(types) => Some(serde_json::to_string(&types)?),
    };
    if let Some(enabled) = enabled {
        if enabled && !endpoint.enabled {
            // It is given the whole time to succeed once more.
            endpoint.failing_since = None;
            endpoint.disabled_reason = None;
        }
        endpoint.enabled = enabled;
    }
    let mut shown = None;
    if rotate_secret {
        let new = signing::make(app, &secret_context(id));
        endpoint.previous_secret = Some(std::mem::replace(&mut endpoint.secret, new.sealed));
        endpoint.previous_until = Some(signing::previous_until(work.now));
        shown = Some(new.text);
    }
    endpoint.updated_at = work.now;
    endpoint.updated_by = caller.subject.to_string();
    store::webhook::save(&work.db(), &endpoint).await?;
    work.commit().await?;
    Ok(Saved { endpoint, secret: shown })
}
