//! Transactions that write.
//!
//! A write is acknowledged when the store has confirmed its COMMIT, and a driver cannot be asked whether it has. sqlx
//! counts how deep a connection is in transactions and believes its count; but SQLite rolls back by itself when a write
//! fails, and a request that is given up while PostgreSQL answers BEGIN is counted by nobody. Such a connection, handed
//! on by its pool, once took the writes of everybody into a transaction that never committed. So nobody counts here:
//!
//! - BEGIN, COMMIT and ROLLBACK are plain statements, and the store's answer to them decides. SQLite itself refuses a
//!   BEGIN on a connection that is in a transaction.
//! - Each of them runs in a task of its own, which a request that is given up cannot cut in two.
//! - A connection goes back to its pool only after the store has confirmed our COMMIT or ROLLBACK. Any other is closed.
//! - After a statement that failed, or was given up, nothing more is done in a transaction, and it cannot commit:
//!   SQLite may have rolled back already and would commit each further statement by itself, and PostgreSQL answers a
//!   COMMIT then with a ROLLBACK that looks like success.

use std::{fmt, io, sync::atomic::Ordering, time::Duration};

use async_trait::async_trait;
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement,
    sea_query::Values,
    sqlx::{self, AssertSqlSafe, Connection as _, Executor as _, Postgres, Sqlite, pool::PoolConnection},
};
use sea_query_sqlx::SqlxValues;
use tokio::{runtime::Handle, sync::Mutex, time::timeout};

use super::{
    Tenant,
    readers::LaneId,
    writer::{Turn, Writer},
};

/// How often a connection that is not fit for a transaction is replaced by another before that is a fault.
const MAX_REPLACED: usize = 3;

/// How long the store may take to begin or to end a transaction, what it is still at included; PostgreSQL gives a
/// statement up after half of it. A connection that does not answer is closed, so that it takes nobody's place for long.
const ANSWERS_WITHIN: Duration = Duration::from_mins(1);

/// An open transaction that writes. Dropped without a commit, it is rolled back.
pub struct Transaction {
    backend: DbBackend,
    open: Mutex<Open>,
    writer: Writer,
}

/// The state of a transaction until it ends.
struct Open {
    /// None once the transaction has ended.
    session: Option<Session>,
    state: State,
}

/// What became of the last statement of a transaction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It was answered, or there was none.
    Sound,
    /// It was not answered yet: it is under way, or whoever waited for the answer is gone.
    UnderWay,
    /// It failed.
    Failed,
}

/// A connection that was taken from the pool. Dropped while it may be within a transaction, it is closed; else it goes back.
struct Session {
    /// None once it was dropped.
    connection: Option<Connection>,
    may_be_within: bool,
    /// Held as long as the connection.
    _turn: Option<Turn>,
}

/// A connection of a pool, of either store.
enum Connection {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

impl fmt::Debug for Transaction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Transaction").field("backend", &self.backend).finish_non_exhaustive()
    }
}

impl Transaction {
    /// Begins a transaction over a connection of the pool that writes, when it is the turn of that lane of a tenant.
    /// Without one it is the process's own.
    pub(super) async fn begin(writer: &Writer, lane: Option<(&Tenant, LaneId)>) -> Result<Self, DbErr> {
        let mut replaced = 0;
        loop {
            let session = Session::acquire(writer, lane).await?;
            let owned = writer.clone();
            let begun = tokio::spawn(async move {
                let mut session = session.begin().await?;
                let backend = session.connection().map_err(Unfit::Failed)?.backend();
                let open = Mutex::new(Open { session: Some(session), state: State::Sound });
                Ok(Self { backend, open, writer: owned })
            });
            match begun.await.map_err(|error| lost(&error))? {
                Err(Unfit::InTransaction) if replaced < MAX_REPLACED => replaced += 1,
                result => return result.map_err(DbErr::from).inspect_err(|error| writer.note(error)),
            }
        }
    }

    /// Commits.
    pub async fn commit(self) -> Result<(), DbErr> {
        self.commit_then(|| ()).await
    }

