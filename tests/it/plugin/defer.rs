//! Answers that come later, at the callback URL.

use axum::{
    body::Body,
    http::{Request, header},
};
use chrono::Duration;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{NO, gate::events, order_of, plugin, run_statuses, runs, workflow};
use crate::harness::{PluginServer, TestApp, samples::order, text};

const DEFER: &str = r#"{"verdict": "DEFER"}"#;
const PASS: &str = r#"{"verdict": "PASS"}"#;

/// Posts an answer, and gives the status and what was said.
pub(super) async fn call_back(app: &TestApp, run: &Value, token: Option<&str>, body: &str) -> (u16, String) {
    let url = text(&run["callbackUrl"]);
    let path = url.strip_prefix("http://127.0.0.1:8080").unwrap();
    let mut request = Request::post(path).header(header::HOST, "127.0.0.1:8080");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let (status, answer) = app.send(request.body(Body::from(body.to_owned())).unwrap()).await;
    (status.as_u16(), answer)
}

/// An order that waits for a plugin which answered `DEFER`, or 202; gives its id and what the plugin was told of the run.
async fn deferred(app: &TestApp, server: &PluginServer, policy: &str) -> (String, Value) {
    let http = json!({"url": server.url, "callbackTimeoutMs": 60_000});
    let (id, _) = plugin(app, "slow", http).await;
    workflow(app, "slow", &id, policy).await;
    let (order_id, _) = app.create(order(1)).await;
    assert_eq!(app.settle().await, 1);
    assert_eq!(run_statuses(app).await, ["slow WAITING"]);
    (order_id, server.calls()[0].body["run"].clone())
}

#[tokio::test]
async fn an_answer_that_comes_later_decides() {
    for (status, first, answer, run, order_status) in [
        (202, "", PASS, "slow PASSED", "IN_PROGRESS"),
        (200, DEFER, PASS, "slow PASSED", "IN_PROGRESS"),
        (202, NO, NO, "slow REJECTED", "CLOSED"),
    ] {
        let app = TestApp::start().await;
        let server = PluginServer::start().await;
        server.answer(status, first);
        let (id, told) = deferred(&app, &server, "REJECT").await;
        assert_eq!(runs(&app).await[0]["steps"][0]["verdict"], json!("DEFER"));
        app.advance(Duration::milliseconds(60_000));
        let token = text(&told["callbackToken"]);
        assert_eq!(call_back(&app, &told, Some(&token), answer).await, (204, String::new()));
        assert_eq!(run_statuses(&app).await, [run]);
        assert_eq!(order_of(&app, &id, "status").await, json!({"status": order_status}));
        let actor = "plugin:slow";
        assert!(events(&app, 2).await.iter().all(|event| event.contains(actor)));
        let attempts = runs(&app).await[0]["steps"][0]["attempts"].clone();
        assert_eq!(attempts.as_array().unwrap().len(), 1);
        assert_eq!(
            (&attempts[0]["statusCode"], &attempts[0]["responseExcerpt"], &attempts[0]["error"]),
            (&json!(status), &json!(answer), &json!(null))
        );
        // The token was used up, and the plugin is not asked again.
        let again = call_back(&app, &told, Some(&token), NO).await;
        assert_eq!(again.0, 410, "{}", again.1);
        app.advance(Duration::days(1));
        assert_eq!((app.settle().await, server.calls().len()), (0, 1));
        app.check_invariants().await;
    }
}

