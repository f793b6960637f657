//! Everything that the store holds, whatever its tables are: a table that is added is looked at without anybody
//! remembering it.

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};

use crate::harness::TestApp;

/// The table of what was done to the schema of the store.
const MIGRATIONS: &str = "seaql_migrations";
/// What a request may change although it is refused: when a key was last shown.
const SHOWN: &str = "last_used_at";

/// Reads all rows of a store.
pub(super) struct Fingerprint {
    store: DatabaseConnection,
    /// One statement for all tables.
    statement: String,
}

impl Fingerprint {
    pub(super) async fn of(app: &TestApp) -> Self {
        let store = sea_orm::Database::connect(&app.database.url).await.unwrap();
        let is_postgres = app.database.is_postgres();
        let tables = texts(
            &store,
            if is_postgres {
                "SELECT table_name::text FROM information_schema.tables
                 WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY 1"
            } else {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1"
            },
        )
        .await;
        let mut selects = Vec::new();
        for table in tables.iter().filter(|table| *table != MIGRATIONS) {
            let row = if is_postgres {
                format!("(to_jsonb(t) - '{SHOWN}')::text")
            } else {
                let columns = format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid");
                let columns = texts(&store, &columns).await;
                let columns = columns.iter().filter(|column| *column != SHOWN);
                columns
                    .map(|column| format!("'{column}=' || quote(t.\"{column}\")"))
                    .collect::<Vec<_>>()
                    .join(" || ' ' || ")
            };
            selects.push(format!("SELECT '{table}: ' || {row} AS row FROM \"{table}\" t"));
        }
        assert!(selects.len() > 10, "the test does not find the tables: {tables:?}");
        let statement = format!("{} ORDER BY 1", selects.join(" UNION ALL "));
        Self { store, statement }
    }

    /// Every row, in the same order each time.
    pub(super) async fn rows(&self) -> Vec<String> {
        texts(&self.store, &self.statement).await
    }
}

/// The first column of what a statement finds.
async fn texts(store: &DatabaseConnection, statement: &str) -> Vec<String> {
    let backend: DbBackend = store.get_database_backend();
    let rows = store.query_all_raw(Statement::from_string(backend, statement)).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

/// What rows are there now and were not before, or the other way round.
pub(super) fn difference(before: &[String], after: &[String]) -> Vec<String> {
    let gone = before.iter().filter(|row| after.binary_search(row).is_err()).map(|row| format!("- {row}"));
    let come = after.iter().filter(|row| before.binary_search(row).is_err()).map(|row| format!("+ {row}"));
    gone.chain(come).collect()
}
