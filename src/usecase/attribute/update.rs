//! Changes the definition of an attribute.

use entity::{attribute_definition::Model, id::AttributeDefinitionId};

use super::{check_limits, check_patterns, index};
use crate::{
    access::{Granted, right::ConfigWrite},
    app::App,
    domain::{
        attribute::{DefinitionPatch, Pattern},
        problem::{Code, Found, Path, Problem},
    },
    store::{
        self,
        attribute::{rule, set_rule},
    },
    usecase::{Error, work::UnitOfWork},
};

/// What a caller wants to change.
#[derive(Clone, Debug)]
pub struct Update {
    /// The definition.
    pub id: AttributeDefinitionId,
    /// Nothing happens unless it is at this version.
    pub expected_version: Option<i32>,
    /// The changes.
    pub patch: DefinitionPatch,
}

/// Changes a definition. What makes it required or narrower binds new writes only. An update that changes nothing adds
/// no version.
pub async fn update(app: &App, caller: Granted<'_, ConfigWrite>, command: Update) -> Result<Model, Error> {
    let Update { id, expected_version, patch } = command;
    if let Some(pattern) = patch.regex.value().cloned().map(Pattern::new) {
        // Known from now on, so that it is not compiled while the transaction is open.
        app.compute.run(&caller.tenant, move || pattern.bytes()).await?;
    }
    let work = UnitOfWork::begin(app, &caller).await?;
    let db = work.db();
    let standing = store::attribute::lock_all(&db).await?;
    let mut row = find(&standing, id)?;
    if let Some(expected) = expected_version.filter(|expected| *expected != row.version) {
        let path = Path::root().field("expectedVersion");
        return Err(Problem::version_conflict(&path, expected, row.version).into());
    }
    if row.archived_at.is_some() {
        let message = format!("the definition of {} is archived; define the key again instead", row.key);
        return Err(Problem::new(Code::Blocked, &Path::root().field("id"), message).into());
    }
    let present = rule(&row)?;
    let changed = patch.apply(&present)?;
    if changed == present {
        return Ok(row);
    }
    let was_indexed = row.indexed;
    set_rule(&mut row, &changed);
    let mut found = Found::new();
    let others = standing.iter().filter(|other| other.id != id);
    check_limits(others.clone(), &row, &mut found);
    if changed.pattern != present.pattern {
        check_patterns(others, changed.pattern.as_ref(), &mut found);
    }
    found.or(())?;
    match (was_indexed, row.indexed) {
        (false, true) => index::begin(&work, &mut row).await?,
        (true, false) => index::end(&work, &mut row),
        _ => {}
    }
    row.version += 1;
    row.updated_at = work.now;
    row.updated_by = caller.subject.to_string();
    store::attribute::save(&db, &row).await?;
    work.commit().await?;
    app.definitions.forget(&caller.tenant);
    Ok(row)
}

/// The definition of that id.
pub(super) fn find(standing: &[Model], id: AttributeDefinitionId) -> Result<Model, Problem> {
    standing.iter().find(|row| row.id == id).cloned().ok_or_else(|| {
        Problem::not_found(&Path::root().field("id"), format!("there is no attribute definition {id}"))
    })
}