#[tokio::test]
async fn what_is_no_verdict_or_has_no_token_changes_nothing_and_uses_nothing_up() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    server.answer(202, "").answer(202, "");
    let (id, told) = deferred(&app, &server, "REJECT").await;
    app.create(order(1)).await;
    app.settle().await;
    let other = text(&server.calls()[1].body["run"]["callbackToken"]);
    let token = text(&told["callbackToken"]);
    let before = app.stored().await;
    let half = &token[..token.len() / 2];
    let changed = format!("{}AAAA{}", half, &token[half.len() + 4..]);
    for (token, body, status, part) in [
        (None, PASS, 401, "bearer token"),
        (Some("nonsense"), PASS, 401, "not the callbackToken"),
        (Some(half), PASS, 401, "not the callbackToken"),
        (Some(changed.as_str()), PASS, 401, "not the callbackToken"),
        (Some(other.as_str()), PASS, 401, "not the callbackToken"),
        (Some(token.as_str()), "", 422, "no verdict"),
        (Some(token.as_str()), "{}", 422, "no verdict"),
        (Some(token.as_str()), "[]", 422, "no verdict"),
        (Some(token.as_str()), r#"{"verdict": "REJ"#, 422, "not valid JSON"),
        (Some(token.as_str()), r#"{"verdict": "MAYBE"}"#, 422, "MAYBE"),
        (Some(token.as_str()), DEFER, 422, "cannot be DEFER"),
        (
            Some(token.as_str()),
            &format!("{{\"verdict\": \"PASS\", \"x\": \"{}\"}}", "x".repeat(300_000)),
            413,
            r#"{"error":"the body is larger than the server takes; send less at once"}"#,
        ),
    ] {
        let (found, answer) = call_back(&app, &told, token, body).await;
        assert_eq!(found, status, "{body:.40} {answer}");
        assert!(answer.contains(part), "{answer}");
    }
    let elsewhere =
        json!({"callbackUrl": "http://127.0.0.1:8080/plugin-callbacks/run_01h00000000000000000000000"});
    assert_eq!(call_back(&app, &elsewhere, Some(&token), PASS).await.0, 401);
    let nowhere = json!({"callbackUrl": "http://127.0.0.1:8080/plugin-callbacks/x"});
    assert_eq!(call_back(&app, &nowhere, Some(&token), PASS).await.0, 401);
    assert_eq!(app.stored().await, before);
    assert_eq!(call_back(&app, &told, Some(&token), PASS).await.0, 204);
    assert_eq!(order_of(&app, &id, "status").await, json!({"status": "IN_PROGRESS"}));
}

#[tokio::test]
async fn a_deadline_that_passes_follows_the_policy() {
    for (policy, run, status) in [
        ("REJECT", "slow FAILED", "CLOSED"),
        ("CONTINUE", "slow PASSED", "IN_PROGRESS"),
        ("HOLD", "slow HELD", "INITIATED"),
    ] {
        let app = TestApp::start().await;
        let server = PluginServer::start().await;
        server.answer(202, "");
        let (id, told) = deferred(&app, &server, policy).await;
        app.advance(Duration::milliseconds(59_999));
        assert_eq!(app.settle().await, 0);
        app.advance(Duration::milliseconds(2));
        assert_eq!(app.settle().await, 1);
        assert_eq!(server.calls().len(), 1, "it is not asked again");
        assert_eq!(run_statuses(&app).await, [run]);
        assert_eq!(order_of(&app, &id, "status").await, json!({"status": status}));
        let step = runs(&app).await[0]["steps"][0].clone();
        let error = "the plugin put its answer off, and did not give it by its deadline";
        assert_eq!((&step["verdict"], &step["reasons"][0]["code"]), (&json!(null), &json!("PLUGIN_FAILED")));
        assert_eq!(
            step["attempts"],
            json!([{"number": 1, "statusCode": 202, "error": error, "responseExcerpt": ""}])
        );
        let before = app.stored().await;
        let token = text(&told["callbackToken"]);
        assert_eq!(call_back(&app, &told, Some(&token), PASS).await.0, 410);
        assert_eq!(app.stored().await, before);
    }
}

#[tokio::test]
async fn a_callback_that_comes_before_the_answer_to_the_call_counts() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (id, _) = plugin(&app, "quick", json!({"url": server.url, "maxAttempts": 3})).await;
    workflow(&app, "quick", &id, "REJECT").await;
    let (order_id, _) = app.create(order(1)).await;
    // The first call breaks, but the plugin has taken the order in.
    server.answer(500, "");
    app.settle().await;
    let told = server.calls()[0].body["run"].clone();
    let token = text(&told["callbackToken"]);
    assert_eq!(call_back(&app, &told, Some(&token), PASS).await.0, 204);
    assert_eq!(run_statuses(&app).await, ["quick PASSED"]);
    assert_eq!(order_of(&app, &order_id, "status").await, json!({"status": "IN_PROGRESS"}));
    app.advance(Duration::seconds(5));
    assert_eq!((app.settle().await, server.calls().len()), (0, 1));
    app.check_invariants().await;
}