    /// Commits, and then calls `then`, even if whoever waited for the commit has given up by then.
    pub async fn commit_then(mut self, then: impl FnOnce() + Send + 'static) -> Result<(), DbErr> {
        let committed = tokio::spawn(async move {
            let open = self.open.get_mut();
            // What is left in `self` is rolled back when it is dropped.
            let session = open.session.take_if(|_| open.state == State::Sound).ok_or_else(ended)?;
            session.end("COMMIT").await.inspect_err(|error| self.writer.note(error))?;
            then();
            Ok(())
        });
        committed.await.map_err(|error| lost(&error))?
    }

    /// Rolls back.
    pub async fn rollback(mut self) -> Result<(), DbErr> {
        let Some(session) = self.open.get_mut().session.take() else { return Ok(()) };
        tokio::spawn(session.roll_back()).await.map_err(|error| lost(&error))
    }

    /// Runs one statement.
    async fn run<T>(&self, run: impl AsyncFnOnce(&mut Connection) -> Result<T, DbErr>) -> Result<T, DbErr> {
        let mut open = self.open.lock().await;
        let Open { session: Some(session), state: state @ State::Sound } = &mut *open else {
            return Err(ended());
        };
        self.writer.statements.fetch_add(1, Ordering::Relaxed);
        // Until it is answered: whoever waits for the answer may be gone before it comes.
        *state = State::UnderWay;
        let result = run(session.connection()?).await;
        *state = if result.is_ok() { State::Sound } else { State::Failed };
        result.inspect_err(|error| self.writer.note(error))
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let open = self.open.get_mut();
        let Some(session) = open.session.take() else { return };
        // PostgreSQL stops the statement, and rolls back, once its client has gone (see `durability`). SQLite has answered
        // soon.
        if self.backend == DbBackend::Postgres && open.state == State::UnderWay {
            return;
        }
        // Without a runtime the process ends, and the transaction with its connection.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(session.roll_back());
        }
    }
}

/// The reason why a connection could not begin a transaction.
enum Unfit {
    /// The connection is in a transaction already.
    InTransaction,
    /// The store refused, or cannot be reached.
    Failed(DbErr),
}

impl From<Unfit> for DbErr {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::InTransaction => {
                Self::Custom("a connection that was at rest is in a transaction".to_owned())
            }
            Unfit::Failed(error) => error,
        }
    }
}

macro_rules! with {
    ($connection:expr, $pooled:ident => $do:expr) => {
        match $connection {
            Connection::Sqlite($pooled) => $do,
            Connection::Postgres($pooled) => $do,
        }
    };
}

impl Session {
    async fn acquire(writer: &Writer, lane: Option<(&Tenant, LaneId)>) -> Result<Self, DbErr> {
        let turn = match lane {
            Some((tenant, lane)) => Some(writer.turn(tenant, lane).await?),
            None => None,
        };
        let pool = writer.pool();
        let acquired = match pool.get_database_backend() {
            DbBackend::Postgres => {
                pool.get_postgres_connection_pool().acquire().await.map(Connection::Postgres)
            }
            _ => pool.get_sqlite_connection_pool().acquire().await.map(Connection::Sqlite),
        };
        let connection = acquired.map_err(|error| match error {
            sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
            sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
            error => DbErr::Conn(RuntimeErr::SqlxError(error.into())),
        })?;
        Ok(Self { connection: Some(connection), may_be_within: false, _turn: turn })
    }

    /// The connection within a transaction. One that cannot begin is closed.
    async fn begin(mut self) -> Result<Self, Unfit> {
        self.may_be_within = true;
        let connection = self.connection().map_err(Unfit::Failed)?;
        if with!(&*connection, pooled => pooled.is_in_transaction()) {
            return Err(Unfit::InTransaction);
        }
        let statement = match connection {
            // Taking the write lock at once spares an upgrade that fails when somebody else wrote meanwhile.
            Connection::Sqlite(_) => "BEGIN IMMEDIATE",
            Connection::Postgres(_) => "BEGIN",
        };
        let Err(error) = connection.control(statement).await else { return Ok(self) };
        // SQLite has no code of its own for it.
        let is_within =
            error.as_database_error().is_some_and(|error| error.message().contains("within a transaction"));
        Err(if is_within { Unfit::InTransaction } else { Unfit::Failed(exec_error(error)) })
    }

    /// Ends the transaction. If the store confirms it, the connection goes back to its pool, and else it is closed.
    async fn end(mut self, statement: &'static str) -> Result<(), DbErr> {
        self.connection()?.control(statement).await.map_err(exec_error)?;
        self.may_be_within = false;
        Ok(())
    }

