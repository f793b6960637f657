//! What Prometheus is told.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::json;
use waybill::{
    access::Scope,
    config::{AccessConfig, Config, Limits},
};

use super::{Answer, ask, get, give_up, post_json};
use crate::{
    access::{caller, issuer::Key},
    harness::{Socket, TestApp, samples::order, socket::Word, sse::EventStream, text},
};

/// The lines about one metric, without its help.
fn lines<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    answer
        .text
        .lines()
        .filter(|line| line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name} ")))
        .collect()
}

#[tokio::test]
async fn operations_are_counted_by_name_and_outcome() {
    let app = TestApp::start().await;
    app.create(order(1)).await;
    app.run("query Orders { orders { nodes { id } } }").await.data();
    app.run("query Orders { orders { nodes { id } } }").await.data();
    app.run("query Broken { order(id: \"wo_1\") { id } }").await;
    app.run("query Unknown { nothing }").await;
    app.run("{ viewer").await;
    let mut socket = Socket::open(app.listen().await).await;
    socket.subscribe("1", "subscription Watch { orderEvents { id } }", json!({})).await;
    socket.is_silent().await;
    let answer = get(&app, "/metrics").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    let mut operations = lines(&answer, "waybill_operations_total");
    operations.sort_unstable();
    assert_eq!(
        operations,
        [
            r#"waybill_operations_total{kind="",name="",outcome="refused"} 1"#,
            r#"waybill_operations_total{kind="mutation",name="M",outcome="ok"} 1"#,
            r#"waybill_operations_total{kind="query",name="",outcome="refused"} 1"#,
            r#"waybill_operations_total{kind="query",name="Broken",outcome="failed"} 1"#,
            r#"waybill_operations_total{kind="query",name="Orders",outcome="ok"} 2"#,
            r#"waybill_operations_total{kind="subscription",name="Watch",outcome="ok"} 1"#,
        ]
    );
    let mut errors = lines(&answer, "waybill_errors_total");
    errors.sort_unstable();
    assert_eq!(
        errors,
        [
            r#"waybill_errors_total{code="BAD_USER_INPUT"} 1"#,
            r#"waybill_errors_total{code="GRAPHQL_PARSE_FAILED"} 1"#,
            r#"waybill_errors_total{code="GRAPHQL_VALIDATION_FAILED"} 1"#,
        ]
    );
    let took = r#"waybill_operation_seconds_count{kind="query",name="Orders"} 2"#;
    assert!(answer.text.contains(took), "{}", answer.text);
    assert_eq!(lines(&answer, "waybill_sockets"), ["waybill_sockets 1"]);
    assert_eq!(lines(&answer, "waybill_database_connections").len(), 4);
    assert!(answer.text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn an_operation_that_runs_into_the_time_limit_is_counted_once_on_every_transport() {
    // There is no time at all for what has to wait for the store a hundred times.
    let limits = Limits { seconds: 0, ..Limits::default() };
    let app = TestApp::configured(Config { limits, batch_limit: 2, ..Config::default() }).await;
    let address = app.listen().await;
    let fields: String = (0..100).map(|number| format!("a{number}:orders{{nodes{{id}}}}")).collect();
    let document = format!("query Slow{{{fields}}}");
    let document = document.as_str();
    let slow = json!({"query": document});
    let counted = async || {
        let answer = get(&app, "/metrics").await;
        let mut operations = lines(&answer, "waybill_operations_total").join("\n");
        operations.push('\n');
        operations.push_str(&lines(&answer, "waybill_errors_total").join("\n"));
        operations
    };
    let expected = |count: usize| {
        format!(
            "waybill_operations_total{{kind=\"query\",name=\"Slow\",outcome=\"timeout\"}} {count}\n\
             waybill_errors_total{{code=\"TIMEOUT\"}} {count}"
        )
    };
    assert_eq!(post_json(&app, slow.to_string()).await.refusal().1, "TIMEOUT");
    assert_eq!(counted().await, expected(1));
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("query", document).finish();
    assert_eq!(get(&app, &format!("/graphql?{query}")).await.refusal().1, "TIMEOUT");
    assert_eq!(counted().await, expected(2));
    post_json(&app, json!([slow, slow]).to_string()).await;
    assert_eq!(counted().await, expected(4));
    let mut stream = EventStream::open(&app, document, json!({}), None).await;
    assert!(stream.shown().await.unwrap().data.contains("TIMEOUT"));
    assert_eq!(counted().await, expected(5));
    let mut socket = Socket::open(address).await;
    socket.subscribe("1", document, json!({})).await;
    assert!(
        matches!(socket.word("1").await, Word::Error(errors) if errors[0]["extensions"]["code"] == "TIMEOUT")
    );
    assert_eq!(counted().await, expected(6));
    let answer = get(&app, "/metrics").await;
    let took = r#"waybill_operation_seconds_count{kind="query",name="Slow"} 6"#;
    assert!(answer.text.contains(took), "{}", answer.text);
}

#[tokio::test]
async fn an_operation_that_its_client_gives_up_is_counted() {
    let app = TestApp::start().await;
    let writer =
        app.app.database.write_transaction(&waybill::store::Tenant::new("default"), 0).await.unwrap();
    let document =
        "mutation GivenUp($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
    give_up(&app, document);
    let answer = get(&app, "/metrics").await;
    let expected = [r#"waybill_operations_total{kind="mutation",name="GivenUp",outcome="abandoned"} 1"#];
    assert_eq!(lines(&answer, "waybill_operations_total"), expected);
    assert_eq!(lines(&answer, "waybill_errors_total"), [""; 0]);
    // It is counted once, and the next is not hindered.
    drop(writer);
    app.create(order(1)).await;
    let answer = get(&app, "/metrics").await;
    let mut operations = lines(&answer, "waybill_operations_total");
    operations.sort_unstable();
    assert_eq!(
        operations,
        [expected[0], r#"waybill_operations_total{kind="mutation",name="M",outcome="ok"} 1"#]
    );
}

#[tokio::test]
async fn callers_without_scopes_do_not_use_up_the_names() {
    let access = AccessConfig { api_keys: true, ..AccessConfig::default() };
    let app = TestApp::start_closed(access).await;
    for number in 0..300 {
        app.execute_as(caller(&[]), &format!("query Q{number} {{ viewer {{ tenantId }} }}"), json!({})).await;
    }
    let known = "query Known { orders { nodes { id } } }";
    app.execute_as(caller(&[Scope::OrdersRead]), known, json!({})).await.data();
    let text = app.app.metrics.text(&waybill::metrics::Now::default()).unwrap();
    let mut operations: Vec<_> =
        text.lines().filter(|line| line.starts_with("waybill_operations_total{")).collect();
    operations.sort_unstable();
    assert_eq!(
        operations,
        [
            r#"waybill_operations_total{kind="query",name="Known",outcome="ok"} 1"#,
            r#"waybill_operations_total{kind="query",name="other",outcome="ok"} 300"#,
        ]
    );
}

#[tokio::test]
async fn every_metric_is_documented_and_no_other() {
    let app = TestApp::start().await;
    app.run("{ nothing }").await;
    app.run("{ viewer { tenantId } }").await;
    let answer = get(&app, "/metrics").await;
    let metrics = answer.text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let mut found: Vec<_> = metrics.map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    let document = include_str!("../../../docs/OPERATIONS.md");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `waybill_"));
    let row = |row: &str| format!("waybill_{}", row.split('`').next().unwrap().trim_end_matches("_total"));
    let mut documented: Vec<_> = rows.map(row).collect();
    found.sort();
    documented.sort();
    assert_eq!(found, documented);
}

#[tokio::test]
async fn metrics_are_for_this_machine_or_have_an_address_of_their_own() {
    let app = TestApp::start().await;
    for (name, value) in [("host", "evil.example"), ("origin", "https://evil.example")] {
        let request = Request::get("/metrics").header(name, value).body(Body::empty()).unwrap();
        assert_eq!(ask(&app, request).await.status, 403, "{name}");
    }
    let elsewhere = Some("127.0.0.1:0".parse().unwrap());
    let app = TestApp::configured(Config { metrics_listen: elsewhere, ..Config::default() }).await;
    assert_eq!(get(&app, "/metrics").await.status, StatusCode::NOT_FOUND);
    post_json(&app, r#"{"query": "query Viewer { viewer { tenantId } }"}"#).await;
    let router = waybill::http::metrics_router(app.app.clone(), waybill::http::Sockets::default());
    let request = Request::get("/metrics").header("host", "metrics.internal").body(Body::empty()).unwrap();
    let answer = super::ask_router(router, request).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text.contains(r#"name="Viewer""#), "{}", answer.text);
}

#[tokio::test]
async fn once_access_is_configured_metrics_are_on_no_address_of_callers() {
    const SECRET: &[u8] = b"a secret of at least thirty-two bytes";
    let access =
        AccessConfig { jwt_secret: Some(SECRET.to_vec().into()), api_keys: true, ..AccessConfig::default() };
    let app = TestApp::start_closed(access).await;
    let claims = json!({"tenant": "default", "sub": "root", "scope": "admin", "exp": 1_772_355_600});
    let token = Key::Secret(SECRET.to_vec()).token(&json!({"alg": "HS256"}), &claims);
    let create = "mutation { apiKeyCreate(input: {name: \"all\", scopes: [\"admin\"]}) { key } }";
    let key = app.execute_as(caller(&[Scope::Admin]), create, json!({})).await.data();
    let key = text(&key["apiKeyCreate"]["key"]);
    for credentials in [None, Some(&token), Some(&key)] {
        if let Some(credentials) = credentials {
            let (status, _) = app.execute_with(credentials, "{ apiKeys { id } }", json!({})).await;
            assert_eq!(status, StatusCode::OK);
        }
        let mut request = Request::get("/metrics").header("host", "127.0.0.1");
        if let Some(credentials) = credentials {
            request = request.header("authorization", format!("Bearer {credentials}"));
        }
        let answer = ask(&app, request.body(Body::empty()).unwrap()).await;
        let (status, code, _) = answer.refusal();
        assert_eq!((status, code.as_str()), (404, "BAD_USER_INPUT"), "{credentials:?}");
        assert!(!answer.text.contains("waybill_"), "{}", answer.text);
    }
}
