//! Whether anybody is within a transaction, asked past the service.

use std::time::{Duration, Instant};

use sea_orm::{ConnectOptions, ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};

use crate::harness::TestDatabase;

/// How long a transaction may go on of which nobody hears any more: its rollback may be under way.
const LIMIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

/// What the connections of a PostgreSQL database are within.
const OPEN_TRANSACTIONS: &str = "
    SELECT coalesce(string_agg(format('pid %s, %s for %s s, last: %s', pid, state,
        round(extract(epoch from now() - state_change)::numeric, 1), left(query, 60)), E'\\n'), '')
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'";
/// What they hold.
const LOCKS: &str = "
    SELECT coalesce(string_agg(format('pid %s, %s %s', pid, locktype, mode), E'\\n'), '')
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";

/// A connection of one's own to a store.
pub(super) struct Watch {
    db: DatabaseConnection,
}

impl Watch {
    pub(super) async fn over(database: &TestDatabase) -> Self {
        let mut options = ConnectOptions::new(database.url.clone());
        options.max_connections(1);
        Self { db: sea_orm::Database::connect(options).await.unwrap() }
    }

    /// Waits until no connection is within a transaction, which must be soon.
    pub(super) async fn sees_no_transaction(&self) {
        if self.db.get_database_backend() == DbBackend::Postgres {
            self.sees_nothing(OPEN_TRANSACTIONS).await;
            self.sees_nothing(LOCKS).await;
        } else {
            // Waits for whoever writes, and fails if that takes longer than five seconds.
            self.db.execute_unprepared("BEGIN IMMEDIATE").await.expect("somebody does not end");
            self.db.execute_unprepared("ROLLBACK").await.unwrap();
        }
    }

    async fn sees_nothing(&self, query: &str) {
        let begun = Instant::now();
        loop {
            let statement = Statement::from_string(DbBackend::Postgres, query);
            let row = self.db.query_one_raw(statement).await.unwrap().unwrap();
            let found: String = row.try_get_by_index(0).unwrap();
            if found.is_empty() {
                return;
            }
            assert!(begun.elapsed() < LIMIT, "after {LIMIT:?} there is still:\n{found}");
            tokio::time::sleep(PAUSE).await;
        }
    }
}
