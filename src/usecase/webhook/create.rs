//! Saves an endpoint.

use entity::{id::WebhookEndpointId, webhook_endpoint};

use super::{Saved, secret_context};
use crate::{
    access::{Granted, right::ConfigWrite},
    app::App,
    domain::{
        problem::{Code, Found, Path, Problem},
        webhook::NewEndpoint,
    },
    outbound, store,
    usecase::{Error, signing, work::UnitOfWork},
};

/// Endpoints of a tenant.
const MAX_ENDPOINTS: u64 = 50;

/// Saves an endpoint. It is sent what commits from now on.
pub async fn create(app: &App, caller: Granted<'_, ConfigWrite>, new: NewEndpoint) -> Result<Saved, Error> {
    let mut found = Found::new();
    new.check(&Path::root(), &mut found);
    check_url(app, &new.url, &mut found);
    found.or(())?;
    let id = WebhookEndpointId(app.ids.uuid());
    let secret = signing::make(app, &secret_context(id));
    let work = UnitOfWork::begin(app, &caller).await?;
    if store::webhook::count(&work.db(), MAX_ENDPOINTS).await?.0 >= MAX_ENDPOINTS {
        let message = format!("a tenant has at most {MAX_ENDPOINTS} webhook endpoints; delete one first");
        return Err(Problem::new(Code::LimitExceeded, &Path::root(), message).into());
    }
    let endpoint = webhook_endpoint::Model {
        tenant_id: caller.tenant.to_string(),
        id,
        url: new.url,
        description: new.description,
        event_types: new.event_types.map(|types| serde_json::to_string(&types)).transpose()?,
        enabled: true,
        disabled_reason: None,
        secret: secret.sealed,
        previous_secret: None,
        previous_until: None,
        position: store::event::head(&work.db()).await?,
        failing_since: None,
        deleted_at: None,
        created_at: work.now,
        created_by: caller.subject.to_string(),
        updated_at: work.now,
        updated_by: caller.subject.to_string(),
    };
    store::webhook::insert(&work.db(), endpoint.clone()).await?;
    work.commit().await?;
    Ok(Saved { endpoint, secret: Some(secret.text) })
}

/// Pushes what is wrong with a URL.
pub(super) fn check_url(app: &App, url: &str, found: &mut Found) {
    if let Err(message) = outbound::check_url(url, app.outbound.rules()) {
        found.push(Problem::invalid(&Path::root().field("url"), message));
    }
}
