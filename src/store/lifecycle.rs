//! Tenants' lifecycles.

use entity::{
    lifecycle::{Column, Entity, Model},
    stored::LifecycleOwner,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, DbErr, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};

use super::{TenantDb, dialect::violates};

/// What became of writing a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is written.
    Done,
    /// Somebody else has written a version of that number.
    Taken,
}

/// The newest version that the tenant wrote, if it wrote one.
pub async fn newest(db: &TenantDb<'_>, owner: LifecycleOwner) -> Result<Option<Model>, DbErr> {
    let select = db.find::<Entity>().filter(Column::Owner.eq(owner)).order_by_desc(Column::Version).limit(1);
    Ok(db.rows(select).await?.pop())
}

/// Those versions, in no particular order.
pub async fn versions(db: &TenantDb<'_>, wanted: &[(LifecycleOwner, i32)]) -> Result<Vec<Model>, DbErr> {
    let any = wanted.iter().fold(Condition::any(), |any, (owner, version)| {
        any.add(Condition::all().add(Column::Owner.eq(*owner)).add(Column::Version.eq(*version)))
    });
    db.rows(db.find::<Entity>().filter(any)).await
}

/// Writes a new version.
pub async fn insert(db: &TenantDb<'_>, row: Model) -> Result<Written, DbErr> {
    match row.into_active_model().insert(db.conn()).await {
        Ok(_) => Ok(Written::Done),
        Err(error)
            if violates(&error, "ux_lifecycle_version", "lifecycle", &["tenant_id", "owner", "version"]) =>
        {
            Ok(Written::Taken)
        }
        Err(error) => Err(error),
    }
}
