//! `pluginUpdate` and `pluginDelete`.

use serde_json::{Value, json};
use waybill::{
    outbound::SigningSecret,
    usecase::plugin::{StoredHttp, sealed_header_context},
};

use super::{configured, gate, plugin, refused, run_statuses, runs};
use crate::harness::{Call, PluginServer, TestApp, samples::order, text};

const FIELDS: &str = "name description http { url method headerNames requestTimeoutMs callbackTimeoutMs maxAttempts } enabled version";

async fn updated(app: &TestApp, input: Value) -> Value {
    let payload = app.change("pluginUpdate", input, &format!("plugin {{ {FIELDS} }} secret")).await;
    assert_eq!(payload["secret"], Value::Null);
    payload["plugin"].clone()
}

/// A plugin with a header, and its id.
async fn saved(app: &TestApp) -> String {
    let http = json!({
        "url": "https://plugins.example/a", "headers": [{"name": "X-Token", "value": "tok-1"}], "maxAttempts": 3,
    });
    plugin(app, "checker", http).await.0
}

/// The value of the plugin's only header, opened.
async fn header_value(app: &TestApp) -> String {
    let row = configured(app).await.0.remove(0);
    let http: StoredHttp = serde_json::from_str(row.http.as_deref().unwrap()).unwrap();
    let header = &http.headers[0];
    let opened = app.app.keyring.open(&header.value, &sealed_header_context(row.id, &header.name));
    String::from_utf8(opened.unwrap()).unwrap()
}

#[tokio::test]
async fn a_plugin_takes_on_what_is_given_and_keeps_the_rest() {
    let app = TestApp::start().await;
    let id = saved(&app).await;
    let mut expected = json!({
        "name": "checker", "description": null, "enabled": true, "version": 1,
        "http": {
            "url": "https://plugins.example/a", "method": "POST", "headerNames": ["X-Token"],
            "requestTimeoutMs": 5_000, "callbackTimeoutMs": 600_000, "maxAttempts": 3,
        },
    });
    // What changes nothing adds no version.
    assert_eq!(updated(&app, json!({"id": id, "name": "checker", "enabled": true})).await, expected);
    expected["name"] = json!("Checker");
    expected["description"] = json!("asks around");
    expected["enabled"] = json!(false);
    expected["version"] = json!(2);
    let input = json!({"id": id, "expectedVersion": 1, "name": "Checker", "description": "asks around", "enabled": false});
    assert_eq!(updated(&app, input).await, expected);
    expected["description"] = json!(null);
    expected["version"] = json!(3);
    assert_eq!(updated(&app, json!({"id": id, "description": null})).await, expected);
    // The endpoint as a whole, but the headers stay where they are not given.
    expected["http"]["url"] = json!("https://plugins.example/b");
    expected["http"]["method"] = json!("PUT");
    expected["http"]["maxAttempts"] = json!(5);
    expected["version"] = json!(4);
    let http = json!({"url": "https://plugins.example/b", "method": "PUT"});
    assert_eq!(updated(&app, json!({"id": id, "http": http})).await, expected);
    assert_eq!(header_value(&app).await, "tok-1");
    expected["version"] = json!(5);
    let http = json!({
        "url": "https://plugins.example/b", "method": "PUT", "headers": [{"name": "X-Token", "value": "tok-2"}],
    });
    assert_eq!(updated(&app, json!({"id": id, "http": http})).await, expected);
    assert_eq!(header_value(&app).await, "tok-2");
    expected["http"]["headerNames"] = json!([]);
    expected["version"] = json!(6);
    let http = json!({"url": "https://plugins.example/b", "method": "PUT", "headers": []});
    assert_eq!(updated(&app, json!({"id": id, "http": http})).await, expected);
}

#[tokio::test]
async fn each_thing_that_is_wrong_with_a_change_is_named_and_nothing_is_saved() {
    let app = TestApp::start().await;
    let id = saved(&app).await;
    plugin(&app, "other", json!({"url": "https://plugins.example"})).await;
    for (input, problems) in [
        (json!({"id": "plg_01h00000000000000000000000", "name": "abc"}), vec!["NOT_FOUND id"]),
        (json!({"id": "pwf_01h00000000000000000000000", "name": "abc"}), vec!["INVALID id"]),
        (json!({"id": id, "expectedVersion": 2, "name": "abc"}), vec!["CONFLICT expectedVersion"]),
        (json!({"id": id, "name": "other"}), vec!["ALREADY_EXISTS name"]),
        (
            json!({"id": id, "name": "ab", "http": {
                "url": "http://user@10.0.0.1", "maxAttempts": 0, "headers": [{"name": "Host", "value": "x"}],
            }}),
            vec![
                "INVALID name",
                "INVALID http.maxAttempts",
                "INVALID http.headers.0.name",
                "INVALID http.url",
            ],
        ),
        // Its header values are not sent to another server unasked.
        (json!({"id": id, "http": {"url": "https://elsewhere.example/a"}}), vec!["REQUIRED http.headers"]),
    ] {
        assert_eq!(refused(&app, "pluginUpdate", input).await.0, problems);
    }
}

