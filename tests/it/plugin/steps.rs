//! Workflows of several steps: which plugin is asked after which answer.

use serde_json::{Value, json};

use super::{NO, gate::events, order_of, plugin, run_statuses, runs};
use crate::harness::{
    PluginServer, TestApp,
    samples::{order, with},
    text,
};

/// Saves a workflow at intake of steps that are given as name, plugin, way on PASS, way on REJECT and policy.
async fn stepped(app: &TestApp, steps: &[(&str, &str, Option<&str>, Option<&str>, &str)]) {
    let steps: Vec<_> = steps
        .iter()
        .map(|(name, plugin, on_pass, on_reject, policy)| {
            json!({
                "name": name, "pluginId": plugin, "onPass": on_pass, "onReject": on_reject, "failurePolicy": policy,
            })
        })
        .collect();
    let input = json!({"name": "intake", "trigger": "ORDER_INITIATED", "start": "first", "steps": steps});
    app.change("pluginWorkflowCreate", input, "pluginWorkflow { id }").await;
}

/// Name and verdict of each step of the only run.
async fn verdicts(app: &TestApp) -> Vec<String> {
    let steps = runs(app).await[0]["steps"].as_array().unwrap().clone();
    let line = |step: &Value| format!("{} {}", text(&step["step"]), step["verdict"].as_str().unwrap_or("-"));
    steps.iter().map(line).collect()
}

#[tokio::test]
async fn a_run_goes_where_each_answer_leads() {
    let fail = "{\"verdict\": \"MAYBE\"}";
    for (answers, policy, expected, run, status) in [
        (vec!["", ""], "REJECT", vec!["first PASS", "second PASS"], "PASSED", "IN_PROGRESS"),
        (vec![NO, ""], "REJECT", vec!["first REJECT", "other PASS"], "PASSED", "IN_PROGRESS"),
        (vec![NO, NO], "REJECT", vec!["first REJECT", "other REJECT"], "REJECTED", "CLOSED"),
        (vec!["", NO], "REJECT", vec!["first PASS", "second REJECT"], "REJECTED", "CLOSED"),
        (vec![fail, ""], "REJECT", vec!["first -", "other PASS"], "PASSED", "IN_PROGRESS"),
        (vec![fail, ""], "CONTINUE", vec!["first -", "second PASS"], "PASSED", "IN_PROGRESS"),
        (vec!["", fail], "REJECT", vec!["first PASS", "second -"], "FAILED", "CLOSED"),
    ] {
        let app = TestApp::start().await;
        let server = PluginServer::start().await;
        let (id, _) = plugin(&app, "checker", json!({"url": server.url})).await;
        stepped(
            &app,
            &[
                ("first", &id, Some("second"), Some("other"), policy),
                ("second", &id, None, None, "REJECT"),
                ("other", &id, None, None, "REJECT"),
            ],
        )
        .await;
        for answer in &answers {
            server.answer(200, *answer);
        }
        let (order_id, _) = app.create(order(1)).await;
        assert_eq!(app.settle().await, 2, "{answers:?}");
        assert_eq!(verdicts(&app).await, expected, "{answers:?}");
        assert_eq!(run_statuses(&app).await, [format!("intake {run}")], "{answers:?}");
        assert_eq!(order_of(&app, &order_id, "status").await, json!({"status": status}), "{answers:?}");
        assert_eq!((app.settle().await, server.calls().len()), (0, 2));
        app.check_invariants().await;
    }
}

