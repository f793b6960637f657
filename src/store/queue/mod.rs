//! What workers ask of the stores on behalf of all tenants: which runs
//! and indexes are due, and which answers are too old to keep.
//! Nothing of what is found here reaches a caller.

mod plugin_run;

use chrono::{DateTime, Utc};
use entity::{
    attribute_definition, event_head,
    id::{AttributeDefinitionId, OrderId, WebhookEndpointId},
};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, Statement};
use uuid::Uuid;

use super::{Database, Tenant};

pub use plugin_run::{Lane, TakeUp, TakenUp, claim_runs, give_back, lanes, renew_hold};

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

/// An enabled webhook endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Webhook {
    /// Whose it is.
    pub tenant: Tenant,
    /// The endpoint.
    pub endpoint_id: WebhookEndpointId,
}

/// Every enabled endpoint, and whether there is something to send to it: events that have no delivery yet, or
/// deliveries that are due.
pub async fn webhooks(database: &Database, now: DateTime<Utc>) -> Result<Vec<(Webhook, bool)>, DbErr> {
    let statement = Statement::from_sql_and_values(
        database.backend(),
        "SELECT e.tenant_id, e.id, e.position < COALESCE(h.position, 0) OR EXISTS (SELECT 1 FROM webhook_delivery d \
         WHERE d.tenant_id = e.tenant_id AND d.endpoint_id = e.id AND d.due_at <= $1) \
         FROM webhook_endpoint e LEFT JOIN event_head h ON h.tenant_id = e.tenant_id \
         WHERE e.enabled AND e.deleted_at IS NULL",
        [now.into()],
    );
    let rows = database.reader().query_all_raw(statement).await?;
    rows.iter()
        .map(|row| {
            let tenant: String = row.try_get_by_index(0)?;
            let webhook = Webhook { tenant: Tenant::new(&tenant), endpoint_id: row.try_get_by_index(1)? };
            Ok((webhook, row.try_get_by_index(2)?))
        })
        .collect()
}

/// A delivery that this process took up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimedDelivery {
    /// Its event's place in the log.
    pub position: i64,
    /// The order that it is about.
    pub order_id: OrderId,
    /// How often it was sent, this time included.
    pub attempts: i32,
}

/// Takes up at most `limit` deliveries to an endpoint that are due, those first that have waited longest, and holds
/// them until `held_until` under the name `lease`. See [`claim_runs`].
pub async fn claim_deliveries(
    database: &Database,
    webhook: &Webhook,
    now: DateTime<Utc>,
    held_until: DateTime<Utc>,
    lease: Uuid,
    limit: usize,
) -> Result<Vec<ClaimedDelivery>, DbErr> {
    let backend = database.backend();
    let skip_locked = if backend == DbBackend::Postgres { "FOR UPDATE SKIP LOCKED" } else { "" };
    let statement = Statement::from_sql_and_values(
        backend,
        format!(
            "WITH due AS (SELECT position FROM webhook_delivery WHERE tenant_id = $4 AND endpoint_id = $5 \
             AND due_at <= $3 ORDER BY due_at, position LIMIT {limit} {skip_locked}) \
             UPDATE webhook_delivery SET lease = $1, due_at = $2, attempts = attempts + 1 \
             WHERE tenant_id = $4 AND endpoint_id = $5 AND position IN (SELECT position FROM due) \
             RETURNING position, order_id, attempts"
        ),
        [
            lease.into(),
            held_until.into(),
            now.into(),
            webhook.tenant.as_str().into(),
            webhook.endpoint_id.into(),
        ],
    );
    let rows = database.writer().query_all_raw(statement).await?;
    rows.iter()
        .map(|row| {
            Ok(ClaimedDelivery {
                position: row.try_get_by_index(0)?,
                order_id: row.try_get_by_index(1)?,
                attempts: row.try_get_by_index(2)?,
            })
        })
        .collect()
}

/// Every tenant that has a log.
pub async fn tenants(database: &Database) -> Result<Vec<Tenant>, DbErr> {
    let heads = event_head::Entity::find().all(database.reader()).await?;
    Ok(heads.into_iter().map(|head| Tenant::new(&head.tenant_id)).collect())
}

/// Every tenant of which something is sealed.
pub async fn tenants_with_secrets(database: &Database) -> Result<Vec<Tenant>, DbErr> {
    let statement = Statement::from_string(
        database.backend(),
        "SELECT tenant_id FROM event_head UNION SELECT tenant_id FROM plugin \
         UNION SELECT tenant_id FROM webhook_endpoint ORDER BY 1",
    );
    let rows = database.reader().query_all_raw(statement).await?;
    rows.iter().map(|row| Ok(Tenant::new(&row.try_get_by_index::<String>(0)?))).collect()
}

/// Forgets the oldest answers that were kept before `time`, at most `limit`, and gives how many.
pub async fn forget_answers(database: &Database, time: DateTime<Utc>, limit: u64) -> Result<u64, DbErr> {
    let statement = Statement::from_sql_and_values(
        database.backend(),
        format!(
            "WITH old AS (SELECT tenant_id, key FROM idempotency_key WHERE created_at < $1 \
             ORDER BY created_at LIMIT {limit}) \
             DELETE FROM idempotency_key WHERE (tenant_id, key) IN (SELECT tenant_id, key FROM old)"
        ),
        [time.into()],
    );
    Ok(database.writer().execute_raw(statement).await?.rows_affected())
}

/// Sends notifications to every process that listens on `channel` of the same PostgreSQL.
pub async fn notify(database: &Database, channel: &str, payloads: Vec<String>) -> Result<(), DbErr> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT pg_notify($1, payload) FROM unnest($2::text[]) payload",
        [channel.into(), payloads.into()],
    );
    database.writer().execute_raw(statement).await?;
    Ok(())
}