fn signed_with(call: &Call, secret: &str) -> bool {
    let header = |name: &str| call.headers[name].to_str().unwrap();
    let secret = SigningSecret::parse(secret).unwrap();
    let expected = secret.sign(header("webhook-id"), header("webhook-timestamp").parse().unwrap(), &call.raw);
    header("webhook-signature").split(' ').any(|signature| signature == expected)
}

#[tokio::test]
async fn a_rotated_secret_is_shown_once_and_both_sign_for_a_day() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (id, old) = gate(&app, "checker", &server).await;
    let payload = app
        .change("pluginUpdate", json!({"id": id, "rotateSecret": true}), "plugin { version } secret")
        .await;
    let new = text(&payload["secret"]);
    assert_ne!(new, old);
    assert_eq!(payload["plugin"]["version"], json!(2));
    let mut signed = Vec::new();
    for hours in [0, 23, 2] {
        app.advance(chrono::Duration::hours(hours));
        app.create(order(1)).await;
        assert_eq!(app.settle().await, 1);
        let call = server.calls().pop().unwrap();
        signed.push((signed_with(&call, &old), signed_with(&call, &new)));
    }
    assert_eq!(signed, [(true, true), (true, true), (false, true)]);
}

#[tokio::test]
async fn a_plugin_is_deleted_once_no_workflow_names_it_and_its_old_runs_still_show_it() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (id, _) = gate(&app, "checker", &server).await;
    app.create(order(1)).await;
    assert_eq!(app.settle().await, 1);
    let (problems, message) = refused(&app, "pluginDelete", json!({"id": id})).await;
    assert_eq!(problems, ["IN_USE id"]);
    assert!(message.contains("the workflow checker (pwf_"), "{message}");
    let workflow = configured(&app).await.1[0].id.to_string();
    app.change("pluginWorkflowDelete", json!({"id": workflow}), "deletedId").await;
    let payload = app.change("pluginDelete", json!({"id": id}), "deletedId").await;
    assert_eq!(payload["deletedId"], json!(id));
    let list = app.run("{ plugins { nodes { id } count { value } } }").await.data();
    assert_eq!(list, json!({"plugins": {"nodes": [], "count": {"value": 0}}}));
    assert_eq!(refused(&app, "pluginDelete", json!({"id": id})).await.0, ["NOT_FOUND id"]);
    assert_eq!(refused(&app, "pluginUpdate", json!({"id": id, "enabled": true})).await.0, ["NOT_FOUND id"]);
    let row = configured(&app).await.0.remove(0);
    assert_eq!((row.secret.as_str(), row.enabled), ("", false));
    assert_eq!(run_statuses(&app).await, ["checker PASSED"]);
    let document =
        "{ pluginRuns { nodes { workflow { steps { plugin { name } } } steps { plugin { name } } } } }";
    let run = app.run(document).await.data()["pluginRuns"]["nodes"][0].clone();
    let shown = json!([{"plugin": {"name": "checker"}}]);
    assert_eq!(run, json!({"workflow": {"steps": shown}, "steps": shown}));
    // Its name is free.
    plugin(&app, "checker", json!({"url": server.url})).await;
}

#[tokio::test]
async fn a_run_that_took_a_deleted_plugin_along_follows_the_policy() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (id, _) = gate(&app, "checker", &server).await;
    app.create(order(1)).await;
    let (other, _) = plugin(&app, "other", json!({"url": server.url})).await;
    let workflow = configured(&app).await.1[0].id.to_string();
    let steps = json!([{"name": "check", "pluginId": other}]);
    app.change("pluginWorkflowUpdate", json!({"id": workflow, "steps": steps}), "pluginWorkflow { id }")
        .await;
    app.change("pluginDelete", json!({"id": id}), "deletedId").await;
    assert_eq!(app.settle().await, 1);
    assert_eq!(run_statuses(&app).await, ["checker FAILED"]);
    let attempt = runs(&app).await[0]["steps"][0]["attempts"][0].clone();
    assert_eq!(attempt["error"], json!("the plugin was deleted"));
    assert!(server.calls().is_empty());
}
