//! The connections over which the stores are read outside transactions.
//!
//! - Tenants share them fairly ([`Gate`]): one tenant does not take the last of them, and one whose statements take long
//!   runs few at once.
//! - What a statement reads, and how long it takes, is spent from the budget of the operation that asked.
//! - A statement whose caller has gone, or has used its budget up, is stopped in the store. sqlx alone would let it run
//!   to its end, and PostgreSQL too.
//! - sqlx's pool tests every connection that comes back: whoever had it may have dropped it in the middle of an answer.
//!   The test is a round trip in a task of its own, and a look-up by an index costs hardly more than that. Here a
//!   connection whose statement ended well comes back untested.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use sea_orm::{
    ConnAcquireErr, DatabaseConnection, DbBackend, DbErr, QueryResult, RuntimeErr, Statement,
    sea_query::Values,
    sqlx::{
        self, AssertSqlSafe, Connection as _, Executor as _, PgPool, Postgres, Row as _, Sqlite, SqlitePool,
        TypeInfo as _, ValueRef as _, pool::PoolConnection, postgres::PgPoolOptions,
    },
};
use sea_query_sqlx::SqlxValues;
use tokio::{
    runtime::Handle,
    time::{Instant, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::{Tenant, database::Statements};
use crate::{
    budget::{Budget, Exhausted, Resource},
    fair::{Gate, Place, Rule, Slow},
};

/// A connection older than this goes back to sqlx's pool, which may replace it.
const MAX_AGE: Duration = Duration::from_mins(30);
/// The average duration of a statement from which on its tenant is slow.
const SLOW_AFTER: Duration = Duration::from_millis(10);
/// The number of connections of which a slow tenant may use one.
const CONNECTIONS_PER_SLOW: usize = 8;
/// How long PostgreSQL may take to be told that a statement is to be stopped.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// How many steps of its virtual machine SQLite takes between two looks at whether the statement is to be stopped.
const SQLITE_STEPS: i32 = 10_000;

/// Bounds and times that the whole store has in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Most connections.
    pub connections: u32,
    /// How long to wait for one.
    pub acquire_timeout: Duration,
    /// A connection that rested longer is tried before it is used.
    pub test_after_idle: Duration,
}

/// The part of a tenant's reads that queue together, such as those of one caller.
pub(super) type LaneId = u8;

/// Connections that read; cheap to clone.
#[derive(Clone)]
pub(super) struct Readers(Arc<Shared>);

struct Shared {
    pool: Pool,
    limits: Limits,
    gate: Gate<Tenant, LaneId>,
    /// The one that came back last is taken first.
    resting: Mutex<Vec<Reader>>,
    statements: Statements,
}

/// A pool that nobody else uses.
enum Pool {
    Sqlite(SqlitePool),
    /// With a pool of one connection over which statements are stopped.
    Postgres(PgPool, PgPool),
}

/// A connection at rest or in use.
struct Reader {
    connection: Connection,
    since: Instant,
    used: Instant,
}

enum Connection {
    /// With the sign that stops its statement.
    Sqlite(PoolConnection<Sqlite>, Arc<AtomicBool>),
    /// With the number of its process on the server.
    Postgres(PoolConnection<Postgres>, i32),
}

impl fmt::Debug for Readers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Readers").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

impl Readers {
    /// Readers over the connections of `pool`. Counts its statements in `statements`.
    pub(super) fn new(pool: &DatabaseConnection, limits: Limits, statements: Statements) -> Self {
        let places = usize::try_from(limits.connections).unwrap_or(1);
        let slow = Slow { after: SLOW_AFTER, places: (places / CONNECTIONS_PER_SLOW).max(1) };
        let gate = Gate::new(places, Rule::Reserve { slow: Some(slow) });
        let pool = match pool.get_database_backend() {
            DbBackend::Postgres => {
                let pool = pool.get_postgres_connection_pool().clone();
                let stopping = PgPoolOptions::new()
                    .max_connections(1)
                    .acquire_timeout(limits.acquire_timeout)
                    .connect_lazy_with((*pool.connect_options()).clone());
                Pool::Postgres(pool, stopping)
            }
            _ => Pool::Sqlite(pool.get_sqlite_connection_pool().clone()),
        };
        Self(Arc::new(Shared { pool, limits, gate, resting: Mutex::default(), statements }))
    }

    /// The same as [`Readers::rows`] in a task of its own, so that a connection is held for as long as the store works,
    /// whatever keeps the caller from taking the answer. Dropped before, the task ends.
    pub(super) async fn rows_in_task(
        &self,
        (tenant, lane): (&Tenant, LaneId),
        budget: Option<&Arc<Budget>>,
        statement: Statement,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let (readers, tenant, budget) = (self.clone(), tenant.clone(), budget.cloned());
        let read = async move { readers.rows((&tenant, lane), budget.as_deref(), statement).await };
        // That it was aborted is known only here, where nobody aborts it, or where the runtime ends.
        let read = AbortOnDropHandle::new(tokio::spawn(read));
        read.await.unwrap_or_else(|_| Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)))
    }

    /// The rows of a statement of a tenant.
    pub(super) async fn rows(
        &self,
        (tenant, lane): (&Tenant, LaneId),
        budget: Option<&Budget>,
        statement: Statement,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let shared = &self.0;
        let place = timeout(shared.limits.acquire_timeout, shared.gate.acquire(tenant, &lane)).await;
        let place = place.map_err(|_| no_connection())?.map_err(|_| no_connection())?;
        let reader = self.take().await?;
        shared.statements.fetch_add(1, Ordering::Relaxed);
        let mut using = Using { readers: self.clone(), held: Some((reader, place)) };
        let begun = Instant::now();
        let read = using.read(statement, budget);
        let rows = match budget {
            Some(budget) => {
                let read = timeout(budget.time_left(Resource::StoreTime), read).await;
                // Where it was cut off, more is spent than was left.
                let over = Duration::from_micros(u64::from(read.is_err()));
                budget.spend_time(Resource::StoreTime, begun.elapsed() + over).map_err(exhausted)?;
                read.unwrap_or_else(|_| Err(no_connection()))?
            }
            None => read.await?,
        };
        using.rest();
        Ok(rows)
    }

    /// How many connections are open, and how many of them at rest.
    pub(super) fn connections(&self) -> (u32, usize) {
        let (open, idle) = match &self.0.pool {
            Pool::Sqlite(pool) => (pool.size(), pool.num_idle()),
            Pool::Postgres(pool, _) => (pool.size(), pool.num_idle()),
        };
        (open, idle + self.resting().len())
    }

    /// Closes the connections once those in use have come back.
    pub(super) async fn close(&self) {
        // From here on none is put to rest.
        match &self.0.pool {
            Pool::Sqlite(pool) => {
                let closed = pool.close();
                self.resting().clear();
                closed.await;
            }
            Pool::Postgres(pool, stopping) => {
                let closed = pool.close();
                self.resting().clear();
                closed.await;
                stopping.close().await;
            }
        }
    }

    async fn take(&self) -> Result<Reader, DbErr> {
        while let Some(mut reader) = self.rested() {
            let is_fresh = reader.used.elapsed() < self.0.limits.test_after_idle;
            if is_fresh || reader.connection.ping().await.is_ok() {
                return Ok(reader);
            }
            reader.connection.close_on_drop();
        }
        let connection = self.0.pool.connect().await.map_err(|error| match error {
            sqlx::Error::PoolTimedOut => no_connection(),
            sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
            error => DbErr::Conn(runtime(error)),
        })?;
        let now = Instant::now();
        Ok(Reader { connection, since: now, used: now })
    }

    fn rested(&self) -> Option<Reader> {
        self.resting().pop()
    }

    fn resting(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.0.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    fn is_closed(&self) -> bool {
        match self {
            Self::Sqlite(pool) => pool.is_closed(),
            Self::Postgres(pool, _) => pool.is_closed(),
        }
    }

    async fn connect(&self) -> Result<Connection, sqlx::Error> {
        match self {
            Self::Sqlite(pool) => {
                let mut connection = pool.acquire().await?;
                let stop = Arc::<AtomicBool>::default();
                let sign = Arc::clone(&stop);
                let mut handle = connection.lock_handle().await?;
                handle.set_progress_handler(SQLITE_STEPS, move || !sign.load(Ordering::Relaxed));
                drop(handle);
                Ok(Connection::Sqlite(connection, stop))
            }
            Self::Postgres(pool, _) => {
                let mut connection = pool.acquire().await?;
                let process = connection.fetch_one("SELECT pg_backend_pid()").await?.try_get(0)?;
                Ok(Connection::Postgres(connection, process))
            }
        }
    }
}

