//! What workers ask of the stores on behalf of all tenants: which runs
//! and indexes are due, and which answers are too old to keep.
//! Nothing of what is found here reaches a caller.

use chrono::{DateTime, Utc};
use entity::{
    attribute_definition,
    id::{AttributeDefinitionId, PluginRunId},
    idempotency_key, plugin_run,
};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, Statement};
use uuid::Uuid;

use super::{Database, Tenant};

/// A run that this process took up, and until when it holds it.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// Whose run it is.
    pub tenant: Tenant,
    /// The run.
    pub run_id: PluginRunId,
}

/// Takes up at most `limit` runs that are due, those first that have waited longest, and holds them until
/// `held_until` under the name `lease`. No run is given to two processes: PostgreSQL skips rows that another claim
/// has locked, SQLite has one writer.
pub async fn claim_runs(
    database: &Database,
    now: DateTime<Utc>,
    held_until: DateTime<Utc>,
    lease: Uuid,
    limit: u64,
) -> Result<Vec<Claimed>, DbErr> {
    let backend = database.backend();
    let skip_locked = if backend == DbBackend::Postgres { "FOR UPDATE SKIP LOCKED" } else { "" };
    let statement = Statement::from_sql_and_values(
        backend,
        // The rows are chosen once, in the first part: as a plain subquery PostgreSQL may run it again and again, and
        // lock more than `limit`.
        format!(
            "WITH due AS (SELECT tenant_id, id FROM plugin_run WHERE due_at <= $3 ORDER BY due_at LIMIT {limit} \
             {skip_locked}) \
             UPDATE plugin_run SET lease = $1, due_at = $2, status = 'RUNNING', attempts = attempts + 1, \
             started_at = COALESCE(started_at, $3) \
             WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM due) RETURNING tenant_id, id"
        ),
        [lease.into(), held_until.into(), now.into()],
    );
    let rows = database.writer().query_all_raw(statement).await?;
    rows.iter()
        .map(|row| {
            let tenant: String = row.try_get_by_index(0)?;
            Ok(Claimed { tenant: Tenant::new(&tenant), run_id: row.try_get_by_index(1)? })
        })
        .collect()
}

/// When the next run is due, if one is open.
pub async fn next_due(database: &Database) -> Result<Option<DateTime<Utc>>, DbErr> {
    use sea_orm::{QueryOrder, QuerySelect};
    plugin_run::Entity::find()
        .select_only()
        .column(plugin_run::Column::DueAt)
        .filter(plugin_run::Column::DueAt.is_not_null())
        .order_by_asc(plugin_run::Column::DueAt)
        .limit(1)
        .into_tuple()
        .one(database.reader())
        .await
}

/// Definitions whose indexes have work that is due.
pub async fn due_indexes(
    database: &Database,
    now: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<(Tenant, AttributeDefinitionId)>, DbErr> {
    use sea_orm::{QueryOrder, QuerySelect, QueryTrait};
    let select = attribute_definition::Entity::find()
        .select_only()
        .columns([attribute_definition::Column::TenantId, attribute_definition::Column::Id])
        .filter(attribute_definition::Column::IndexDue.lte(now))
        .order_by_asc(attribute_definition::Column::IndexDue)
        .limit(limit);
    let reader = database.reader();
    let rows = reader.query_all_raw(select.build(database.backend())).await?;
    rows.iter()
        .map(|row| {
            let tenant: String = row.try_get_by_index(0)?;
            Ok((Tenant::new(&tenant), row.try_get_by_index(1)?))
        })
        .collect()
}

/// Forgets answers that were kept before `time`.
pub async fn forget_answers(database: &Database, time: DateTime<Utc>) -> Result<u64, DbErr> {
    let done = idempotency_key::Entity::delete_many()
        .filter(idempotency_key::Column::CreatedAt.lt(time))
        .exec(database.writer())
        .await?;
    Ok(done.rows_affected)
}

/// Sends a notification to every process that listens on `channel` of the same PostgreSQL.
pub async fn notify(database: &Database, channel: &str, payload: &str) -> Result<(), DbErr> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT pg_notify($1, $2)",
        [channel.into(), payload.into()],
    );
    database.writer().execute_raw(statement).await?;
    Ok(())
}
