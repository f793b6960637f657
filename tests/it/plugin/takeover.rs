//! Runs of a process that died.

use chrono::Duration;
use serde_json::json;
use waybill::store;

use super::{claim_and_die, gate, order_of, pass, reader, reject, run_statuses, settle_late};
use crate::harness::{PluginServer, TestApp, samples::order};

#[tokio::test]
async fn a_dead_processs_run_is_taken_over_after_thirty_seconds() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    gate(&app, "checker", &server).await;
    let (id, _) = app.create(order(1)).await;
    claim_and_die(&app).await;
    assert_eq!(run_statuses(&app).await, ["checker RUNNING"]);
    assert_eq!(app.settle().await, 0);
    app.advance(Duration::milliseconds(29_999));
    assert_eq!(app.settle().await, 0);
    assert_eq!(server.calls().len(), 0);
    app.advance(Duration::milliseconds(1));
    assert_eq!(app.settle().await, 1);
    assert_eq!(server.calls().len(), 1);
    assert_eq!(server.calls()[0].body["run"]["attempt"], json!(2));
    assert_eq!(run_statuses(&app).await, ["checker PASSED"]);
    assert_eq!(order_of(&app, &id, "status").await, json!({"status": "IN_PROGRESS"}));
    app.check_invariants().await;
}

#[tokio::test]
async fn what_the_dead_one_says_late_is_ignored_before_and_after_the_other_settles() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (plugin_id, _) = gate(&app, "checker", &server).await;
    let (id, _) = app.create(order(1)).await;
    let dead = claim_and_die(&app).await;
    app.advance(Duration::seconds(30));
    let other = claim_and_die(&app).await;
    let run = app.stored().await.runs.remove(0);
    let before = app.stored().await;
    settle_late(&app, &run, dead, &plugin_id, reject("DEAD")).await;
    assert_eq!(app.stored().await, before);
    settle_late(&app, &run, other, &plugin_id, pass()).await;
    assert_eq!(order_of(&app, &id, "status").await, json!({"status": "IN_PROGRESS"}));
    let settled = app.check_invariants().await;
    for answer in [reject("DEAD"), pass()] {
        settle_late(&app, &run, dead, &plugin_id, answer.clone()).await;
        settle_late(&app, &run, other, &plugin_id, answer).await;
    }
    assert_eq!(app.stored().await, settled);
    let attempts = store::plugin_run::attempts(&reader(&app).db(), &[run.id]).await.unwrap();
    assert_eq!(attempts.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), [2]);
}

#[tokio::test]
async fn a_take_up_gives_each_run_to_one_of_many_processes() {
    let app = TestApp::start_with(8).await;
    let server = PluginServer::start().await;
    gate(&app, "checker", &server).await;
    let orders: Vec<_> = (0..100).map(|_| order(1)).collect();
    app.mutate("ordersCreate", json!({"orders": orders}), "created").await;
    let now = app.app.clock.now();
    let (lane, _) = store::queue::lanes(&app.app.database, None, 100).await.unwrap().remove(0);
    let claims = (0..8).map(|_| async {
        let mut mine = Vec::new();
        loop {
            let (lease, until) = (app.app.ids.uuid(), now + Duration::seconds(30));
            let claimed = store::queue::claim_runs(&app.app.database, &lane, now, until, lease, 7).await;
            let claimed: Vec<_> = claimed.unwrap().runs.into_iter().map(|run| run.id).collect();
            assert!(claimed.len() <= 7, "{} at once", claimed.len());
            if claimed.is_empty() {
                return mine;
            }
            mine.extend(claimed);
        }
    });
    let mut claimed: Vec<_> = futures_util::future::join_all(claims).await.concat();
    assert_eq!(claimed.len(), 100);
    claimed.sort();
    claimed.dedup();
    assert_eq!(claimed.len(), 100);
    assert!(app.stored().await.runs.iter().all(|run| run.attempts == 1 && run.lease.is_some()));
}

#[tokio::test]
async fn two_processes_ask_a_plugin_once_for_each_order() {
    let app = TestApp::start_with(4).await;
    let other = TestApp::beside(&app).await;
    let server = PluginServer::start().await;
    gate(&app, "checker", &server).await;
    let orders: Vec<_> = (0..150).map(|_| order(1)).collect();
    app.mutate("ordersCreate", json!({"orders": orders}), "created").await;
    let (one, two) = tokio::join!(app.settle(), other.settle());
    assert_eq!(one + two, 150);
    let mut keys: Vec<_> = server
        .calls()
        .iter()
        .map(|call| call.headers["idempotency-key"].to_str().unwrap().to_owned())
        .collect();
    keys.sort();
    keys.dedup();
    assert_eq!((keys.len(), server.calls().len()), (150, 150));
    let stored = app.check_invariants().await;
    assert!(stored.orders.iter().all(|order| order.status == "IN_PROGRESS"));
}
