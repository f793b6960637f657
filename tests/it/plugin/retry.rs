//! Plugins that do not answer well: when they are asked again, and when no more.

use chrono::Duration;
use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::{gate, order_of, plugin, run_statuses, runs, workflow};
use crate::harness::{PluginServer, TestApp, samples::order};

/// Number, status and error of each attempt of the only run.
async fn attempts(app: &TestApp) -> Vec<Value> {
    let attempts = runs(app).await[0]["steps"][0]["attempts"].as_array().unwrap().clone();
    attempts.iter().map(|it| json!([it["number"], it["statusCode"], it["error"]])).collect()
}

/// Works on what is due after some time, and gives how often the plugin has been called by then.
async fn calls_after(app: &TestApp, server: &PluginServer, milliseconds: i64) -> usize {
    app.advance(Duration::milliseconds(milliseconds));
    app.settle().await;
    server.calls().len()
}

#[tokio::test]
async fn a_plugin_is_asked_again_with_growing_waits_and_when_it_says_so() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    gate(&app, "checker", &server).await;
    server
        .answer(500, "{}")
        .answer_with(429, vec![("retry-after", "7".to_owned())], "")
        .answer_with(503, vec![("retry-after", "Sun, 01 Mar 2026 09:00:00 GMT".to_owned())], "busy")
        .answer(408, "");
    let (id, _) = app.create(order(1)).await;
    assert_eq!(calls_after(&app, &server, 0).await, 1);
    assert_eq!(run_statuses(&app).await, ["checker RUNNING"]);
    assert_eq!(order_of(&app, &id, "status version").await, json!({"status": "INITIATED", "version": 1}));
    // The first wait is half a second, of which chance decides about the second half; it decides little here.
    assert_eq!(calls_after(&app, &server, 249).await, 1);
    assert_eq!(calls_after(&app, &server, 2).await, 2);
    assert_eq!(calls_after(&app, &server, 6_999).await, 2);
    assert_eq!(calls_after(&app, &server, 1).await, 3);
    // It wanted to be left alone for an hour; ten minutes is the most.
    assert_eq!(calls_after(&app, &server, 599_999).await, 3);
    assert_eq!(calls_after(&app, &server, 1).await, 4);
    assert_eq!(calls_after(&app, &server, 1_999).await, 4);
    assert_eq!(calls_after(&app, &server, 2).await, 5);
    assert_eq!(run_statuses(&app).await, ["checker PASSED"]);
    assert_eq!(order_of(&app, &id, "status").await, json!({"status": "IN_PROGRESS"}));
    assert_eq!(
        attempts(&app).await,
        [
            json!([1, 500, "the plugin answered 500"]),
            json!([2, 429, "the plugin answered 429"]),
            json!([3, 503, "the plugin answered 503"]),
            json!([4, 408, "the plugin answered 408"]),
            json!([5, 200, null]),
        ]
    );

    let calls = server.calls();
    for (number, call) in (1..).zip(&calls) {
        for name in ["idempotency-key", "webhook-id"] {
            assert_eq!(call.headers[name], calls[0].headers[name], "{name} of attempt {number}");
        }
        assert_eq!(call.body["run"]["attempt"], json!(number));
    }
    let times: Vec<_> = calls.iter().map(|call| call.headers["webhook-timestamp"].clone()).collect();
    assert!(times.is_sorted() && times[4] > times[0], "{times:?}");
    assert_ne!(calls[0].headers["webhook-signature"], calls[4].headers["webhook-signature"]);
    assert_eq!(
        app.log().await[2..],
        ["PLUGIN_RUN_FINISHED PASSED", "ORDER_STATUS_CHANGED CREATED", "ORDER_STATUS_CHANGED IN_PROGRESS"]
    );
}

#[tokio::test]
async fn workers_are_woken_for_a_run_that_is_to_be_asked_again_and_not_for_one_that_ended() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    gate(&app, "checker", &server).await;
    server.answer(500, "");
    app.create(order(1)).await;
    let is_woken = || app.app.wake.work().now_or_never().is_some();
    assert!(is_woken(), "for the new run");
    assert_eq!((app.settle().await, is_woken()), (1, true));
    app.advance(Duration::minutes(1));
    assert_eq!((app.settle().await, is_woken()), (1, false));
}

