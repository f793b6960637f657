//! A store for each test: a SQLite file, or a clone of a migrated template in the PostgreSQL that `TEST_DATABASE_URL`
//! names.

use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::{ConnectionTrait, DbBackend};
use tokio::sync::OnceCell;
use waybill::store::Database;

static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static COUNT: AtomicU32 = AtomicU32::new(0);

/// A store that is removed when it is dropped.
pub(crate) struct TestDatabase {
    /// Names it.
    pub(crate) url: String,
    kind: Kind,
}

enum Kind {
    Sqlite { _folder: tempfile::TempDir },
    Postgres { server: String, name: String },
}

impl TestDatabase {
    /// A migrated, empty store.
    pub(crate) async fn create() -> Self {
        let Ok(server) = std::env::var("TEST_DATABASE_URL") else {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}", folder.path().join("test.db").display());
            let database = Database::open(&url, Some(1)).await.unwrap();
            database.migrate().await.unwrap();
            database.close().await;
            return Self { url, kind: Kind::Sqlite { _folder: folder } };
        };
        let template = TEMPLATE.get_or_init(|| make_template(&server)).await;
        let name = format!("{template}_{}", COUNT.fetch_add(1, Ordering::SeqCst));
        admin(&server, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        Self { url: with_database(&server, &name), kind: Kind::Postgres { server, name } }
    }

    /// Whether it is PostgreSQL.
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.kind, Kind::Postgres { .. })
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Kind::Postgres { server, name } = &self.kind else { return };
        let (server, statement) = (server.clone(), format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        // A runtime of its own: the test's may be ending.
        let dropper = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(admin(&server, &statement));
        });
        dropper.join().unwrap();
    }
}

async fn make_template(server: &str) -> String {
    let name = format!("waybill_test_{}", std::process::id());
    admin(server, &format!("DROP DATABASE IF EXISTS {name}")).await;
    admin(server, &format!("CREATE DATABASE {name}")).await;
    let database = Database::open(&with_database(server, &name), Some(1)).await.unwrap();
    database.migrate().await.unwrap();
    database.close().await;
    name
}

async fn admin(server: &str, statement: &str) {
    let connection = sea_orm::Database::connect(server).await.unwrap();
    assert_eq!(connection.get_database_backend(), DbBackend::Postgres);
    connection.execute_unprepared(statement).await.unwrap();
    connection.close().await.unwrap();
}

fn with_database(server: &str, name: &str) -> String {
    let mut url = url::Url::parse(server).unwrap();
    url.set_path(name);
    url.into()
}
