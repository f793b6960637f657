//! The durable queue of the plugin manager: open runs, in one lane for each plugin.

use chrono::{DateTime, Utc};
use entity::{id::PluginRunId, plugin_run, stored::PluginRunStatus};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value};
use uuid::Uuid;

use crate::{
    fair,
    store::{Database, Tenant, insert::columns, rows::Row},
};

/// Where the runs of one plugin queue.
pub type Lane = fair::Lane<Tenant, Uuid>;

/// The runs that were taken up together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TakenUp {
    /// Those that can be worked on.
    pub runs: Vec<plugin_run::Model>,
    /// Those whose rows cannot be read. No other run waits for them.
    pub unreadable: Vec<TakeUp>,
}

/// A take-up of a run: as much of the row as says what becomes of it where nothing else of the run can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakeUp {
    /// Whose run it is.
    pub tenant: Tenant,
    /// The run.
    pub run_id: PluginRunId,
    /// The name of the hold.
    pub lease: Option<Uuid>,
    /// The plugin that the step asks.
    pub lane: Option<Uuid>,
    /// Name of the step.
    pub step: Option<String>,
    /// Its number.
    pub step_number: i32,
    /// How often the step was taken up, this time included.
    pub attempts: i32,
    /// Whether the plugin has put its answer off: it is not asked again.
    pub is_waiting: bool,
}

impl TakeUp {
    /// The take-up under which a run is held.
    pub fn of(run: &plugin_run::Model) -> Self {
        Self {
            tenant: Tenant::new(&run.tenant_id),
            run_id: run.id,
            lease: run.lease,
            lane: run.lane,
            step: run.step.clone(),
            step_number: run.step_number,
            attempts: run.attempts,
            is_waiting: run.status == PluginRunStatus::Waiting,
        }
    }

    fn read(row: &QueryResult) -> Result<Self, DbErr> {
        let (tenant, status): (String, String) = (row.try_get("", "tenant_id")?, row.try_get("", "status")?);
        Ok(Self {
            tenant: Tenant::new(&tenant),
            run_id: row.try_get("", "id")?,
            lease: row.try_get("", "lease")?,
            lane: row.try_get("", "lane")?,
            step: row.try_get("", "step")?,
            step_number: row.try_get("", "step_number")?,
            attempts: row.try_get("", "attempts")?,
            is_waiting: status == PluginRunStatus::Waiting.as_str(),
        })
    }
}

/// At most `limit` lanes in which runs wait, with the time from which the first of them is due; those after `after`, in
/// their order. Takes a few steps down an index for each lane, however many runs wait there.
pub async fn lanes(
    database: &Database,
    after: Option<&Lane>,
    limit: usize,
) -> Result<Vec<(Lane, DateTime<Utc>)>, DbErr> {
    // The next lane in the order of the index. PostgreSQL and SQLite agree on this way to skip from one to the next.
    let next = |column: &str, tenant: &str, lane: &str| {
        format!(
            "(SELECT {column} FROM plugin_run WHERE due_at IS NOT NULL AND (tenant_id, lane) > ({tenant}, {lane}) \
             ORDER BY tenant_id, lane LIMIT 1)"
        )
    };
    let sql = format!(
        "WITH RECURSIVE found (tenant_id, lane) AS (SELECT {}, {} UNION ALL SELECT {}, {} FROM found \
         WHERE found.lane IS NOT NULL) \
         SELECT tenant_id, lane, (SELECT MIN(r.due_at) FROM plugin_run r WHERE r.tenant_id = found.tenant_id \
         AND r.lane = found.lane AND r.due_at IS NOT NULL) FROM found WHERE lane IS NOT NULL LIMIT {limit}",
        next("tenant_id", "$1", "$2"),
        next("lane", "$1", "$2"),
        next("tenant_id", "found.tenant_id", "found.lane"),
        next("lane", "found.tenant_id", "found.lane"),
    );
    let (tenant, id) = after.map_or(("", Uuid::nil()), |lane| (lane.tenant.as_str(), lane.id));
    let statement = Statement::from_sql_and_values(database.backend(), sql, [tenant.into(), id.into()]);
    let rows = database.reader().query_all_raw(statement).await?;
    rows.iter()
        .map(|row| {
            let tenant: String = row.try_get_by_index(0)?;
            let lane = Lane { tenant: Tenant::new(&tenant), id: row.try_get_by_index(1)? };
            Ok((lane, row.try_get_by_index(2)?))
        })
        .collect()
}

