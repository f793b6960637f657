//! Deletes an endpoint.

use entity::id::WebhookEndpointId;

use super::not_found;
use crate::{
    access::{Granted, right::ConfigWrite},
    app::App,
    store,
    usecase::{Error, work::UnitOfWork},
};

/// Deletes an endpoint: nothing more is sent to it. Its deliveries, which may be many, are removed in the background.
pub async fn delete(
    app: &App,
    caller: Granted<'_, ConfigWrite>,
    id: WebhookEndpointId,
) -> Result<WebhookEndpointId, Error> {
    let work = UnitOfWork::begin(app, &caller).await?;
    let endpoint = store::webhook::lock(&work.db(), id).await?;
    let mut endpoint = endpoint.ok_or_else(|| not_found("id"))?;
    endpoint.enabled = false;
    endpoint.deleted_at = Some(work.now);
    endpoint.updated_by = caller.subject.to_string();
    store::webhook::save(&work.db(), &endpoint).await?;
    work.commit().await?;
    Ok(id)
}