impl Connection {
    async fn ping(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection, _) => connection.ping().await,
            Self::Postgres(connection, _) => connection.ping().await,
        }
    }

    fn close_on_drop(&mut self) {
        match self {
            Self::Sqlite(connection, _) => connection.close_on_drop(),
            Self::Postgres(connection, _) => connection.close_on_drop(),
        }
    }
}

/// A connection while a statement is under way on it.
struct Using {
    readers: Readers,
    /// None once it was put to rest.
    held: Option<(Reader, Place<Tenant, LaneId>)>,
}

impl Using {
    /// Runs a statement. If this fails, or is dropped, the statement may still be under way.
    async fn read(
        &mut self,
        statement: Statement,
        budget: Option<&Budget>,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let Some((reader, _)) = &mut self.held else { return Ok(Vec::new()) };
        let values = SqlxValues(statement.values.unwrap_or_else(|| Values(Vec::new())));
        let query = AssertSqlSafe(statement.sql);
        match &mut reader.connection {
            Connection::Sqlite(connection, _) => {
                let rows = connection.fetch(sqlx::query_with(query, values));
                collect(rows, budget, |row| {
                    let bytes = |column| {
                        row.try_get_raw(column)
                            .ok()
                            .filter(|cell| is_text(cell))
                            .map(|_| row.try_get_unchecked::<&str, _>(column).map_or(0, str::len))
                    };
                    (0..row.len()).map(|column| bytes(column).unwrap_or(CELL_BYTES)).sum()
                })
                .await
            }
            Connection::Postgres(connection, _) => {
                let rows = connection.fetch(sqlx::query_with(query, values));
                collect(rows, budget, |row| {
                    let bytes = |column| row.try_get_raw(column).ok()?.as_bytes().ok().map(<[u8]>::len);
                    (0..row.len()).map(|column| bytes(column).unwrap_or(0)).sum()
                })
                .await
            }
        }
    }

