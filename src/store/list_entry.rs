//! By what orders and work orders are found in lists, beside their own columns.

use entity::list_entry::{Column, Entity, Model};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, IntoActiveModel, QueryFilter, Statement,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use uuid::Uuid;

use super::TenantDb;

/// Four values each; see `store::order`.
const ROWS_PER_INSERT: usize = 2_000;

/// Writes entries; one that is there already takes the new value.
pub async fn put(db: &TenantDb<'_>, entries: &[Model]) -> Result<(), DbErr> {
    for chunk in entries.chunks(ROWS_PER_INSERT) {
        match db.backend() {
            DbBackend::Postgres => put_arrays(db, chunk).await?,
            _ => put_rows(db, chunk).await?,
        }
    }
    Ok(())
}

/// PostgreSQL takes any number of entries with one text, and so plans it once.
async fn put_arrays(db: &TenantDb<'_>, entries: &[Model]) -> Result<(), DbErr> {
    let entities: Vec<Uuid> = entries.iter().map(|entry| entry.entity_id).collect();
    let fields: Vec<Uuid> = entries.iter().map(|entry| entry.field).collect();
    let values: Vec<Vec<u8>> = entries.iter().map(|entry| entry.value.clone()).collect();
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "INSERT INTO list_entry (tenant_id, entity_id, field, value) \
         SELECT $1, entity_id, field, value \
         FROM unnest($2::uuid[], $3::uuid[], $4::bytea[]) AS new (entity_id, field, value) \
         ON CONFLICT (tenant_id, entity_id, field) DO UPDATE SET value = excluded.value \
         WHERE list_entry.value <> excluded.value",
        [db.tenant_id().into(), entities.into(), fields.into(), values.into()],
    );
    db.conn().execute_raw(statement).await?;
    Ok(())
}

async fn put_rows(db: &TenantDb<'_>, entries: &[Model]) -> Result<(), DbErr> {
    let newest = OnConflict::columns([Column::TenantId, Column::EntityId, Column::Field])
        .update_column(Column::Value)
        .to_owned();
    let rows = entries.iter().cloned().map(IntoActiveModel::into_active_model);
    Entity::insert_many::<entity::list_entry::ActiveModel, _>(rows)
        .on_conflict(newest)
        .exec_without_returning(db.conn())
        .await?;
    Ok(())
}

/// Removes up to `limit` entries of a field, and gives how many that were.
pub async fn remove(db: &TenantDb<'_>, field: Uuid, limit: u64) -> Result<u64, DbErr> {
    use sea_orm::{QuerySelect, QueryTrait};
    let some = db
        .find::<Entity>()
        .filter(Column::Field.eq(field))
        .select_only()
        .column(Column::EntityId)
        .limit(limit)
        .into_query();
    let done = Entity::delete_many()
        .filter(Column::TenantId.eq(db.tenant_id()))
        .filter(Column::Field.eq(field))
        .filter(Expr::col(Column::EntityId).in_subquery(some))
        .exec(db.conn())
        .await?;
    Ok(done.rows_affected)
}
