//! Defines an attribute.

use entity::{
    attribute_definition::Model,
    id::AttributeDefinitionId,
    stored::{AttributeOwner, IndexState},
};

use super::{check_limits, check_patterns, index};
use crate::{
    access::{Granted, right::ConfigWrite},
    app::App,
    domain::{
        attribute::NewDefinition,
        problem::{Code, Found, Path, Problem},
        value::echo,
    },
    store::{
        self,
        attribute::{MAX_ROWS, Written, set_rule},
    },
    usecase::{Error, work::UnitOfWork},
};

/// Defines an attribute. Where it is indexed and the tenant has orders already, their entries are written at once if
/// they are few, and in the background if they are many.
pub async fn create(
    app: &App,
    caller: Granted<'_, ConfigWrite>,
    owner: AttributeOwner,
    new: NewDefinition,
) -> Result<Model, Error> {
    let rule = app.compute.run(&caller.tenant, move || new.into_definition()).await??;
    let work = UnitOfWork::begin(app, &caller).await?;
    let db = work.db();
    let standing = store::attribute::lock_all(&db).await?;
    let mut row = Model {
        tenant_id: db.tenant_id(),
        id: AttributeDefinitionId(app.ids.uuid()),
        owner,
        key: String::new(),
        description: None,
        kind: rule.kind.into(),
        required: false,
        default_value: None,
        range_min: None,
        range_max: None,
        regex: None,
        one_of: None,
        indexed: false,
        index_state: IndexState::None,
        index_due: None,
        index_cursor: None,
        index_done: 0,
        index_total: 0,
        archived_at: None,
        version: 1,
        created_at: work.now,
        created_by: caller.subject.to_string(),
        updated_at: work.now,
        updated_by: caller.subject.to_string(),
    };
    set_rule(&mut row, &rule);
    let mut found = Found::new();
    check_limits(standing.iter(), &row, &mut found);
    check_patterns(standing.iter(), rule.pattern.as_ref(), &mut found);
    if u64::try_from(standing.len()).is_ok_and(|count| count >= MAX_ROWS) {
        let message = format!("a tenant may make up to {MAX_ROWS} definitions, archived ones included");
        found.push(Problem::new(Code::LimitExceeded, &Path::root().field("key"), message));
    }
    found.or(())?;
    if row.indexed {
        index::begin(&work, &mut row).await?;
    }
    if store::attribute::insert(&db, row.clone()).await? == Written::KeyTaken {
        let message = format!(
            "the key {} is defined already for this owner; update that definition, or archive it first",
            echo(&row.key)
        );
        return Err(Problem::new(Code::AlreadyExists, &Path::root().field("key"), message).into());
    }
    work.commit().await?;
    app.definitions.forget(&caller.tenant);
    Ok(row)
}
