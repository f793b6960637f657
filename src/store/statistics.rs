//! What PostgreSQL knows of tables when it plans.

use std::time::Duration;

use sea_orm::{
    DbBackend,
    sqlx::{self, AssertSqlSafe},
};
use tokio_util::sync::CancellationToken;

use super::Database;

/// How often tables that grew are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Tables that are more than four times as large as when they were looked through last; those of others can only be
/// looked through by them.
const GROWN: &str = "SELECT quote_ident(relname) FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND pg_has_role(relowner, 'USAGE')
    AND pg_relation_size(oid) / current_setting('block_size')::int > 4 * greatest(relpages, 2)
    ORDER BY relname";

/// Keeps PostgreSQL's statistics of tables that grow fast near the truth.
///
/// A statement is planned once and the plan is kept until the statistics change. What is planned for an empty table may
/// look rows up by their tenant alone, and PostgreSQL itself looks for tables that grew once a minute only: a new
/// database that is filled would crawl until then.
#[derive(Clone, Debug)]
pub struct Statistics {
    database: Database,
}

impl Statistics {
    /// The service of a process. Several of them do not disturb each other.
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Works until `shutdown`. SQLite keeps no statistics.
    pub async fn run(self, shutdown: CancellationToken) {
        if self.database.backend() != DbBackend::Postgres {
            return;
        }
        while !shutdown.is_cancelled() {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(LOOK_EVERY) => if let Err(error) = self.refresh().await {
                    tracing::warn!(%error, "tables that grew could not be analysed; trying again");
                },
            }
        }
    }

    /// Looks through the tables that grew, and gives their names.
    pub async fn refresh(&self) -> Result<Vec<String>, sqlx::Error> {
        if self.database.backend() != DbBackend::Postgres {
            return Ok(Vec::new());
        }
        let pool = self.database.writer().pool().get_postgres_connection_pool();
        let grown: Vec<String> = sqlx::query_scalar(GROWN).fetch_all(pool).await?;
        for table in &grown {
            // Another process may be at it.
            sqlx::query(AssertSqlSafe(format!("ANALYZE (SKIP_LOCKED) {table}"))).execute(pool).await?;
        }
        Ok(grown)
    }
}