    /// Ends the transaction without keeping anything. Where the store does not confirm it, as SQLite does not when it has
    /// rolled back by itself, the transaction ends with the connection.
    async fn roll_back(self) {
        if let Err(error) = self.end("ROLLBACK").await {
            tracing::debug!(%error, "closed a connection whose transaction could not be rolled back");
        }
    }

    fn connection(&mut self) -> Result<&mut Connection, DbErr> {
        self.connection.as_mut().ok_or_else(ended)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take().filter(|_| self.may_be_within) else { return };
        if Handle::try_current().is_ok() {
            with!(&mut connection, pooled => pooled.close_on_drop());
        } else {
            // Nothing could wait for the goodbye.
            with!(connection, pooled => drop(pooled.leak()));
        }
    }
}

impl Connection {
    const fn backend(&self) -> DbBackend {
        match self {
            Self::Sqlite(_) => DbBackend::Sqlite,
            Self::Postgres(_) => DbBackend::Postgres,
        }
    }

    /// Begins or ends a transaction.
    async fn control(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        let done = async { with!(self, pooled => pooled.execute(statement).await.map(drop)) };
        timeout(ANSWERS_WITHIN, done)
            .await
            .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
    }

    async fn execute(&mut self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Sqlite(connection) => {
                sqlx::query_with(AssertSqlSafe(statement.sql), values(statement.values))
                    .execute(&mut **connection)
                    .await
                    .map(ExecResult::from)
            }
            Self::Postgres(connection) => {
                sqlx::query_with(AssertSqlSafe(statement.sql), values(statement.values))
                    .execute(&mut **connection)
                    .await
                    .map(ExecResult::from)
            }
        }
        .map_err(exec_error)
    }

    async fn execute_unprepared(&mut self, sql: String) -> Result<ExecResult, DbErr> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        match self {
            Self::Sqlite(connection) => sql.execute(&mut **connection).await.map(ExecResult::from),
            Self::Postgres(connection) => sql.execute(&mut **connection).await.map(ExecResult::from),
        }
        .map_err(exec_error)
    }

    async fn rows(&mut self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Sqlite(connection) => {
                let query = sqlx::query_with(AssertSqlSafe(statement.sql), values(statement.values));
                let rows = query.fetch_all(&mut **connection).await;
                rows.map(|rows| rows.into_iter().map(QueryResult::from).collect())
            }
            Self::Postgres(connection) => {
                let query = sqlx::query_with(AssertSqlSafe(statement.sql), values(statement.values));
                let rows = query.fetch_all(&mut **connection).await;
                rows.map(|rows| rows.into_iter().map(QueryResult::from).collect())
            }
        }
        .map_err(|error| DbErr::Query(RuntimeErr::SqlxError(error.into())))
    }
}

fn values(values: Option<Values>) -> SqlxValues {
    SqlxValues(values.unwrap_or_else(|| Values(Vec::new())))
}

