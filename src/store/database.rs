//! The pools of a store.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use migration::{Migrator, MigratorTrait as _};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqlxPostgresConnector, Statement, TransactionTrait,
    sqlx::{
        self,
        postgres::{PgListener, PgPoolOptions},
        sqlite::{SqliteJournalMode, SqliteSynchronous},
    },
};

use super::{
    Tenant, durability,
    readers::{Limits, Readers},
    transaction::Transaction,
    writer::Writer,
};
use crate::fault::Fault;

pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that rested longer is tried before it is used: the server may have closed it meanwhile.
const TEST_AFTER_IDLE: Duration = Duration::from_secs(30);
/// How long SQLite waits for a lock that another process holds.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const SQLITE_READERS: u32 = 4;
/// Connections to SQLite over which workers read what concerns all tenants.
const SQLITE_WORKERS: u32 = 2;
/// PostgreSQL serves few busy connections better than many; what does not fit waits here.
const POSTGRES_CONNECTIONS: u32 = 8;
/// No statement of ours takes long; one that does is stuck.
const POSTGRES_STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a process that waits for another one's migrations looks whether they are done.
const ASK_FOR_LOCK_EVERY: Duration = Duration::from_millis(50);
/// Every statement is a look-up by indexes whatever its values are, a row for each row found before. So planning it anew
/// each time, as the server would for lists of ids, only costs; and without values to plan for, PostgreSQL may take a
/// whole table for the shorter way, and compile the statement besides.
const POSTGRES_LOOKS_UP: [(&str, &str); 6] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("random_page_cost", "1.1"),
    ("jit", "off"),
];
/// How long a transaction may rest between two statements. No process that works rests so long: where one does, it is
/// stuck or gone, and PostgreSQL is to release what it has locked.
const POSTGRES_RESTS: [(&str, &str); 1] = [("idle_in_transaction_session_timeout", "60s")];
/// Any number will do, as long as every process uses the same one.
const MIGRATION_LOCK: i64 = 0x7761_7962_696c_6c00;

/// Counts the statements that went to a store, so that a test can tell how many an operation takes.
pub type Statements = Arc<AtomicU64>;

/// An open store: SQLite with one connection that writes and several that read, or a pool to PostgreSQL.
#[derive(Clone, Debug)]
pub struct Database {
    writer: Writer,
    /// The pool over which workers read what concerns all tenants; with PostgreSQL, the one that writes.
    reader: DatabaseConnection,
    /// What [`TenantDb`] reads over.
    ///
    /// [`TenantDb`]: super::TenantDb
    readers: Readers,
    statements: Statements,
}

/// Why a store cannot be opened; the text is for operators and names the remedy.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is of no store that we know.
    #[error("the database URL must begin with sqlite:// or postgres://")]
    UnknownScheme,
    /// The file cannot be opened or written.
    #[error(
        "cannot open the SQLite file {path}: {source}; check that its folder exists and that this user may write both"
    )]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: DbErr,
    },
    /// The server cannot be reached.
    #[error(
        "cannot connect to PostgreSQL: {0}; check the database URL and that the server accepts this user"
    )]
    Connect(DbErr),
    /// The schema cannot be brought up to date.
    #[error("cannot bring the schema up to date: {0}")]
    Migrate(DbErr),
}

impl Database {
    /// Opens the store that `url` names; a SQLite file is made where there is none. `connections` bounds the
    /// connections to PostgreSQL that write, and those that read; and the readers of SQLite.
    pub async fn open(url: &str, connections: Option<u32>) -> Result<Self, OpenError> {
        let statements = Statements::default();
        if let Some(path) = sqlite_path(url) {
            let failed = |source| OpenError::File { path: path.display().to_string(), source };
            // The writer comes first: it makes the file and turns the write-ahead log on.
            let mut pool = sea_orm::Database::connect(sqlite_options(url, 1)).await.map_err(failed)?;
            probe_write(&pool).await.map_err(failed)?;
            count_statements(&mut pool, &statements);
            let writer = Writer::new(pool, 1, &statements);
            let mut reader =
                sea_orm::Database::connect(sqlite_options(url, SQLITE_WORKERS)).await.map_err(failed)?;
            count_statements(&mut reader, &statements);
            let connections = connections.unwrap_or(SQLITE_READERS);
            let pool = sea_orm::Database::connect(sqlite_options(url, connections)).await.map_err(failed)?;
            let readers = Readers::new(&pool, limits(connections), Arc::clone(&statements));
            return Ok(Self { writer, reader, readers, statements });
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let connections = connections.unwrap_or(POSTGRES_CONNECTIONS);
            let mut pool = connect_postgres(url, connections).await?;
            count_statements(&mut pool, &statements);
            let read_pool = connect_postgres(url, connections).await?;
            let readers = Readers::new(&read_pool, limits(connections), Arc::clone(&statements));
            let writer = Writer::new(pool.clone(), connections, &statements);
            return Ok(Self { writer, reader: pool, readers, statements });
        }
        Err(OpenError::UnknownScheme)
    }

