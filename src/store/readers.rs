//! The connections over which PostgreSQL is read outside transactions.
//!
//! sqlx's pool tests every connection that comes back: whoever had it may have dropped it in the middle of an answer. The
//! test is a round trip to the server in a task of its own, and a look-up by an index costs hardly more than that. Here
//! a connection whose statement ended well comes back untested; any other is left to sqlx's pool.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::TryStreamExt;
use sea_orm::{
    ConnAcquireErr, DbErr, QueryResult, RuntimeErr, Statement,
    sea_query::Values,
    sqlx::{self, AssertSqlSafe, Connection, Executor, PgPool, Postgres, pool::PoolConnection},
};
use sea_query_sqlx::SqlxValues;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout},
};

/// A connection older than this goes back to sqlx's pool, which may replace it.
const GIVE_BACK_AFTER: Duration = Duration::from_mins(30);

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

/// Connections that read; cheap to clone.
#[derive(Clone)]
pub(super) struct Readers(Arc<Shared>);

struct Shared {
    pool: PgPool,
    limits: Limits,
    /// As many as there may be connections: whoever holds one finds a connection at rest, or may open one.
    turns: Semaphore,
    /// The one that came back last is taken first.
    resting: Mutex<Vec<Reader>>,
    statements: Arc<AtomicU64>,
}

struct Reader {
    connection: PoolConnection<Postgres>,
    since: Instant,
    used: Instant,
}

impl fmt::Debug for Readers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Readers").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

impl Readers {
    /// Readers over the connections of `pool`, which nobody else uses. Counts its statements in `statements`.
    pub(super) fn new(pool: PgPool, limits: Limits, statements: Arc<AtomicU64>) -> Self {
        let turns = Semaphore::new(usize::try_from(limits.connections).unwrap_or(1));
        Self(Arc::new(Shared { pool, limits, turns, resting: Mutex::default(), statements }))
    }

    /// The rows of a statement.
    pub(super) async fn rows(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let _turn = self.turn().await?;
        let mut reader = self.take().await?;
        self.0.statements.fetch_add(1, Ordering::Relaxed);
        let values = SqlxValues(statement.values.unwrap_or_else(|| Values(Vec::new())));
        let query = sqlx::query_with(AssertSqlSafe(statement.sql), values);
        // If this fails, or is dropped, so is the reader: its connection goes back to sqlx's pool, which tests it.
        let rows = reader.connection.fetch(query).map_ok(QueryResult::from).try_collect().await;
        let rows = rows.map_err(|error| DbErr::Query(runtime(error)))?;
        reader.used = Instant::now();
        let is_old = reader.used.duration_since(reader.since) >= GIVE_BACK_AFTER;
        let mut resting = self.resting();
        if !is_old && !self.0.pool.is_closed() {
            resting.push(reader);
        }
        Ok(rows)
    }

    /// How many connections are open, and how many of them at rest.
    pub(super) fn connections(&self) -> (u32, usize) {
        (self.0.pool.size(), self.0.pool.num_idle() + self.resting().len())
    }

    /// Closes the connections once those in use have come back.
    pub(super) async fn close(&self) {
        // From here on none is put to rest.
        let closed = self.0.pool.close();
        self.resting().clear();
        closed.await;
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, DbErr> {
        if let Ok(turn) = self.0.turns.try_acquire() {
            return Ok(turn);
        }
        let turn = timeout(self.0.limits.acquire_timeout, self.0.turns.acquire()).await;
        turn.map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))?
            .map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed))
    }

    async fn take(&self) -> Result<Reader, DbErr> {
        while let Some(mut reader) = self.rested() {
            if reader.used.elapsed() < self.0.limits.test_after_idle || reader.connection.ping().await.is_ok()
            {
                return Ok(reader);
            }
            reader.connection.close_on_drop();
        }
        let connection = self.0.pool.acquire().await.map_err(|error| match error {
            sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
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

fn runtime(error: sqlx::Error) -> RuntimeErr {
    RuntimeErr::SqlxError(Arc::new(error))
}
