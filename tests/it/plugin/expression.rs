//! Plugins that are expressions.

use serde_json::{Value, json};

use super::{order_of, refused, run_statuses, runs, workflow};
use crate::harness::{
    TestApp,
    samples::{order, with},
    text,
};

/// A service whose orders wait for an expression.
async fn gated(expression: &str) -> TestApp {
    let app = TestApp::start().await;
    app.define("ORDER", &[("tier", "STRING")]).await;
    let input = json!({"name": "rule", "expression": expression});
    let payload =
        app.change("pluginCreate", input, "plugin { id kind expression http { url } } secret").await;
    let expected = json!({
        "id": payload["plugin"]["id"], "kind": "EXPRESSION", "expression": expression, "http": null,
    });
    assert_eq!((&payload["plugin"], &payload["secret"]), (&expected, &Value::Null));
    workflow(&app, "rule", &text(&payload["plugin"]["id"]), "REJECT").await;
    app
}

#[tokio::test]
async fn true_passes_false_rejects_and_a_map_is_an_answer() {
    let no = "{'verdict': 'REJECT', 'reasons': [{'code': 'TOO_FAR', 'message': 'not ' + order.destination.address.city}]}";
    for (expression, run, state, code) in [
        ("order.clientId == 'acme' && workOrder == null", "PASSED", "IN_PROGRESS", None),
        (
            "event.type == 'ORDER_CREATED' && run.step == 'check' && run.attempt == 1",
            "PASSED",
            "IN_PROGRESS",
            None,
        ),
        ("order.customAttributes.tier == 'silver'", "REJECTED", "CLOSED", Some("REJECTED")),
        ("size(order.workOrders) > 1 ? {} : {'verdict': 'PASS'}", "PASSED", "IN_PROGRESS", None),
        (no, "REJECTED", "CLOSED", Some("TOO_FAR")),
    ] {
        let app = gated(expression).await;
        let (id, _) = app.create(with(order(1), "customAttributes", json!({"tier": "gold"}))).await;
        assert_eq!(app.settle().await, 1);
        assert_eq!(run_statuses(&app).await, [format!("rule {run}")], "{expression}");
        let shown = order_of(&app, &id, "status events(last: 20) { nodes { transition reasonCode } }").await;
        assert_eq!(shown["status"], json!(state), "{expression}");
        let events = shown["events"]["nodes"].as_array().unwrap();
        let reject = events.iter().find(|event| event["transition"] == json!("REJECT"));
        assert_eq!(reject.and_then(|event| event["reasonCode"].as_str()), code, "{expression}");
    }
}

#[tokio::test]
async fn an_expression_without_a_value_fails_the_step_and_says_why() {
    for (expression, error) in [
        ("order.customAttributes.tier == 'gold'", "there is no tier; has() tells whether there is"),
        ("order.clientId", "the expression gave neither true nor false nor a map"),
        (
            "size(['aaaaaaaaaaaaaaaa'].map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x)\
             .map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x)\
             .map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x)\
             .map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x)) > 0",
            "the expression takes too long: it goes over large lists too often, or makes too large values",
        ),
    ] {
        let app = gated(expression).await;
        let (id, _) = app.create(order(1)).await;
        assert_eq!(app.settle().await, 1);
        assert_eq!(run_statuses(&app).await, ["rule FAILED"]);
        assert_eq!(runs(&app).await[0]["steps"][0]["attempts"][0]["error"], json!(error));
        assert_eq!(order_of(&app, &id, "outcome").await, json!({"outcome": "REJECTED"}));
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_expression_is_said_when_it_is_saved() {
    let app = TestApp::start().await;
    let http = json!({"url": "https://plugins.example"});
    for (input, problem, part) in [
        (json!({"name": "rule"}), "REQUIRED http", "a plugin needs an endpoint (http) or an expression"),
        (
            json!({"name": "rule", "http": http, "expression": "true"}),
            "INVALID expression",
            "either an endpoint (http) or an expression, not both",
        ),
        (json!({"name": "rule", "expression": ""}), "INVALID expression", "must not be blank"),
        (json!({"name": "rule", "expression": "order."}), "INVALID expression", "is no CEL"),
        (
            json!({"name": "rule", "expression": "ordr.id"}),
            "INVALID expression",
            "there is no variable \"ordr\"",
        ),
        (json!({"name": "rule", "expression": "[".repeat(500)}), "INVALID expression", "opening brackets"),
    ] {
        let (problems, message) = refused(&app, "pluginCreate", input).await;
        assert_eq!(problems, [problem]);
        assert!(message.contains(part), "{message}");
    }
    let app = gated("true").await;
    let id = text(&app.run("{ plugins { nodes { id } } }").await.data()["plugins"]["nodes"][0]["id"]);
    for (input, problem) in [
        (json!({"id": id, "expression": "x"}), "INVALID expression"),
        (json!({"id": id, "http": http}), "INVALID http"),
        (json!({"id": id, "rotateSecret": true}), "INVALID rotateSecret"),
    ] {
        assert_eq!(refused(&app, "pluginUpdate", input).await.0, [problem]);
    }
    let payload = app
        .change("pluginUpdate", json!({"id": id, "expression": "false"}), "plugin { expression version }")
        .await;
    assert_eq!(payload["plugin"], json!({"expression": "false", "version": 2}));
}
