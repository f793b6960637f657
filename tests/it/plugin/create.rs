//! `pluginCreate`.

use serde_json::{Value, json};
use waybill::usecase::plugin::{StoredHttp, plugin_secret_context, sealed_header_context};

use super::{configured, plugin, refused};
use crate::harness::{TestApp, samples::with, text};

fn input() -> Value {
    json!({
        "name": "serviceability",
        "description": "Does anybody go there?",
        "http": {
            "url": "https://plugins.example/check?strict=1",
            "method": "PUT",
            "headers": [{"name": "X-Token", "value": "tok-12345"}, {"name": "authorization", "value": "Bearer abc"}],
            "requestTimeoutMs": 20_000,
            "callbackTimeoutMs": 604_800_000,
            "maxAttempts": 20,
        },
        "enabled": false,
    })
}

#[tokio::test]
async fn a_plugin_is_saved_as_it_was_given_without_its_header_values() {
    let app = TestApp::start().await;
    let fields = "id name description kind http { url method headerNames requestTimeoutMs callbackTimeoutMs maxAttempts } enabled version";
    let payload = app.change("pluginCreate", input(), &format!("plugin {{ {fields} }} secret")).await;
    let id = text(&payload["plugin"]["id"]);
    assert!(id.starts_with("plg_"), "{id}");
    let expected = json!({
        "id": id,
        "name": "serviceability",
        "description": "Does anybody go there?",
        "kind": "HTTP",
        "http": {
            "url": "https://plugins.example/check?strict=1",
            "method": "PUT",
            "headerNames": ["X-Token", "authorization"],
            "requestTimeoutMs": 20_000,
            "callbackTimeoutMs": 604_800_000,
            "maxAttempts": 20,
        },
        "enabled": false,
        "version": 1,
    });
    assert_eq!(payload["plugin"], expected);
    let document = format!(
        "{{ plugins {{ nodes {{ {fields} }} count {{ value }} }} node(id: {id:?}) {{ ... on Plugin {{ {fields} }} }} }}"
    );
    let read = app.run(&document).await.data();
    assert_eq!(read, json!({"plugins": {"nodes": [expected], "count": {"value": 1}}, "node": expected}));
}

#[tokio::test]
async fn what_is_left_out_has_the_defaults_of_the_contract() {
    let app = TestApp::start().await;
    let input = json!({"name": "abc", "http": {"url": "https://plugins.example"}});
    let fields =
        "description http { method headerNames requestTimeoutMs callbackTimeoutMs maxAttempts } enabled";
    let payload = app.change("pluginCreate", input, &format!("plugin {{ {fields} }}")).await;
    assert_eq!(
        payload["plugin"],
        json!({
            "description": null,
            "http": {"method": "POST", "headerNames": [], "requestTimeoutMs": 5_000, "callbackTimeoutMs": 600_000, "maxAttempts": 5},
            "enabled": true,
        })
    );
}

#[tokio::test]
async fn secrets_are_shown_once_and_stored_sealed() {
    let app = TestApp::start().await;
    let payload = app.change("pluginCreate", input(), "secret").await;
    let secret = text(&payload["secret"]);
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    let (other, other_secret) = plugin(&app, "other", json!({"url": "https://plugins.example"})).await;
    assert_ne!(secret, other_secret);

    let (rows, _) = configured(&app).await;
    let row = rows.iter().find(|row| row.id.to_string() != other).unwrap();
    let table = format!("{rows:?}");
    for hidden in ["tok-12345", "Bearer abc", secret.strip_prefix("whsec_").unwrap()] {
        assert!(!table.contains(hidden), "{hidden} is in {table}");
    }
    let open = |sealed: &str, context: &str| app.app.keyring.open(sealed, context).map(String::from_utf8);
    assert_eq!(open(&row.secret, &plugin_secret_context(row.id)).unwrap().unwrap(), secret);
    let http: StoredHttp = serde_json::from_str(row.http.as_deref().unwrap()).unwrap();
    let token = &http.headers[0].value;
    assert_eq!(open(token, &sealed_header_context(row.id, "X-Token")).unwrap().unwrap(), "tok-12345");
    // It opens for nothing else: it cannot be moved to another plugin or header.
    assert!(open(token, &sealed_header_context(row.id, "authorization")).is_err());
}