#[tokio::test]
async fn after_the_last_attempt_the_policy_decides() {
    for (policy, status, outcome, run) in [
        ("REJECT", "CLOSED", json!("REJECTED"), "FAILED"),
        ("CONTINUE", "IN_PROGRESS", json!(null), "PASSED"),
    ] {
        let app = TestApp::start().await;
        let server = PluginServer::start().await;
        let (plugin_id, _) = plugin(&app, "checker", json!({"url": server.url, "maxAttempts": 2})).await;
        workflow(&app, "checker", &plugin_id, policy).await;
        server.answer(500, "").answer(500, "");
        let (id, _) = app.create(order(1)).await;
        assert_eq!(calls_after(&app, &server, 0).await, 1);
        assert_eq!(order_of(&app, &id, "status").await, json!({"status": "INITIATED"}));
        assert_eq!(calls_after(&app, &server, 1_000).await, 2);
        assert_eq!(
            order_of(&app, &id, "status outcome").await,
            json!({"status": status, "outcome": outcome})
        );
        assert_eq!(run_statuses(&app).await, [format!("checker {run}")]);
        assert_eq!(runs(&app).await[0]["steps"][0]["verdict"], json!(null));
        let document = "{ orderEvents(last: 4, where: {types: [PLUGIN_RUN_FINISHED, ORDER_STATUS_CHANGED]}) {
            nodes { type transition toStatus reasonCode }
        } }";
        let events = app.run(document).await.data()["orderEvents"]["nodes"].clone();
        let event = |kind: &str, transition: Value, to: &str, reason: Value| json!({"type": kind, "transition": transition, "toStatus": to, "reasonCode": reason});
        let (finished, changed) = ("PLUGIN_RUN_FINISHED", "ORDER_STATUS_CHANGED");
        let expected = if policy == "REJECT" {
            vec![
                event(finished, json!(null), "FAILED", json!("PLUGIN_FAILED")),
                event(changed, json!("REJECT"), "CLOSED", json!("PLUGIN_FAILED")),
            ]
        } else {
            vec![
                event(finished, json!(null), "PASSED", json!("PLUGIN_FAILED")),
                event(changed, json!("VALIDATE"), "CREATED", json!(null)),
                event(changed, json!("START"), "IN_PROGRESS", json!(null)),
            ]
        };
        assert_eq!(events, json!(expected), "{policy}");
        assert_eq!(calls_after(&app, &server, 3_600_000).await, 2);
        app.check_invariants().await;
    }
}

#[tokio::test]
async fn an_answer_that_will_not_change_fails_the_step_at_once() {
    for (status, body, error) in [
        (404, "", "the plugin answered 404"),
        (400, "{}", "the plugin answered 400"),
        (401, "", "the plugin answered 401"),
        (301, "", "the plugin answered 301: redirects are not followed"),
        (307, "", "the plugin answered 307: redirects are not followed"),
        (
            200,
            r#"{"verdict": "ENRICH", "patch": []}"#,
            "the plugin answered ENRICH without a patch, which must be a JSON object",
        ),
        (
            200,
            r#"{"verdict": "MAYBE"}"#,
            "the plugin's verdict \"MAYBE\" is none of PASS, REJECT, ENRICH and DEFER",
        ),
        (200, r#"{"verdict": true}"#, "the plugin's verdict is not a string"),
        (
            200,
            r#"{"verdict": "REJ"#,
            "the plugin's answer is not valid JSON: EOF while parsing a string at line 1 column 16",
        ),
    ] {
        let app = TestApp::start().await;
        let (server, elsewhere) = (PluginServer::start().await, PluginServer::start().await);
        gate(&app, "checker", &server).await;
        server.answer_with(status, vec![("location", elsewhere.url.clone())], body);
        let (id, _) = app.create(order(1)).await;
        assert_eq!(calls_after(&app, &server, 0).await, 1);
        assert_eq!(attempts(&app).await, [json!([1, status, error])]);
        assert_eq!(
            order_of(&app, &id, "status outcome").await,
            json!({"status": "CLOSED", "outcome": "REJECTED"})
        );
        assert_eq!(run_statuses(&app).await, ["checker FAILED"]);
        assert_eq!(calls_after(&app, &server, 3_600_000).await, 1);
        assert!(elsewhere.calls().is_empty());
    }
}

#[tokio::test]
async fn the_beginning_of_an_answer_is_kept_to_be_looked_at() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    gate(&app, "checker", &server).await;
    server.answer(404, "x".repeat(5_000)).answer(404, "a\0b");
    for expected in ["x".repeat(4_096), "a\u{fffd}b".to_owned()] {
        app.create(order(1)).await;
        app.settle().await;
        let last = runs(&app).await.pop().unwrap();
        assert_eq!(last["steps"][0]["attempts"][0]["responseExcerpt"], json!(expected));
    }
}
