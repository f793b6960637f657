//! Answers kept under idempotency keys.

use entity::idempotency_key::{ActiveModel, Column, Entity, Model};
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, EntityTrait, IntoActiveModel, QueryFilter, TryInsertResult,
    sea_query::OnConflict,
};

use super::{TenantDb, dialect::one_of_texts, insert};

/// Keeps answers under keys that are free, and gives the keys that it could keep. Where another transaction is about
/// to keep one of them, this waits for its end. `answers` must be sorted by key, so that two transactions cannot wait
/// for each other.
pub async fn keep(db: &TenantDb<'_>, answers: &[Model]) -> Result<Vec<String>, DbErr> {
    let mut kept = Vec::with_capacity(answers.len());
    for chunk in answers.chunks(insert::ROWS_PER_STATEMENT) {
        if db.backend() == DbBackend::Postgres {
            let rest = " ON CONFLICT (tenant_id, key) DO NOTHING RETURNING key";
            for row in db.conn().query_all_raw(insert::from_json(chunk, rest)?).await? {
                kept.push(row.try_get_by_index(0)?);
            }
            continue;
        }
        let rows = chunk.iter().cloned().map(IntoActiveModel::into_active_model);
        let inserted = Entity::insert_many::<ActiveModel, _>(rows)
            .on_conflict(OnConflict::columns([Column::TenantId, Column::Key]).do_nothing().to_owned())
            .try_insert()
            .exec_with_returning_keys(db.conn())
            .await?;
        if let TryInsertResult::Inserted(keys) = inserted {
            kept.extend(keys.into_iter().map(|(_, key)| key));
        }
    }
    Ok(kept)
}

/// What is kept under those keys.
pub async fn by_keys(db: &TenantDb<'_>, keys: &[String]) -> Result<Vec<Model>, DbErr> {
    db.rows(db.find::<Entity>().filter(one_of_texts(db, Column::Key, keys))).await
}
