//! The trace of whoever sent a mutation reaches the plugins that it sets off, whether or not anything is recorded here.

use axum::{body::Body, http::Request};
use chrono::Duration;
use serde_json::{Value, json};

use super::{defer::call_back, gate, plugin, runs};
use crate::harness::{Call, PluginServer, TestApp, samples::order, text};

/// The id of the trace of the callers here.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
/// From where they call.
const SPAN: &str = "00f067aa0ba902b7";

/// Creates an order by a request with some headers.
async fn create_with(app: &TestApp, headers: &[(&str, &str)], input: Value) {
    let document =
        "mutation M($input: OrderCreateInput!) { orderCreate(input: $input) { userErrors { code } } }";
    let body = json!({"query": document, "variables": {"input": input}}).to_string();
    let mut request = Request::post("/graphql").header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (status, answer) = app.send(request.body(Body::from(body)).unwrap()).await;
    assert_eq!((status.as_u16(), answer.contains(r#""userErrors":[]"#)), (200, true), "{answer}");
}

/// Trace, span and flags that a call was made with.
fn place(call: &Call) -> [String; 3] {
    let parents: Vec<_> = call.headers.get_all("traceparent").iter().collect();
    assert_eq!(parents.len(), 1);
    let parts: Vec<_> = parents[0].to_str().unwrap().split('-').map(ToOwned::to_owned).collect();
    let [version, trace, span, flags] = parts.try_into().unwrap();
    assert_eq!((version.as_str(), trace.len(), span.len()), ("00", 32, 16));
    [trace, span, flags]
}

fn parent(flags: &str) -> String {
    format!("00-{TRACE}-{SPAN}-{flags}")
}

#[tokio::test]
async fn every_attempt_is_within_the_callers_trace_with_a_span_of_its_own() {
    let (app, server) = (TestApp::start().await, PluginServer::start().await);
    gate(&app, "checker", &server).await;
    server.answer(500, "").answer(503, "");
    create_with(&app, &[("traceparent", &parent("01")), ("tracestate", "a=1,b=2")], order(1)).await;
    for _ in 0..3 {
        assert_eq!(app.settle().await, 1);
        app.advance(Duration::minutes(1));
    }
    let calls = server.calls();
    assert_eq!(calls.len(), 3);
    let mut spans: Vec<_> = calls
        .iter()
        .map(|call| {
            let [trace, span, flags] = place(call);
            assert_eq!((trace.as_str(), flags.as_str()), (TRACE, "01"));
            assert_eq!(call.headers["tracestate"], "a=1,b=2");
            span
        })
        .collect();
    spans.push(SPAN.to_owned());
    spans.sort();
    spans.dedup();
    assert_eq!(spans.len(), 4, "{spans:?}");
}

#[tokio::test]
async fn whether_a_trace_is_recorded_is_passed_on() {
    let (app, server) = (TestApp::start().await, PluginServer::start().await);
    gate(&app, "checker", &server).await;
    create_with(&app, &[("traceparent", &parent("00"))], order(1)).await;
    app.settle().await;
    let [trace, _, flags] = place(&server.calls()[0]);
    assert_eq!((trace.as_str(), flags.as_str()), (TRACE, "00"));
    assert!(!server.calls()[0].headers.contains_key("tracestate"));
}

#[tokio::test]
async fn without_a_trace_or_with_a_malformed_one_each_run_has_its_own() {
    let (app, server) = (TestApp::start().await, PluginServer::start().await);
    gate(&app, "checker", &server).await;
    let upper = parent("01").to_uppercase();
    let zero = parent("01").replace(TRACE, &"0".repeat(32));
    let double = parent("01");
    for headers in [
        &[][..],
        &[("traceparent", "nonsense"), ("tracestate", "a=1")],
        &[("traceparent", &upper)],
        &[("traceparent", &zero)],
        &[("traceparent", &double), ("traceparent", &double)],
        &[("tracestate", "a=1")],
    ] {
        create_with(&app, headers, order(1)).await;
    }
    assert_eq!(app.settle().await, 6);
    let mut traces: Vec<_> = server
        .calls()
        .iter()
        .map(|call| {
            let [trace, span, flags] = place(call);
            assert!(
                u128::from_str_radix(&trace, 16).unwrap() > 0 && u64::from_str_radix(&span, 16).unwrap() > 0
            );
            assert!(flags == "01" && !call.headers.contains_key("tracestate"));
            assert_ne!(trace, TRACE);
            trace
        })
        .collect();
    traces.sort();
    traces.dedup();
    assert_eq!(traces.len(), 6);
}

#[tokio::test]
async fn all_steps_of_a_run_and_the_runs_that_follow_are_in_one_trace() {
    let (app, server) = (TestApp::start().await, PluginServer::start().await);
    let http = json!({"url": server.url, "callbackTimeoutMs": 60_000});
    let (id, _) = plugin(&app, "checker", http).await;
    let step = |name: &str, next: Option<&str>| json!({"name": name, "pluginId": id, "onPass": next});
    for (name, trigger) in [("intake", "ORDER_INITIATED"), ("after", "ORDER_STATUS_CHANGED")] {
        let steps = if name == "intake" {
            json!([step("first", Some("second")), step("second", None)])
        } else {
            json!([step("first", None)])
        };
        let input = json!({"name": name, "trigger": trigger, "start": "first", "steps": steps});
        app.change("pluginWorkflowCreate", input, "pluginWorkflow { id }").await;
    }
    app.create(order(1)).await;
    // The first step answers later, and that by a request of another trace.
    server.answer(202, "");
    assert_eq!(app.settle().await, 1);
    let told = server.calls()[0].body["run"].clone();
    let token = text(&told["callbackToken"]);
    assert_eq!(call_back(&app, &told, Some(&token), r#"{"verdict": "PASS"}"#).await.0, 204);
    app.settle().await;
    assert!(runs(&app).await.len() > 1);
    let places: Vec<_> = server.calls().iter().map(place).collect();
    assert!(places.len() > 2);
    assert!(places.iter().all(|[trace, ..]| *trace == places[0][0]), "{places:?}");
}

#[tokio::test]
async fn orders_that_are_created_at_the_same_time_keep_their_traces_apart() {
    let (app, server) = (TestApp::start_with(4).await, PluginServer::start().await);
    gate(&app, "checker", &server).await;
    let traces: Vec<_> = (1..=20).map(|number| format!("{number:032x}")).collect();
    futures_util::future::join_all(traces.iter().enumerate().map(async |(index, trace)| {
        let input = crate::harness::samples::with(order(1), "clientOrderId", json!(index.to_string()));
        create_with(&app, &[("traceparent", &format!("00-{trace}-{SPAN}-01"))], input).await;
    }))
    .await;
    assert_eq!(app.settle().await, 20);
    for call in server.calls() {
        let index: usize = text(&call.body["order"]["clientOrderId"]).parse().unwrap();
        assert_eq!(place(&call)[0], traces[index]);
    }
}

#[tokio::test]
async fn a_dry_run_is_within_its_callers_trace() {
    let (app, server) = (TestApp::start().await, PluginServer::start().await);
    let (id, _) = plugin(&app, "checker", json!({"url": server.url})).await;
    let (order_id, _) = app.create(order(1)).await;
    let document =
        "mutation M($input: PluginTestInput!) { pluginTest(input: $input) { userErrors { code } } }";
    let variables = json!({"input": {"pluginId": id, "orderId": order_id}});
    let request = Request::post("/graphql")
        .header("content-type", "application/json")
        .header("traceparent", parent("01"))
        .body(Body::from(json!({"query": document, "variables": variables}).to_string()))
        .unwrap();
    let (_, answer) = app.send(request).await;
    assert!(answer.contains(r#""userErrors":[]"#), "{answer}");
    let [trace, span, _] = place(&server.calls()[0]);
    assert!(trace == TRACE && span != SPAN);
}