    /// Applies the migrations that are missing. Of several processes that start at once, one does the work and the
    /// others wait for it.
    pub async fn migrate(&self) -> Result<(), OpenError> {
        match self.backend() {
            DbBackend::Postgres => self.migrate_postgres().await,
            _ => migrate(self.writer.pool()).await,
        }
        .map_err(OpenError::Migrate)
    }

    /// Migrates over connections of its own, one for the lock and one for the work: these end with it, and no pool has
    /// to have room for both.
    async fn migrate_postgres(&self) -> Result<(), DbErr> {
        let options = self.writer.pool().get_postgres_connection_pool().connect_options();
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with((*options).clone());
        let connections = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
        let lock = lock_migrations(&connections).await?;
        let result = migrate(&connections).await;
        lock.rollback().await?;
        connections.close().await?;
        result
    }

    /// Whether the store answers.
    pub async fn ping(&self) -> Result<(), Fault> {
        Ok(self.reader.ping().await?)
    }

    /// The kind of the store.
    pub fn backend(&self) -> DbBackend {
        self.reader.get_database_backend()
    }

    /// How many statements went to the store so far.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// The pools of connections: the name, how many are in use, and how many at rest.
    pub fn pools(&self) -> Vec<(&'static str, usize, usize)> {
        let in_use = |name, open: u32, idle: usize| {
            (name, usize::try_from(open).unwrap_or_default().saturating_sub(idle), idle)
        };
        let writer = self.writer.pool();
        let (open, idle) = if self.backend() == DbBackend::Postgres {
            let pool = writer.get_postgres_connection_pool();
            (pool.size(), pool.num_idle())
        } else {
            let pool = writer.get_sqlite_connection_pool();
            (pool.size(), pool.num_idle())
        };
        let write = in_use("write", open, idle);
        let (open, idle) = self.readers.connections();
        vec![write, in_use("read", open, idle)]
    }

    /// Waits for open statements and closes the connections.
    pub async fn close(self) {
        self.readers.close().await;
        // Nothing is left to do about a pool that does not close cleanly: the process ends.
        let _ = self.reader.close().await;
        let _ = self.writer.pool().clone().close().await;
    }

    /// For [`super::queue`].
    pub(super) const fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// For [`super::TenantDb`].
    pub(super) const fn readers(&self) -> &Readers {
        &self.readers
    }

    /// For [`super::queue`].
    pub(super) const fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Opens a transaction that writes, when it is the turn of that lane of a tenant (see [`lane_of`]). Only
    /// `usecase::work` may ask for one.
    ///
    /// [`lane_of`]: super::lane_of
    pub async fn write_transaction(&self, tenant: &Tenant, lane: u8) -> Result<Transaction, Fault> {
        Ok(Transaction::begin(&self.writer, Some((tenant, lane))).await?)
    }

    /// Says in the log which settings of a PostgreSQL server put acknowledged writes at risk.
    pub async fn warn_of_settings(&self) {
        if self.backend() != DbBackend::Postgres {
            return;
        }
        if let Err(error) =
            durability::warn_of_settings(self.writer.pool().get_postgres_connection_pool()).await
        {
            tracing::warn!(%error, "cannot tell whether PostgreSQL keeps what it confirms");
        }
    }

