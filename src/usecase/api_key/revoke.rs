//! Revokes a key.

use entity::id::ApiKeyId;

use crate::{
    access::{Granted, right::Admin},
    app::App,
    domain::problem::{Path, Problem},
    store,
    usecase::{Error, work::UnitOfWork},
};

/// Revokes a key: requests with it are refused at once by this process, and by others within seconds; so end the streams
/// that were opened with it.
pub async fn revoke(app: &App, caller: Granted<'_, Admin>, id: ApiKeyId) -> Result<ApiKeyId, Error> {
    let work = UnitOfWork::begin(app, &caller).await?;
    if !store::api_key::revoke(&work.db(), id, work.now).await? {
        let message = "the tenant has no API key of that id, or it was revoked already";
        return Err(Problem::not_found(&Path::root().field("id"), message).into());
    }
    work.commit().await?;
    app.access.forget();
    Ok(id)
}