fn exec_error(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

/// The error for a transaction that can only be rolled back.
fn ended() -> DbErr {
    DbErr::Custom("a statement of this transaction failed before, so nothing of it was kept".to_owned())
}

/// The error for a task that ended without an answer: it panicked, or the process ends. What it was at may have been done.
fn lost(error: &tokio::task::JoinError) -> DbErr {
    exec_error(io::Error::other(format!("the end of a transaction was lost: {error}")).into())
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.run(async |connection: &mut Connection| connection.execute(statement).await).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.run(async |connection: &mut Connection| connection.execute_unprepared(sql.to_owned()).await)
            .await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        // Statements that are asked for one row find one at most.
        Ok(self.query_all_raw(statement).await?.into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.run(async |connection: &mut Connection| connection.rows(statement).await).await
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use sea_orm::ConnectOptions;

    use super::*;

    /// A file with a table, and a pool of one connection to it.
    async fn store() -> (tempfile::TempDir, Writer) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("test.db").display());
        let mut options = ConnectOptions::new(url);
        options.max_connections(1).acquire_timeout(Duration::from_secs(5));
        let pool = sea_orm::Database::connect(options).await.unwrap();
        pool.execute_unprepared("CREATE TABLE kept (id INTEGER PRIMARY KEY)").await.unwrap();
        (folder, Writer::new(pool, 1, &Arc::default()))
    }

    async fn keep(tx: &Transaction, id: u32) -> Result<(), DbErr> {
        tx.execute_unprepared(&format!("INSERT INTO kept VALUES ({id})")).await.map(drop)
    }

    /// What somebody sees who has nothing to do with the pool.
    async fn kept(folder: &tempfile::TempDir) -> Vec<i64> {
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        let reader = sea_orm::Database::connect(url).await.unwrap();
        let statement = Statement::from_string(DbBackend::Sqlite, "SELECT id FROM kept ORDER BY id");
        let rows = reader.query_all_raw(statement).await.unwrap();
        reader.close().await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    #[tokio::test]
    async fn what_is_committed_is_kept_and_what_is_not_is_not() {
        let (folder, writer) = store().await;
        let tx = Transaction::begin(&writer, None).await.unwrap();
        keep(&tx, 1).await.unwrap();
        assert!(kept(&folder).await.is_empty());
        tx.commit().await.unwrap();
        let tx = Transaction::begin(&writer, None).await.unwrap();
        keep(&tx, 2).await.unwrap();
        tx.rollback().await.unwrap();
        let tx = Transaction::begin(&writer, None).await.unwrap();
        keep(&tx, 3).await.unwrap();
        drop(tx);
        Transaction::begin(&writer, None).await.unwrap().commit().await.unwrap();
        assert_eq!(kept(&folder).await, [1]);
    }

    #[tokio::test]
    async fn after_a_statement_that_failed_nothing_more_is_done() {
        let (folder, writer) = store().await;
        let tx = Transaction::begin(&writer, None).await.unwrap();
        keep(&tx, 1).await.unwrap();
        assert!(matches!(keep(&tx, 1).await, Err(DbErr::Exec(_))));
        // SQLite would go on, and PostgreSQL would call the end a success.
        assert!(matches!(keep(&tx, 2).await, Err(DbErr::Custom(_))));
        assert!(matches!(tx.commit().await, Err(DbErr::Custom(_))));
        Transaction::begin(&writer, None).await.unwrap().rollback().await.unwrap();
        assert!(kept(&folder).await.is_empty());
        // The connection is sound: SQLite confirmed the rollback.
        let tx = Transaction::begin(&writer, None).await.unwrap();
        keep(&tx, 3).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(kept(&folder).await, [3]);
    }

    #[tokio::test]
    async fn what_follows_a_commit_is_done_though_nobody_waits_for_it() {
        let (folder, writer) = store().await;
        let tx = Transaction::begin(&writer, None).await.unwrap();
        keep(&tx, 1).await.unwrap();
        let (done, is_done) = tokio::sync::oneshot::channel();
        let mut commit = Box::pin(tx.commit_then(move || done.send(()).unwrap()));
        assert!(futures_util::poll!(&mut commit).is_pending());
        drop(commit);
        is_done.await.unwrap();
        assert_eq!(kept(&folder).await, [1]);
    }

    #[tokio::test]
    async fn a_connection_that_is_in_a_transaction_is_replaced() {
        let (folder, writer) = store().await;
        // Somebody left it so, and the driver does not know.
        let mut left = writer.pool().get_sqlite_connection_pool().acquire().await.unwrap();
        left.execute("BEGIN").await.unwrap();
        drop(left);
        let tx = Transaction::begin(&writer, None).await.unwrap();
        keep(&tx, 1).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(kept(&folder).await, [1]);
    }

    #[tokio::test]
    async fn a_connection_that_the_driver_takes_to_be_in_a_transaction_is_replaced() {
        let (folder, writer) = store().await;
        // As after a write that failed: SQLite has rolled back by itself.
        let mut left = writer.pool().get_sqlite_connection_pool().acquire().await.unwrap();
        std::mem::forget(left.begin().await.unwrap());
        left.execute("ROLLBACK").await.unwrap();
        drop(left);
        for id in [1, 2] {
            let tx = Transaction::begin(&writer, None).await.unwrap();
            keep(&tx, id).await.unwrap();
            tx.commit().await.unwrap();
            Transaction::begin(&writer, None).await.unwrap().rollback().await.unwrap();
        }
        assert_eq!(kept(&folder).await, [1, 2]);
    }
}