    /// Whether the store takes writes, as far as this process knows.
    pub fn takes_writes(&self) -> bool {
        self.writer.takes_writes()
    }

    /// A connection of its own that hears what processes tell each other; none with SQLite, which serves only one.
    pub async fn listener(&self) -> Result<Option<PgListener>, sqlx::Error> {
        match self.backend() {
            DbBackend::Postgres => {
                let pool = self.writer.pool().get_postgres_connection_pool();
                // Not taken from the pool: it is held for the life of the process.
                let own = sqlx::postgres::PgPoolOptions::new()
                    .max_connections(1)
                    .acquire_timeout(ACQUIRE_TIMEOUT)
                    .connect_lazy_with((*pool.connect_options()).clone());
                PgListener::connect_with(&own).await.map(Some)
            }
            _ => Ok(None),
        }
    }
}

async fn migrate(connections: &DatabaseConnection) -> Result<(), DbErr> {
    let missing = Migrator::get_pending_migrations(connections).await?.len();
    Migrator::up(connections, None).await?;
    if missing > 0 {
        tracing::info!(migrations = missing, "brought the tables of the store up to date");
    }
    Ok(())
}

/// Holds the lock that one process at a time migrates under. Whoever waits for it asks again and again: a statement that
/// waited would keep its view of the tables, and an index that is made beside the traffic waits for all such views to
/// end.
async fn lock_migrations(connections: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    loop {
        let tx = connections.begin().await?;
        let lock = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT pg_try_advisory_xact_lock($1)",
            [MIGRATION_LOCK.into()],
        );
        let row = tx.query_one_raw(lock).await?;
        if row.is_some_and(|row| row.try_get_by_index(0).unwrap_or(false)) {
            return Ok(tx);
        }
        tx.rollback().await?;
        tokio::time::sleep(ASK_FOR_LOCK_EVERY).await;
    }
}

/// The file that a SQLite URL names.
pub fn sqlite_path(url: &str) -> Option<PathBuf> {
    let rest = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"))?;
    Some(Path::new(rest.split('?').next().unwrap_or(rest)).to_owned())
}

const fn limits(connections: u32) -> Limits {
    Limits { connections, acquire_timeout: ACQUIRE_TIMEOUT, test_after_idle: TEST_AFTER_IDLE }
}

fn common_options(options: &mut ConnectOptions, connections: u32) {
    options
        .max_connections(connections)
        .min_connections(1)
        .connect_timeout(CONNECT_TIMEOUT)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .test_before_acquire_if_idle_for(TEST_AFTER_IDLE)
        .sqlx_logging(false)
        .record_stmt_in_spans(false);
}

async fn connect_postgres(url: &str, connections: u32) -> Result<DatabaseConnection, OpenError> {
    let mut options = ConnectOptions::new(url.to_owned());
    common_options(&mut options, connections);
    options.statement_timeout(POSTGRES_STATEMENT_TIMEOUT);
    options.map_sqlx_postgres_opts(|postgres| postgres.options(POSTGRES_LOOKS_UP).options(POSTGRES_RESTS));
    options.map_sqlx_postgres_pool_opts(|pool| {
        pool.after_connect(|session, _| Box::pin(durability::prepare(session)))
    });
    sea_orm::Database::connect(options).await.map_err(OpenError::Connect)
}

fn sqlite_options(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.to_owned());
    common_options(&mut options, connections);
    options.map_sqlx_sqlite_opts(|sqlite| {
        sqlite
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledged write must survive a power cut, not only the end of the process.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(SQLITE_BUSY_TIMEOUT)
            .foreign_keys(true)
            .row_buffer_size(200)
    });
    options
}

/// SQLite opens a read-only file gladly and fails at the first write; better to fail at the start.
async fn probe_write(pool: &DatabaseConnection) -> Result<(), DbErr> {
    pool.execute_unprepared("BEGIN IMMEDIATE; PRAGMA user_version = 1; ROLLBACK").await.map(drop)
}

fn count_statements(connection: &mut DatabaseConnection, statements: &Statements) {
    let statements = Arc::clone(statements);
    connection.set_metric_callback(move |_| {
        statements.fetch_add(1, Ordering::Relaxed);
    });
}
