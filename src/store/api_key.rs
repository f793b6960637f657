//! API keys.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    api_key::{ActiveModel, Column, Entity, Model},
    id::ApiKeyId,
};
use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QueryTrait as _,
    sea_query::Expr,
};

use super::{Database, Tenant, TenantDb, page, rows::Row as _};

/// A key's last use is written no more often.
const USE_WRITTEN_EVERY: TimeDelta = TimeDelta::minutes(1);

/// The key of that hash, whosever it is: it is what tells the tenant, so there is none yet to be bound to. All callers of
/// whom no more is known share the connections of one tenant.
pub async fn by_hash(database: &Database, hash: [u8; 32]) -> Result<Option<Model>, DbErr> {
    let select = Entity::find().filter(Column::Hash.eq(hash.to_vec())).build(database.backend());
    let rows = database.readers().rows((&Tenant::new(""), 0), None, select).await?;
    rows.first().map(Model::decode).transpose()
}

/// Writes that a key was shown, unless that was written a moment ago.
pub async fn note_use(database: &Database, key: &Model, now: DateTime<Utc>) -> Result<(), DbErr> {
    if key.last_used_at.is_some_and(|last| now - last < USE_WRITTEN_EVERY) {
        return Ok(());
    }
    Entity::update_many()
        .col_expr(Column::LastUsedAt, Expr::value(now))
        .filter(Column::TenantId.eq(&key.tenant_id))
        .filter(Column::Id.eq(key.id))
        // Of several processes, one writes it.
        .filter(
            Condition::any()
                .add(Column::LastUsedAt.is_null())
                .add(Column::LastUsedAt.lte(now - USE_WRITTEN_EVERY)),
        )
        .exec(database.writer())
        .await?;
    Ok(())
}

/// All keys of the tenant, oldest first; those that were revoked too.
pub async fn all(db: &TenantDb<'_>) -> Result<Vec<Model>, DbErr> {
    db.rows(db.find::<Entity>().order_by_asc(Column::Id)).await
}

/// How many keys of the tenant were not revoked, counted up to `limit`.
pub async fn count_standing(db: &TenantDb<'_>, limit: u64) -> Result<u64, DbErr> {
    let standing = db.find::<Entity>().filter(Column::RevokedAt.is_null());
    Ok(page::count_up_to(db, standing, limit).await?.0)
}

/// Writes a new key.
pub async fn insert(db: &TenantDb<'_>, key: Model) -> Result<(), DbErr> {
    Entity::insert::<ActiveModel>(key.into_active_model()).exec_without_returning(db.conn()).await?;
    Ok(())
}

/// Revokes a key; says whether there was one of that id that was not revoked yet.
pub async fn revoke(db: &TenantDb<'_>, id: ApiKeyId, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let done = db
        .update::<Entity>()
        .col_expr(Column::RevokedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::RevokedAt.is_null())
        .exec(db.conn())
        .await?;
    Ok(done.rows_affected > 0)
}

/// Removes keys that were revoked, all but the newest `keep` of them.
pub async fn forget_revoked(db: &TenantDb<'_>, keep: usize) -> Result<(), DbErr> {
    let revoked =
        db.find::<Entity>().filter(Column::RevokedAt.is_not_null()).order_by_desc(Column::RevokedAt);
    let old: Vec<_> = db.rows(revoked).await?.into_iter().skip(keep).map(|key| key.id).collect();
    if !old.is_empty() {
        db.delete::<Entity>().filter(Column::Id.is_in(old)).exec(db.conn()).await?;
    }
    Ok(())
}
