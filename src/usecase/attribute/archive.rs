//! Archives the definition of an attribute.

use entity::{attribute_definition::Model, id::AttributeDefinitionId};

use super::{index, update::find};
use crate::{
    access::{Granted, right::ConfigWrite},
    app::App,
    store,
    usecase::{Error, work::UnitOfWork},
};

/// Archives a definition: the values that there are stay readable, new ones are refused, and the key may be defined
/// again. To archive one that is archived changes nothing.
pub async fn archive(
    app: &App,
    caller: Granted<'_, ConfigWrite>,
    id: AttributeDefinitionId,
) -> Result<Model, Error> {
    let work = UnitOfWork::begin(app, &caller).await?;
    let db = work.db();
    let mut row = find(&store::attribute::lock_all(&db).await?, id)?;
    if row.archived_at.is_some() {
        return Ok(row);
    }
    if row.indexed {
        index::end(&work, &mut row);
    }
    row.archived_at = Some(work.now);
    row.version += 1;
    row.updated_at = work.now;
    row.updated_by = caller.subject.to_string();
    store::attribute::save(&db, &row).await?;
    work.commit().await?;
    app.definitions.forget(&caller.tenant);
    Ok(row)
}
