//! Statements that keep the store busy.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sea_orm::{ConnectionTrait as _, Database, DbBackend, Statement, TransactionTrait as _};
use serde_json::json;
use waybill::config::{Config, Limits};

use super::{create, greedy, modest};
use crate::harness::{TestApp, wait::until};

/// How long a statement may go on that nobody waits for. Left alone, it ends after 30 seconds.
const PATIENCE: Duration = Duration::from_secs(15);

/// How many statements of others wait for a lock of a table.
async fn waiting(db: &sea_orm::DatabaseConnection) -> i64 {
    let statement = Statement::from_string(
        DbBackend::Postgres,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    db.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

/// Gives an operation up once its statement waits for a lock, and waits until the statement is over.
async fn leave<T>(db: &sea_orm::DatabaseConnection, operation: impl Future<Output = T>) {
    tokio::select! {
        _ = operation => panic!("it did not wait for the lock"),
        () = until("the statement", async || (waiting(db).await == 1).then_some(())) => {}
    }
    let begun = Instant::now();
    until("the end of the statement", async || (waiting(db).await == 0).then_some(())).await;
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
}

/// PostgreSQL alone has locks for which a read waits; that SQLite stops a statement is tested beside the code.
#[tokio::test]
async fn a_statement_of_an_operation_that_is_over_is_stopped() {
    let limits = Limits { store_seconds: 1, seconds: 2, ..Limits::default() };
    let app = Arc::new(TestApp::configured(Config { limits, ..Config::default() }).await);
    if app.app.database.backend() != DbBackend::Postgres {
        return;
    }
    create(&app, &greedy(), 1, None).await;
    let db = Database::connect(&app.database.url).await.unwrap();
    let lock = db.begin().await.unwrap();
    lock.execute_unprepared("LOCK TABLE work_order IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let document = "{ workOrders { nodes { id } } }";
    // One connection reads: each of these needs the one before to be free again.
    for _ in 0..2 {
        let (code, message) = app.execute_as(greedy(), document, json!({})).await.error();
        assert_eq!(code, "QUERY_TOO_COMPLEX");
        assert!(message.contains("because it takes the database longer than 1s;"), "{message}");
    }
    // A caller that goes away is the same.
    leave(&db, app.execute_as(greedy(), document, json!({}))).await;
    // The connection serves others, who read what is not locked.
    let viewer = "{ orders { nodes { id } } }";
    app.execute_as(modest(), viewer, json!({})).await.data();
    lock.rollback().await.unwrap();
    db.close().await.unwrap();
    let data = app.execute_as(greedy(), "{ workOrders { nodes { status } } }", json!({})).await.data();
    assert_eq!(data["workOrders"]["nodes"].as_array().unwrap().len(), 1);
}

/// The same for a mutation, which waits for a row that somebody has locked.
#[tokio::test]
async fn a_statement_of_a_mutation_that_was_given_up_is_stopped() {
    let app = Arc::new(TestApp::configured(Config::default()).await);
    if app.app.database.backend() != DbBackend::Postgres {
        return;
    }
    let (id, _) = app.create(crate::harness::samples::order(1)).await;
    let before = app.stored().await;
    let db = Database::connect(&app.database.url).await.unwrap();
    let lock = db.begin().await.unwrap();
    lock.execute_unprepared("SELECT id FROM platform_order FOR UPDATE").await.unwrap();
    let cancel =
        format!("mutation {{ orderCancel(input: {{id: \"{id}\"}}) {{ userErrors {{ message }} }} }}");
    leave(&db, app.run(&cancel)).await;
    assert_eq!(app.stored().await.events, before.events);
    lock.rollback().await.unwrap();
    db.close().await.unwrap();
    // The one connection that writes serves others again.
    app.run(&cancel).await.data();
}