    /// Puts the connection to rest, after its statement has ended.
    fn rest(mut self) {
        let Some((mut reader, place)) = self.held.take() else { return };
        reader.used = Instant::now();
        let is_old = reader.used.duration_since(reader.since) >= MAX_AGE;
        {
            let mut resting = self.readers.resting();
            if !is_old && !self.readers.0.pool.is_closed() {
                resting.push(reader);
            }
        }
        drop(place);
    }
}

/// What a cell that is no text counts.
const CELL_BYTES: usize = 8;

fn is_text(cell: &sqlx::sqlite::SqliteValueRef<'_>) -> bool {
    cell.type_info().name() == "TEXT"
}

/// The rows of an answer, as far as the budget goes; `bytes` says how long a row is.
async fn collect<R>(
    rows: impl Stream<Item = Result<R, sqlx::Error>>,
    budget: Option<&Budget>,
    bytes: impl Fn(&R) -> usize,
) -> Result<Vec<QueryResult>, DbErr>
where
    QueryResult: From<R>,
{
    let rows = rows.map_err(|error| DbErr::Query(runtime(error)));
    let Some(budget) = budget else { return rows.map_ok(QueryResult::from).try_collect().await };
    let mut rows = std::pin::pin!(rows);
    let mut read = Vec::new();
    while let Some(row) = rows.next().await.transpose()? {
        budget.spend(Resource::Rows, 1).map_err(exhausted)?;
        budget.spend_count(Resource::StoreBytes, bytes(&row)).map_err(exhausted)?;
        read.push(QueryResult::from(row));
    }
    Ok(read)
}

impl Drop for Using {
    /// Stops the statement in the store and closes its connection, which nobody else gets before. The place is free again
    /// when that is done, so that stopped statements do not pile up.
    fn drop(&mut self) {
        let Some((mut reader, place)) = self.held.take() else { return };
        reader.connection.close_on_drop();
        if let Connection::Sqlite(_, stop) = &reader.connection {
            stop.store(true, Ordering::Relaxed);
        }
        // Without a runtime the process ends, and the statement with its connection.
        let Ok(runtime) = Handle::try_current() else { return };
        let readers = self.readers.clone();
        runtime.spawn(async move {
            if let (Connection::Postgres(_, process), Pool::Postgres(_, stopping)) =
                (&reader.connection, &readers.0.pool)
            {
                let stop = sqlx::query("SELECT pg_cancel_backend($1)").bind(process).execute(stopping);
                match timeout(STOP_TIMEOUT, stop).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => {
                        tracing::warn!(%error, "a statement that nobody waits for was not stopped");
                    }
                    Err(_) => tracing::warn!("a statement that nobody waits for was not stopped in time"),
                }
            }
            drop(reader);
            drop(place);
        });
    }
}

