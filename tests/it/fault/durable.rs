//! What PostgreSQL is asked to keep before it confirms a commit.

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use waybill::store::Database;

use crate::harness::TestDatabase;

/// What a transaction of the store's says of how it commits.
async fn commits(url: &str) -> String {
    let database = Database::open(url, Some(2)).await.unwrap();
    let tx = database.write_transaction(&waybill::store::Tenant::new("default"), 0).await.unwrap();
    let statement = Statement::from_string(DbBackend::Postgres, "SHOW synchronous_commit");
    let row = tx.query_one_raw(statement).await.unwrap().unwrap();
    tx.rollback().await.unwrap();
    database.close().await;
    row.try_get_by_index(0).unwrap()
}

#[tokio::test]
async fn a_commit_waits_for_the_disk_whatever_the_database_is_set_to() {
    let store = TestDatabase::create().await;
    if !store.is_postgres() {
        return;
    }
    for (set_to, expected) in
        [("off", "on"), ("on", "on"), ("local", "local"), ("remote_write", "remote_write")]
    {
        let name = store.url.rsplit('/').next().unwrap();
        let database = Database::open(&store.url, Some(1)).await.unwrap();
        let tx = database.write_transaction(&waybill::store::Tenant::new("default"), 0).await.unwrap();
        tx.execute_unprepared(&format!("ALTER DATABASE {name} SET synchronous_commit = {set_to}"))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        database.close().await;
        assert_eq!(commits(&store.url).await, expected, "{set_to}");
    }
}