#[tokio::test]
async fn a_callback_to_a_step_that_was_answered_is_a_conflict() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (id, _) = plugin(&app, "slow", json!({"url": server.url})).await;
    let steps = json!([
        {"name": "first", "pluginId": id, "onPass": "second"}, {"name": "second", "pluginId": id},
    ]);
    let input = json!({"name": "intake", "trigger": "ORDER_INITIATED", "start": "first", "steps": steps});
    app.change("pluginWorkflowCreate", input, "pluginWorkflow { id }").await;
    server.answer(202, "").answer(202, "");
    app.create(order(1)).await;
    assert_eq!(app.settle().await, 1);
    let told = server.calls()[0].body["run"].clone();
    let token = text(&told["callbackToken"]);
    assert_eq!(call_back(&app, &told, Some(&token), PASS).await.0, 204);
    assert_eq!(app.settle().await, 1);
    let before = app.stored().await;
    assert_eq!(call_back(&app, &told, Some(&token), PASS).await.0, 409);
    assert_eq!(app.stored().await, before);
    let told = server.calls()[1].body["run"].clone();
    assert_eq!(call_back(&app, &told, Some(&text(&told["callbackToken"])), PASS).await.0, 204);
    assert_eq!(run_statuses(&app).await, ["intake PASSED"]);
}

#[tokio::test]
async fn a_callback_while_the_call_is_under_way_is_the_answer_and_what_the_call_brings_is_dropped() {
    let app = TestApp::start_with(2).await;
    // It rejects at the callback URL, and then passes.
    let router = app.router.clone();
    let plugin_router = axum::Router::new().fallback(move |body: axum::Json<Value>| async move {
        let run = &body.0["run"];
        let path = format!("/plugin-callbacks/{}", text(&run["id"]));
        let request = Request::post(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", text(&run["callbackToken"])))
            .body(Body::from(NO))
            .unwrap();
        let answer = router.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 204);
        PASS
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, plugin_router).await.unwrap() });
    let (id, _) = plugin(&app, "hasty", json!({"url": url})).await;
    workflow(&app, "hasty", &id, "REJECT").await;
    let (order_id, _) = app.create(order(1)).await;
    assert_eq!(app.settle().await, 1);
    assert_eq!(run_statuses(&app).await, ["hasty REJECTED"]);
    assert_eq!(order_of(&app, &order_id, "status").await, json!({"status": "CLOSED"}));
    let attempts = runs(&app).await[0]["steps"][0]["attempts"].clone();
    assert_eq!(attempts, json!([{"number": 1, "statusCode": null, "error": null, "responseExcerpt": NO}]));
    assert_eq!(app.settle().await, 0);
    app.check_invariants().await;
}

#[tokio::test]
async fn a_held_run_takes_the_answer_as_long_as_its_token_lasts_and_a_retry_makes_a_new_one() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (id, _) = plugin(&app, "slow", json!({"url": server.url, "maxAttempts": 1})).await;
    workflow(&app, "slow", &id, "HOLD").await;
    server.answer(500, "").answer(500, "");
    for answered in [true, false] {
        let (order_id, _) = app.create(order(1)).await;
        app.settle().await;
        let told = server.calls().last().unwrap().body["run"].clone();
        let token = text(&told["callbackToken"]);
        if answered {
            assert_eq!(call_back(&app, &told, Some(&token), PASS).await.0, 204);
        } else {
            app.change("pluginRunRetry", json!({"id": told["id"]}), "pluginRun { id }").await;
            assert_eq!(call_back(&app, &told, Some(&token), NO).await.0, 409);
            app.settle().await;
        }
        assert_eq!(order_of(&app, &order_id, "status").await, json!({"status": "IN_PROGRESS"}));
    }
    assert_eq!(run_statuses(&app).await, ["slow PASSED", "slow PASSED"]);
}