/// Takes up at most `limit` runs of a lane that are due, those first that have waited longest, and holds them until
/// `held_until` under the name `lease`. No run is given to two processes: PostgreSQL skips rows that another claim has
/// locked, SQLite has one writer.
///
/// Each take-up counts as an attempt, whatever comes of it: so a run is known whose processes die over it. One that waits
/// for its plugin's callback is due when that has not come in time; it goes on waiting, and is not asked again.
pub async fn claim_runs(
    database: &Database,
    lane: &Lane,
    now: DateTime<Utc>,
    held_until: DateTime<Utc>,
    lease: Uuid,
    limit: usize,
) -> Result<TakenUp, DbErr> {
    let backend = database.backend();
    // A list of ids is looked up by the index; a subquery PostgreSQL may join with all runs of the tenant.
    let (skip_locked, chosen) = match backend {
        DbBackend::Postgres => ("FOR UPDATE SKIP LOCKED", "= ANY (ARRAY(SELECT id FROM due))"),
        _ => ("", "IN (SELECT id FROM due)"),
    };
    let statement = Statement::from_sql_and_values(
        backend,
        // The rows are chosen once, in the first part: as a plain subquery PostgreSQL may run it again and again, and
        // lock more than `limit`.
        format!(
            "WITH due AS (SELECT id FROM plugin_run WHERE tenant_id = $4 AND lane = $5 AND due_at <= $3 \
             ORDER BY due_at LIMIT $6 {skip_locked}) \
             UPDATE plugin_run SET lease = $1, due_at = $2, \
             status = CASE status WHEN 'WAITING' THEN status ELSE 'RUNNING' END, \
             attempts = attempts + 1, started_at = COALESCE(started_at, $3) \
             WHERE tenant_id = $4 AND id {chosen} RETURNING {}",
            columns::<plugin_run::Entity>()
        ),
        [
            lease.into(),
            held_until.into(),
            now.into(),
            lane.tenant.as_str().into(),
            lane.id.into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ],
    );
    let mut taken_up = TakenUp::default();
    for row in &database.writer().query_all_raw(statement).await? {
        match plugin_run::Model::decode(row) {
            Ok(run) => taken_up.runs.push(run),
            Err(error) => {
                tracing::error!(tenant.id = %lane.tenant, lane = %lane.id, %error, "a plugin run cannot be read");
                taken_up.unreadable.extend(TakeUp::read(row).ok());
            }
        }
    }
    Ok(taken_up)
}

/// Ends a take-up as if it had not been, if it is still held: the run is due again at `due_at`.
pub async fn give_back(database: &Database, take_up: &TakeUp, due_at: DateTime<Utc>) -> Result<(), DbErr> {
    let values: [Value; 4] =
        [due_at.into(), take_up.tenant.as_str().into(), take_up.run_id.into(), take_up.lease.into()];
    let sql = "UPDATE plugin_run SET due_at = $1, lease = NULL, attempts = attempts - 1 \
               WHERE tenant_id = $2 AND id = $3 AND lease = $4";
    database.writer().execute_raw(Statement::from_sql_and_values(database.backend(), sql, values)).await?;
    Ok(())
}

/// Holds a run until `held_until`, and says whether it was still held under the name under which it was taken up.
pub async fn renew_hold(
    database: &Database,
    run: &plugin_run::Model,
    held_until: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let values: [Value; 4] =
        [held_until.into(), run.tenant_id.as_str().into(), run.id.into(), run.lease.into()];
    let sql = "UPDATE plugin_run SET due_at = $1 WHERE tenant_id = $2 AND id = $3 AND lease = $4";
    let statement = Statement::from_sql_and_values(database.backend(), sql, values);
    Ok(database.writer().execute_raw(statement).await?.rows_affected() > 0)
}