fn no_connection() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)
}

/// The error of a statement that was stopped because the budget is used up; [`Fault`] knows it again.
///
/// [`Fault`]: crate::fault::Fault
fn exhausted(exhausted: Exhausted) -> DbErr {
    DbErr::Query(runtime(sqlx::Error::AnyDriverError(Box::new(exhausted))))
}

fn runtime(error: sqlx::Error) -> RuntimeErr {
    RuntimeErr::SqlxError(Arc::new(error))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use sea_orm::ConnectOptions;

    use super::*;
    use crate::budget::Allowance;

    const PATIENCE: Duration = Duration::from_secs(20);
    const ENDLESS: &str =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    const ALLOWANCE: Allowance = Allowance {
        values: 0,
        bytes: 1_000,
        rows: 10,
        store_time: Duration::from_millis(50),
        processor_time: Duration::ZERO,
    };

    fn spend(allowance: Allowance) -> Arc<Budget> {
        Arc::new(Budget::new(allowance))
    }

    async fn readers(connections: u32) -> Readers {
        let mut options = ConnectOptions::new("sqlite::memory:");
        options.max_connections(connections);
        let pool = sea_orm::Database::connect(options).await.unwrap();
        let limits =
            Limits { connections, acquire_timeout: PATIENCE, test_after_idle: Duration::from_mins(1) };
        Readers::new(&pool, limits, Statements::default())
    }

    async fn rows(readers: &Readers, tenant: &str, budget: &Arc<Budget>, sql: &str) -> Result<usize, String> {
        let statement = Statement::from_string(DbBackend::Sqlite, sql);
        let tenant = Tenant::new(tenant);
        let rows = timeout(PATIENCE, readers.rows((&tenant, 0), Some(&**budget), statement)).await.unwrap();
        rows.map(|rows| rows.len()).map_err(|error| crate::fault::Fault::from(error).to_string())
    }

    #[tokio::test]
    async fn a_statement_ends_with_the_budget_of_its_operation() {
        let readers = readers(1).await;
        let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 11) SELECT i FROM n";
        for (sql, because) in [
            (ENDLESS, "it takes the database longer than 50ms"),
            (many, "it reads more than 10 rows"),
            ("SELECT hex(zeroblob(501))", "it reads more than 1000 bytes from the database"),
        ] {
            let budget = spend(ALLOWANCE);
            let error = rows(&readers, "a", &budget, sql).await.unwrap_err();
            assert_eq!(error, format!("an operation was given up: {because}"));
            assert!(budget.exhausted().is_some());
            // There is but one connection.
            let budget = spend(ALLOWANCE);
            assert_eq!(rows(&readers, "a", &budget, "SELECT hex(zeroblob(500))").await, Ok(1));
            assert_eq!((budget.spent(Resource::Rows), budget.spent(Resource::StoreBytes)), (1, 1_000));
        }
    }

    #[tokio::test]
    async fn a_statement_that_nobody_waits_for_is_stopped() {
        let readers = readers(1).await;
        let tenant = Tenant::new("a");
        let endless = Statement::from_string(DbBackend::Sqlite, ENDLESS);
        let given_up = timeout(Duration::from_millis(50), readers.rows((&tenant, 0), None, endless)).await;
        assert!(given_up.is_err());
        assert_eq!(rows(&readers, "b", &spend(ALLOWANCE), "SELECT 1").await, Ok(1));
    }

    #[tokio::test]
    async fn slow_statements_of_one_tenant_run_one_at_a_time() {
        let readers = readers(4).await;
        let slow = spend(Allowance { store_time: Duration::from_millis(100), ..ALLOWANCE });
        rows(&readers, "greedy", &slow, ENDLESS).await.unwrap_err();
        let tenant = Tenant::new("greedy");
        let statement = || Statement::from_string(DbBackend::Sqlite, ENDLESS);
        let mut running = Box::pin(readers.rows((&tenant, 0), None, statement()));
        let mut waiting = Box::pin(readers.rows((&tenant, 1), None, statement()));
        assert!((&mut running).now_or_never().is_none() && (&mut waiting).now_or_never().is_none());
        while readers.0.gate.try_acquire(&tenant, &2).is_some() {
            tokio::task::yield_now().await;
        }
        assert_eq!(rows(&readers, "modest", &spend(ALLOWANCE), "SELECT 1").await, Ok(1));
    }
}