#[tokio::test]
async fn each_step_counts_its_own_attempts_and_has_its_own_key() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (id, _) = plugin(&app, "checker", json!({"url": server.url, "maxAttempts": 2})).await;
    let steps = [
        ("first", id.as_str(), Some("second"), None, "REJECT"),
        ("second", id.as_str(), None, None, "REJECT"),
    ];
    stepped(&app, &steps).await;
    server.answer(500, "").answer(200, "").answer(500, "").answer(200, "");
    app.create(order(1)).await;
    for _ in 0..3 {
        app.settle().await;
        app.advance(chrono::Duration::seconds(1));
    }
    assert_eq!(run_statuses(&app).await, ["intake PASSED"]);
    let calls = server.calls();
    let seen: Vec<_> = calls
        .iter()
        .map(|call| {
            let key = call.headers["idempotency-key"].to_str().unwrap();
            format!("{} {}", key.split_once('/').unwrap().1, call.body["run"]["attempt"])
        })
        .collect();
    assert_eq!(seen, ["first 1", "first 2", "second 1", "second 2"]);
    let run = &runs(&app).await[0];
    let statuses = |step: usize| {
        let attempts = run["steps"][step]["attempts"].as_array().unwrap();
        attempts.iter().map(|attempt| attempt["statusCode"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((statuses(0), statuses(1)), (vec![json!(500), json!(200)], vec![json!(500), json!(200)]));
}

#[tokio::test]
async fn a_step_without_a_verdict_is_flagged_although_the_run_passes() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (id, _) = plugin(&app, "checker", json!({"url": server.url})).await;
    stepped(&app, &[("first", &id, None, None, "CONTINUE")]).await;
    server.answer(404, "");
    app.create(order(1)).await;
    app.settle().await;
    let reason = json!({"code": "PLUGIN_FAILED", "message": "the plugin answered 404", "path": null});
    assert_eq!(runs(&app).await[0]["steps"][0]["reasons"], json!([reason]));
    assert_eq!(
        events(&app, 2).await[..2],
        [
            "PLUGIN_RUN_FINISHED PASSED PLUGIN_FAILED the plugin answered 404 plugin:checker 1",
            "ORDER_STATUS_CHANGED VALIDATE CREATED plugin:checker 2",
        ]
    );
}

#[tokio::test]
async fn a_held_run_waits_for_its_retry_and_then_goes_on() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (id, _) = plugin(&app, "checker", json!({"url": server.url, "maxAttempts": 1})).await;
    let steps =
        [("first", id.as_str(), Some("second"), None, "HOLD"), ("second", id.as_str(), None, None, "REJECT")];
    stepped(&app, &steps).await;
    server.answer(500, "");
    let (order_id, _) = app.create(order(1)).await;
    assert_eq!(app.settle().await, 1);
    assert_eq!(run_statuses(&app).await, ["intake HELD"]);
    app.advance(chrono::Duration::days(7));
    assert_eq!(app.settle().await, 0);
    let explanation = "waits for 1 plugin run that gates intake; 1 of them HELD until pluginRunRetry";
    let waiting = json!({"status": "INITIATED", "statusExplanation": explanation});
    assert_eq!(order_of(&app, &order_id, "status statusExplanation").await, waiting);

    let run = app.stored().await.runs.remove(0).id.to_string();
    let selection = "pluginRun { id status finishedAt }";
    let payload = app.change("pluginRunRetry", json!({"id": run}), selection).await;
    assert_eq!(payload["pluginRun"], json!({"id": run, "status": "QUEUED", "finishedAt": null}));
    assert_eq!(app.settle().await, 2);
    assert_eq!(verdicts(&app).await, ["first -", "first PASS", "second PASS"]);
    assert_eq!(order_of(&app, &order_id, "status").await, json!({"status": "IN_PROGRESS"}));
    app.check_invariants().await;
}

#[tokio::test]
async fn only_what_failed_and_can_still_matter_is_retried() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (id, _) = plugin(&app, "checker", json!({"url": server.url})).await;
    stepped(&app, &[("first", &id, None, None, "REJECT")]).await;
    let retry = async |run: &str| {
        let payload = app
            .mutate("pluginRunRetry", json!({"id": run}), "pluginRun { id } userErrors { code path message }")
            .await;
        assert_eq!(payload["pluginRun"], json!(null));
        payload["userErrors"][0].clone()
    };
    for answer in [None, Some((200, "")), Some((200, NO)), Some((404, ""))] {
        app.create(order(1)).await;
        if let Some((status, body)) = answer {
            server.answer(status, body);
            app.settle().await;
        }
        let before = app.stored().await;
        let error = retry(&before.runs.last().unwrap().id.to_string()).await;
        assert_eq!((&error["code"], &error["path"]), (&json!("CONFLICT"), &json!(["id"])), "{answer:?}");
        assert_eq!(app.stored().await, before);
        app.settle().await;
    }
    let error = retry("run_01h00000000000000000000000").await;
    assert_eq!(error["code"], json!("NOT_FOUND"));
    assert_eq!(retry("ord_01h00000000000000000000000").await["code"], json!("INVALID"));
}

#[tokio::test]
async fn a_run_after_the_fact_that_failed_may_be_retried() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (id, _) = plugin(&app, "checker", json!({"url": server.url})).await;
    let step = json!({"name": "first", "pluginId": id});
    let input = json!({"name": "changes", "trigger": "ORDER_UPDATED", "start": "first", "steps": [step]});
    app.change("pluginWorkflowCreate", input, "pluginWorkflow { id }").await;
    let (order_id, _) = app.create(order(1)).await;
    server.answer(404, "");
    app.change("orderUpdate", with(json!({"clientName": "Acme"}), "id", json!(order_id)), "cursor").await;
    app.settle().await;
    assert_eq!(run_statuses(&app).await, ["changes FAILED"]);
    let run = app.stored().await.runs.remove(0).id.to_string();
    app.change("pluginRunRetry", json!({"id": run}), "pluginRun { id }").await;
    assert_eq!(app.settle().await, 1);
    assert_eq!(run_statuses(&app).await, ["changes PASSED"]);
    assert_eq!(order_of(&app, &order_id, "status").await, json!({"status": "IN_PROGRESS"}));
}
