//! The connections that write, and whether the store takes writes.
//!
//! A store can answer every question and yet keep nothing: its disk is full or broken, or it became read-only. The first
//! write that fails for such a reason is said in the log and makes the process not ready; from then on a write of the
//! process's own is tried once a second, until one is kept.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement,
};
use tokio::{runtime::Handle, time::timeout};

use super::{
    Tenant,
    database::{ACQUIRE_TIMEOUT, Statements},
    readers::LaneId,
    transaction::Transaction,
};
use crate::{
    fair::{Gate, Place, Rule},
    fault::Condition,
};

/// How often a write is tried while none is kept.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// The right to one of the connections that write.
pub(super) type Turn = Place<Tenant, LaneId>;

/// The pool of connections that write; cheap to clone. A statement that is run over it commits by itself.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    pool: DatabaseConnection,
    /// Who may begin a transaction.
    gate: Gate<Tenant, LaneId>,
    /// Counts the statements of transactions.
    pub(super) statements: Statements,
    is_failing: Arc<AtomicBool>,
}

impl Writer {
    /// The writer of a store that was just opened, which is taken to take writes.
    pub(super) fn new(pool: DatabaseConnection, connections: u32, statements: &Statements) -> Self {
        let places = usize::try_from(connections).unwrap_or(1);
        let gate = Gate::new(places, Rule::Reserve { slow: None });
        Self { pool, gate, statements: Arc::clone(statements), is_failing: Arc::default() }
    }

    /// Waits until it is the turn of a lane of a tenant to begin a transaction.
    pub(super) async fn turn(&self, tenant: &Tenant, lane: LaneId) -> Result<Turn, DbErr> {
        let turn = timeout(ACQUIRE_TIMEOUT, self.gate.acquire(tenant, &lane)).await;
        turn.ok().and_then(Result::ok).ok_or(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))
    }

    /// The pool.
    pub(super) const fn pool(&self) -> &DatabaseConnection {
        &self.pool
    }

    /// Whether the store takes writes: none failed for want of that, or one was kept since.
    pub(super) fn takes_writes(&self) -> bool {
        !self.is_failing.load(Ordering::Relaxed)
    }

    /// Notes why a write failed. Where that shows that the store takes no writes, they are tried until it
    /// does.
    pub(super) fn note(&self, error: &DbErr) {
        let tells = Condition::told_by(error) == Condition::TakesNoWrites;
        if !tells || self.is_failing.swap(true, Ordering::Relaxed) {
            return;
        }
        tracing::error!(%error, "the database takes no writes; trying again until it does");
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(self.clone().recover());
        }
    }

    /// Tries writes until one is kept, or the store is closed.
    async fn recover(self) {
        loop {
            tokio::time::sleep(TRY_EVERY).await;
            match self.probe().await {
                Ok(()) => break,
                Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)) => return,
                Err(error) => tracing::debug!(%error, "the database takes no writes yet"),
            }
        }
        self.is_failing.store(false, Ordering::Relaxed);
        tracing::info!("the database takes writes again");
    }

    /// Commits a write that needs about as much room as one of a caller.
    async fn probe(&self) -> Result<(), DbErr> {
        // It changes each time: SQLite writes no page that stays as it is.
        let filler = match self.pool.get_database_backend() {
            DbBackend::Postgres => {
                "SELECT 1, string_agg(md5(random()::text), '') FROM generate_series(1, 2048)"
            }
            _ => "VALUES (1, hex(randomblob(32768)))",
        };
        let statement = format!(
            "INSERT INTO write_probe (id, filler) {filler} ON CONFLICT (id) DO UPDATE SET filler = excluded.filler"
        );
        let tx = Transaction::begin(self, None).await?;
        tx.execute_unprepared(&statement).await?;
        tx.commit().await
    }
}

#[async_trait]
impl ConnectionTrait for Writer {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.pool.execute_raw(statement).await.inspect_err(|error| self.note(error))
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.pool.execute_unprepared(sql).await.inspect_err(|error| self.note(error))
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.pool.query_one_raw(statement).await.inspect_err(|error| self.note(error))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.pool.query_all_raw(statement).await.inspect_err(|error| self.note(error))
    }
}
