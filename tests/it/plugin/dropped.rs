//! Runs that nobody waits for any more: they are dropped, and what comes of them later changes nothing.

use serde_json::json;

use super::{NO, claim_and_die, gate, gate::events, order_of, pass, reject, run_statuses, settle_late};
use crate::harness::{PluginServer, TestApp, samples::order};

#[tokio::test]
async fn one_rejection_drops_the_other_run_and_its_late_answer_changes_nothing() {
    for late in [pass(), reject("TOO_LATE")] {
        let app = TestApp::start().await;
        let server = PluginServer::start().await;
        let (first, _) = gate(&app, "first", &server).await;
        let (second, _) = gate(&app, "second", &server).await;
        let (id, _) = app.create(order(1)).await;
        let lease = claim_and_die(&app).await;
        let runs = app.stored().await.runs;
        settle_late(&app, &runs[0], lease, &first, reject("NO")).await;
        assert_eq!(
            order_of(&app, &id, "status outcome").await,
            json!({"status": "CLOSED", "outcome": "REJECTED"})
        );
        assert_eq!(run_statuses(&app).await, ["first REJECTED", "second FAILED"]);
        assert_eq!(
            events(&app, 2).await,
            [
                "PLUGIN_RUN_FINISHED REJECTED NO no plugin:late 1",
                "ORDER_STATUS_CHANGED REJECT CLOSED NO no plugin:late 2",
                "WORK_ORDER_STATUS_CHANGED CANCEL CANCELLED NO no plugin:late 2",
                "PLUGIN_RUN_FINISHED FAILED ORDER_SETTLED plugin:late 2",
            ]
        );
        let before = app.check_invariants().await;
        settle_late(&app, &runs[1], lease, &second, late).await;
        assert_eq!(app.stored().await, before);
        app.advance(chrono::Duration::hours(1));
        assert_eq!((app.settle().await, server.calls().len()), (0, 0));
    }
}

#[tokio::test]
async fn a_run_that_was_dropped_while_it_waited_asks_nobody() {
    let app = TestApp::start().await;
    let (no, yes) = (PluginServer::start().await, PluginServer::start().await);
    gate(&app, "refuses", &no).await;
    gate(&app, "never asked", &yes).await;
    no.answer(422, NO);
    app.create(order(1)).await;
    app.settle().await;
    assert_eq!(run_statuses(&app).await, ["refuses REJECTED", "never asked FAILED"]);
    assert_eq!((no.calls().len(), yes.calls().len()), (1, 0));
}

#[tokio::test]
async fn a_callers_rejection_or_cancellation_drops_the_open_runs() {
    for (event, outcome) in [("REJECT", "REJECTED"), ("CANCEL", "CANCELLED")] {
        let app = TestApp::start().await;
        let server = PluginServer::start().await;
        let (plugin_id, _) = gate(&app, "checker", &server).await;
        let (id, _) = app.create(order(1)).await;
        let lease = claim_and_die(&app).await;
        let run = app.stored().await.runs.remove(0);
        let input = json!({"id": id, "event": event, "reasonCode": "MISTAKE", "note": "wrong client"});
        app.change("orderTransition", input, "order { status }").await;
        let found = order_of(&app, &id, "status outcome").await;
        assert_eq!(found, json!({"status": "CLOSED", "outcome": outcome}), "{event}");
        assert_eq!(run_statuses(&app).await, ["checker FAILED"]);
        let log = app.log().await;
        assert_eq!(log.last().map(String::as_str), Some("PLUGIN_RUN_FINISHED FAILED"), "{log:?}");
        assert!(log.contains(&"ORDER_STATUS_CHANGED CLOSED".to_owned()), "{log:?}");
        let before = app.check_invariants().await;
        settle_late(&app, &run, lease, &plugin_id, pass()).await;
        assert_eq!(app.stored().await, before, "{event}");
        app.advance(chrono::Duration::hours(1));
        assert_eq!((app.settle().await, server.calls().len()), (0, 0));
    }
}