#[tokio::test]
async fn each_thing_that_is_wrong_is_named_and_nothing_is_saved() {
    let app = TestApp::start().await;
    let http = |field: &str, value: Value| with(input(), "http", with(input()["http"].clone(), field, value));
    let url = |url: &str| http("url", json!(url));
    let header = |name: &str, value: &str| http("headers", json!([{"name": name, "value": value}]));
    let not_public = |address: &str| format!("the address {address} may not be called: it is not public");
    let own = |name: &str| format!("the service sets the header {name} itself; leave it out");
    let timeout = "requestTimeoutMs must be from 100 to 20000".to_owned();
    let callback = "callbackTimeoutMs must be from 1000 to 604800000".to_owned();
    let attempts = "maxAttempts must be from 1 to 20".to_owned();
    let value = "a header's value is printable ASCII of at most 4096 characters".to_owned();
    for (input, problem, message) in [
        (with(input(), "name", json!("ab")), "INVALID name", "a name has 3 to 50 characters".to_owned()),
        (
            with(input(), "name", json!("x".repeat(51))),
            "INVALID name",
            "a name has 3 to 50 characters".to_owned(),
        ),
        (
            with(input(), "http", json!(null)),
            "REQUIRED http",
            "a plugin needs an endpoint (http) or an expression".to_owned(),
        ),
        (
            url("ftp://example.org/"),
            "INVALID http.url",
            "the URL must begin with http:// or https://".to_owned(),
        ),
        (
            url("https://user:pass@example.org/"),
            "INVALID http.url",
            "the URL must not contain credentials; send them in a header".to_owned(),
        ),
        (
            url("https://example.org/#x"),
            "INVALID http.url",
            "the URL must not have a fragment (#…)".to_owned(),
        ),
        // The operator of the tests allows 127.0.0.0/8, and nothing else.
        (url("http://10.0.0.1/"), "INVALID http.url", not_public("10.0.0.1")),
        (url("http://[::1]:9000/"), "INVALID http.url", not_public("::1")),
        (url("http://169.254.169.254/"), "INVALID http.url", not_public("169.254.169.254")),
        (url("http://[::ffff:127.0.0.1]/"), "INVALID http.url", not_public("::ffff:127.0.0.1")),
        (http("requestTimeoutMs", json!(99)), "INVALID http.requestTimeoutMs", timeout.clone()),
        (http("requestTimeoutMs", json!(20_001)), "INVALID http.requestTimeoutMs", timeout),
        (http("callbackTimeoutMs", json!(999)), "INVALID http.callbackTimeoutMs", callback.clone()),
        (http("callbackTimeoutMs", json!(604_800_001)), "INVALID http.callbackTimeoutMs", callback),
        (http("maxAttempts", json!(0)), "INVALID http.maxAttempts", attempts.clone()),
        (http("maxAttempts", json!(21)), "INVALID http.maxAttempts", attempts),
        (header("Webhook-Signature", "x"), "INVALID http.headers.0.name", own("webhook-signature")),
        (header("Idempotency-Key", "x"), "INVALID http.headers.0.name", own("idempotency-key")),
        (header("Host", "x"), "INVALID http.headers.0.name", own("host")),
        (header("content-length", "1"), "INVALID http.headers.0.name", own("content-length")),
        (header("traceparent", "x"), "INVALID http.headers.0.name", own("traceparent")),
        (
            header("a b", "x"),
            "INVALID http.headers.0.name",
            "a header's name is 1 to 64 letters, digits and hyphens".to_owned(),
        ),
        (header("x", "one\r\ntwo: three"), "INVALID http.headers.0.value", value.clone()),
        (header("x", "schön"), "INVALID http.headers.0.value", value),
        (
            http("headers", json!(vec![json!({"name": "x", "value": "1"}); 21])),
            "LIMIT_EXCEEDED http.headers",
            "a plugin has at most 20 headers".to_owned(),
        ),
    ] {
        assert_eq!(refused(&app, "pluginCreate", input).await, (vec![problem.to_owned()], message));
    }
}

#[tokio::test]
async fn a_loopback_endpoint_is_refused_unless_the_operator_allows_it() {
    let mut app = TestApp::start().await;
    let input = json!({"name": "nearby", "http": {"url": "http://127.0.0.1:9000/"}});
    super::refusal::allow_no_private_network(&mut app);
    let (problems, message) = refused(&app, "pluginCreate", input).await;
    assert_eq!(problems, ["INVALID http.url"]);
    assert_eq!(message, "the address 127.0.0.1 may not be called: it is not public");
}

#[tokio::test]
async fn everything_that_is_wrong_is_named_at_once() {
    let app = TestApp::start().await;
    let input = json!({
        "name": "", "http": {
            "url": "nonsense", "requestTimeoutMs": 0, "maxAttempts": -1,
            "headers": [{"name": "ok", "value": "ok"}, {"name": "", "value": "\n"}],
        },
    });
    let (problems, _) = refused(&app, "pluginCreate", input).await;
    assert_eq!(
        problems,
        [
            "INVALID name",
            "INVALID http.requestTimeoutMs",
            "INVALID http.maxAttempts",
            "INVALID http.headers.1.name",
            "INVALID http.headers.1.value",
            "INVALID http.url",
        ]
    );
}

#[tokio::test]
async fn a_name_is_given_once_in_a_tenant() {
    let app = TestApp::start().await;
    plugin(&app, "serviceability", json!({"url": "https://plugins.example"})).await;
    let (problems, message) = refused(&app, "pluginCreate", input()).await;
    assert_eq!(problems, ["ALREADY_EXISTS name"]);
    assert_eq!(message, "the tenant has a plugin of that name; choose another name");
    plugin(&app, "Serviceability", json!({"url": "https://plugins.example"})).await;
}
