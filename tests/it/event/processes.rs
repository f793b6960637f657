//! Several processes on one PostgreSQL: what one commits, the subscribers of the others hear.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

use super::{commit_order, positions, watch, whole_log};
use crate::harness::{TestApp, samples::order, wait::until};

/// Two processes that wake each other; none where the store serves only one.
async fn two() -> Option<[Arc<TestApp>; 2]> {
    let one = TestApp::start_with(8).await;
    if !one.database.is_postgres() {
        return None;
    }
    let other = TestApp::beside(&one).await;
    one.hear_others();
    other.hear_others();
    Some([Arc::new(one), Arc::new(other)])
}

/// Waits until two processes over one store hear each other.
pub(crate) async fn hear_each_other(app: &TestApp) {
    let db = sea_orm::Database::connect(&app.database.url).await.unwrap();
    let listening = async || {
        let statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                         AND query LIKE 'LISTEN%'";
        let rows = db.query_one_raw(Statement::from_string(DbBackend::Postgres, statement)).await.unwrap();
        let count: i64 = rows.unwrap().try_get_by_index(0).unwrap();
        (count == 2).then_some(())
    };
    until("connections that listen", listening).await;
    db.clone().close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_in_one_process_reaches_the_subscribers_of_the_other_within_a_second() {
    let Some([one, other]) = two().await else { return };
    let mut socket = watch(other.listen().await, 0).await;
    // The first one may come before the processes hear each other; then it is found by looking.
    one.create(order(1)).await;
    let mut heard = socket.events("1", 4).await;
    let begun = Instant::now();
    for _ in 0..20 {
        let committed = Instant::now();
        one.create(order(1)).await;
        heard.extend(socket.events("1", 4).await);
        assert!(committed.elapsed() < Duration::from_secs(1), "{:?}", committed.elapsed());
    }
    // Without wake-ups each would have waited for the look once a second.
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(heard, whole_log(&one).await);
    assert_eq!(positions(&heard), (1..=84).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_of_two_processes_see_every_event_of_the_writers_of_both() {
    let Some(apps) = two().await else { return };
    commit_order::check(&apps).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dashboard_goes_on_at_another_process_where_it_stopped_at_the_first() {
    let Some([one, other]) = two().await else { return };
    let mut socket = watch(one.listen().await, 0).await;
    one.create(order(2)).await;
    let mut heard = socket.events("1", 3).await;
    drop(socket);
    other.create(order(1)).await;
    let mut socket = watch(other.listen().await, 3).await;
    one.create(order(1)).await;
    heard.extend(socket.events("1", 10).await);
    assert_eq!(heard, whole_log(&other).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_lost_its_connection_for_wake_ups_misses_nothing_and_hears_again() {
    let Some([one, other]) = two().await else { return };
    let mut socket = watch(other.listen().await, 0).await;
    one.create(order(1)).await;
    let mut heard = socket.events("1", 4).await;
    let db = sea_orm::Database::connect(&one.database.url).await.unwrap();
    // Every connection that listens, of both processes; and once more, while they come back.
    for _ in 0..2 {
        let cut = async || {
            let statement = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                             WHERE datname = current_database() AND query LIKE 'LISTEN%'";
            let rows =
                db.query_one_raw(Statement::from_string(DbBackend::Postgres, statement)).await.unwrap();
            let cut: i64 = rows.unwrap().try_get_by_index(0).unwrap();
            (cut == 2).then_some(())
        };
        until("connections that listen", cut).await;
        one.create(order(1)).await;
        let committed = Instant::now();
        heard.extend(socket.events("1", 4).await);
        // A second, and what a busy machine adds.
        assert!(committed.elapsed() < Duration::from_secs(2), "{:?}", committed.elapsed());
    }
    hear_each_other(&one).await;
    let begun = Instant::now();
    for _ in 0..10 {
        one.create(order(1)).await;
        heard.extend(socket.events("1", 4).await);
    }
    // Found by looking once a second, these would take longer.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    db.close().await.unwrap();
    assert_eq!(heard, whole_log(&one).await);
}
