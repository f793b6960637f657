//! `pluginTest`.

use serde_json::{Value, json};

use super::{configured, order_of, plugin};
use crate::harness::{PluginServer, TestApp, code_and_path, samples::order, text};

const SELECTION: &str = "request statusCode response verdict reasons { code message path } patch error userErrors { code message path }";

/// Tries a plugin out, and sees to it that nothing is written.
async fn tried(app: &TestApp, plugin_id: &str, order_id: &str) -> Value {
    let before = (app.stored().await, configured(app).await);
    let payload =
        app.mutate("pluginTest", json!({"pluginId": plugin_id, "orderId": order_id}), SELECTION).await;
    assert_eq!((app.stored().await, configured(app).await), before, "{payload:#}");
    payload
}

#[tokio::test]
async fn the_exact_request_is_shown_without_secrets_and_nothing_is_kept() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let http = json!({
        "url": format!("{}?strict=1", server.url), "requestTimeoutMs": 2_000,
        "headers": [{"name": "X-Token", "value": "tok-12345"}],
    });
    let (plugin_id, _) = plugin(&app, "checker", http).await;
    app.change("pluginUpdate", json!({"id": plugin_id, "enabled": false}), "plugin { id }").await;
    let (order_id, _) = app.create(order(1)).await;
    server.answer(
        200,
        r#"{"verdict": "REJECT", "reasons": [{"code": "FAR", "message": "too far", "path": "destination"}], "x": 1}"#,
    );
    let shown = tried(&app, &plugin_id, &order_id).await;
    let call = server.calls().pop().unwrap();
    assert_eq!(shown["request"]["method"], json!("POST"));
    assert_eq!(shown["request"]["url"], json!(format!("{}?strict=1", server.url)));
    assert_eq!(shown["request"]["timeoutMs"], json!(2_000));
    assert_eq!(shown["request"]["body"], call.body);
    assert_eq!(call.body["order"]["id"], json!(order_id));
    assert_eq!(call.body["event"]["type"], json!("ORDER_CREATED"));
    let headers = &shown["request"]["headers"];
    assert_eq!(
        (&headers["X-Token"], &call.headers["x-token"]),
        (&json!("***"), &"tok-12345".parse().unwrap())
    );
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature", "idempotency-key", "content-type"] {
        assert_eq!(text(&headers[name]), call.headers[name].to_str().unwrap(), "{name}");
    }
    assert!(!shown.to_string().contains("tok-12345"));
    assert_eq!(
        (&shown["statusCode"], &shown["response"]["x"], &shown["verdict"], &shown["error"], &shown["patch"]),
        (&json!(200), &json!(1), &json!("REJECT"), &Value::Null, &Value::Null)
    );
    assert_eq!(shown["reasons"], json!([{"code": "FAR", "message": "too far", "path": "destination"}]));
    assert_eq!(
        order_of(&app, &order_id, "status pluginRuns { nodes { id } }").await["pluginRuns"]["nodes"],
        json!([])
    );
}

#[tokio::test]
async fn an_answer_that_is_no_verdict_is_shown_with_the_reason() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (plugin_id, _) = plugin(&app, "checker", json!({"url": server.url, "method": "GET"})).await;
    let (order_id, _) = app.create(order(1)).await;
    server.answer(503, "come back later");
    let shown = tried(&app, &plugin_id, &order_id).await;
    assert_eq!(shown["request"]["query"]["orderId"], json!(order_id));
    assert_eq!(shown["request"]["body"], Value::Null);
    assert_eq!(
        (&shown["statusCode"], &shown["response"], &shown["verdict"], &shown["error"]),
        (&json!(503), &json!("come back later"), &Value::Null, &json!("the plugin answered 503"))
    );
}

#[tokio::test]
async fn an_expression_is_shown_with_its_document_and_its_value() {
    let app = TestApp::start().await;
    let input = json!({"name": "rule", "expression": "order.clientId == 'acme' ? {'verdict': 'PASS'} : {}"});
    let plugin_id = text(&app.change("pluginCreate", input, "plugin { id }").await["plugin"]["id"]);
    let (order_id, _) = app.create(order(1)).await;
    let shown = tried(&app, &plugin_id, &order_id).await;
    assert_eq!(shown["request"]["document"]["order"]["id"], json!(order_id));
    assert_eq!((&shown["response"], &shown["verdict"]), (&json!({"verdict": "PASS"}), &json!("PASS")));
}

#[tokio::test]
async fn a_plugin_or_an_order_that_is_not_there_is_named() {
    let app = TestApp::start().await;
    for (plugin_id, order_id, problems) in [
        (
            "plg_01h00000000000000000000000",
            "ord_01h00000000000000000000000",
            vec!["NOT_FOUND pluginId", "NOT_FOUND orderId"],
        ),
        ("ord_01h00000000000000000000000", "x", vec!["INVALID pluginId", "INVALID orderId"]),
    ] {
        let shown = tried(&app, plugin_id, order_id).await;
        let errors: Vec<String> = shown["userErrors"].as_array().unwrap().iter().map(code_and_path).collect();
        assert_eq!(errors, problems);
    }
}
