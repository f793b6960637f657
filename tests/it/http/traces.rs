//! What a collector of traces is told, and what becomes of the server where it is away.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value as AnyValue},
    trace::v1::{Span, span::SpanKind},
};
use prost::Message as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use waybill::{
    config::{Config, Limits},
    plugins,
};

use super::{Answer, get};
use crate::{
    harness::{PluginServer, Socket, TestApp, samples::order, wait::within},
    plugin::gate,
};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A collector on a loopback port that keeps what it gets.
#[derive(Clone)]
struct Collector {
    endpoint: String,
    got: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

impl Collector {
    async fn start() -> Self {
        let got = Arc::<Mutex<Vec<_>>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/otlp", listener.local_addr().unwrap());
        let router = Router::new().route("/otlp/v1/traces", post(collect)).with_state(Arc::clone(&got));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { endpoint, got }
    }

    fn spans(&self) -> Vec<Span> {
        let got = self.got.lock().unwrap();
        let resources = got.iter().flat_map(|request| &request.resource_spans);
        resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| scope.spans.clone()).collect()
    }

    fn resource(&self) -> HashMap<String, Value> {
        let got = self.got.lock().unwrap();
        attributes(&got[0].resource_spans[0].resource.as_ref().unwrap().attributes)
    }
}

async fn collect(
    State(got): State<Arc<Mutex<Vec<ExportTraceServiceRequest>>>>,
    headers: HeaderMap,
    body: Bytes,
) {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    got.lock().unwrap().push(ExportTraceServiceRequest::decode(body).unwrap());
}

fn attributes(all: &[KeyValue]) -> HashMap<String, Value> {
    let value = |attribute: &KeyValue| match attribute.value.clone().unwrap().value.unwrap() {
        AnyValue::StringValue(text) => json!(text),
        AnyValue::IntValue(number) => json!(number),
        other => panic!("{other:?}"),
    };
    all.iter().map(|attribute| (attribute.key.clone(), value(attribute))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The only span of a name.
fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name}: {spans:#?}");
    found[0]
}

async fn start(endpoint: &str) -> TestApp {
    TestApp::configured(Config { otlp_endpoint: Some(endpoint.to_owned()), ..Config::default() }).await
}

/// Creates an order by a request within the trace of these tests.
async fn create(app: &TestApp) -> Answer {
    let document =
        "mutation Create($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
    let body = json!({"query": document, "variables": {"input": order(1)}}).to_string();
    let headers =
        [("content-type", "application/json"), ("traceparent", PARENT), ("x-request-id", "the-first")];
    super::post(app, &headers, body).await
}

#[tokio::test]
async fn request_operation_and_plugin_call_are_spans_of_one_trace() {
    let (collector, server) = (Collector::start().await, PluginServer::start().await);
    let app = start(&collector.endpoint).await;
    gate(&app, "checker", &server).await;
    server.answer(503, "");
    assert_eq!(create(&app).await.status, 200);
    app.settle().await;
    app.advance(chrono::Duration::minutes(1));
    app.settle().await;
    app.app.traces.stop().await;

    let (trace, caller) = (&PARENT[3..35], &PARENT[36..52]);
    let resource = collector.resource();
    assert_eq!(resource["service.name"], json!("waybill"));
    assert_eq!(resource["service.version"], json!(env!("CARGO_PKG_VERSION")));
    let spans = collector.spans();
    let spans: Vec<_> = spans.into_iter().filter(|span| hex(&span.trace_id) == trace).collect();
    assert_eq!(spans.len(), 4, "{spans:#?}");
    let request = named(&spans, "POST /graphql");
    assert_eq!((hex(&request.parent_span_id).as_str(), request.kind()), (caller, SpanKind::Server));
    assert_eq!(
        json!(attributes(&request.attributes)),
        json!({"http.request.method": "POST", "http.route": "/graphql", "http.response.status_code": 200})
    );
    let operation = named(&spans, "mutation");
    assert_eq!((&operation.parent_span_id, operation.kind()), (&request.span_id, SpanKind::Internal));
    assert_eq!(
        json!(attributes(&operation.attributes)),
        json!({
            "graphql.operation.type": "mutation", "graphql.operation.name": "Create", "tenant.id": "default",
            "request.id": "the-first",
        })
    );
    let run = app.stored().await.runs.remove(0).id.to_string();
    let port: i64 = server.url.split([':', '/']).nth(4).unwrap().parse().unwrap();
    let mut calls: Vec<_> = spans.iter().filter(|span| span.name == "POST").collect();
    calls.sort_by_key(|call| call.start_time_unix_nano);
    for ((call, seen), more) in calls.iter().zip(server.calls()).zip([
        json!({"http.response.status_code": 503, "error.type": "503"}),
        json!({"http.response.status_code": 200, "http.request.resend_count": 1}),
    ]) {
        assert_eq!((&call.parent_span_id, call.kind()), (&operation.span_id, SpanKind::Client));
        // The plugin was told of this very span.
        assert_eq!(seen.headers["traceparent"], format!("00-{trace}-{}-01", hex(&call.span_id)).as_str());
        let mut expected = json!({
            "http.request.method": "POST", "server.address": "127.0.0.1", "server.port": port,
            "tenant.id": "default", "plugin.name": "checker", "plugin_run.id": run, "plugin_run.step": "check",
        });
        expected.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(json!(attributes(&call.attributes)), expected);
    }
    assert_eq!(calls.len(), 2);
}

#[tokio::test]
async fn what_is_not_to_be_recorded_is_not() {
    let collector = Collector::start().await;
    let app = start(&collector.endpoint).await;
    let parent = PARENT.replace("-01", "-00");
    let headers = [("content-type", "application/json"), ("traceparent", parent.as_str())];
    super::post(&app, &headers, super::VIEWER).await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(get(&app, path).await.status, 200);
    }
    get(&app, "/nowhere/4711").await;
    app.app.traces.stop().await;
    let names: Vec<_> = collector.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["GET"]);
}

#[tokio::test]
async fn operations_on_a_socket_and_deliveries_have_traces_of_their_own() {
    let (collector, server) = (Collector::start().await, PluginServer::start().await);
    let app = start(&collector.endpoint).await;
    app.change("webhookEndpointCreate", json!({"url": server.url}), "secret").await;
    let mut socket = Socket::open(app.listen().await).await;
    socket.subscribe("1", "subscription Watch { orderEvents { id } }", json!({})).await;
    socket.is_silent().await;
    socket.subscribe("2", "query Broken { order(id: \"wo_1\") { id } }", json!({})).await;
    socket.hear().await;
    socket.hear().await;
    app.create(order(1)).await;
    assert_eq!(app.deliver().await, 4);
    app.app.traces.stop().await;
    let spans = collector.spans();
    let subscription = named(&spans, "subscription");
    assert_eq!(attributes(&subscription.attributes)["graphql.operation.name"], json!("Watch"));
    let query = named(&spans, "query");
    assert_eq!(attributes(&query.attributes)["error.type"], json!("BAD_USER_INPUT"));
    let deliveries: Vec<_> = spans.iter().filter(|span| span.name == "POST").collect();
    assert_eq!(deliveries.len(), 4);
    let roots = deliveries.iter().copied().chain([subscription, query]);
    let traces: std::collections::HashSet<_> = roots
        .map(|span| {
            assert!(span.parent_span_id.is_empty());
            span.trace_id.clone()
        })
        .collect();
    assert_eq!(traces.len(), 6);
    for (delivery, call) in deliveries.iter().zip(server.calls()) {
        let told = call.headers["traceparent"].to_str().unwrap();
        assert_eq!(told, format!("00-{}-{}-01", hex(&delivery.trace_id), hex(&delivery.span_id)));
    }
}

#[tokio::test]
async fn what_did_not_end_by_itself_is_told_as_failed() {
    let collector = Collector::start().await;
    let limits = Limits { seconds: 1, ..Limits::default() };
    let otlp_endpoint = Some(collector.endpoint.clone());
    let app = TestApp::configured(Config { otlp_endpoint, limits, ..Config::default() }).await;
    // The store's only writer is in use.
    let writer =
        app.app.database.write_transaction(&waybill::store::Tenant::new("default"), 0).await.unwrap();
    let document = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
    let body = json!({"query": document, "variables": {"input": order(1)}}).to_string();
    assert_eq!(super::post_json(&app, body).await.refusal().1, "TIMEOUT");
    super::give_up(&app, document);
    drop(writer);
    app.app.traces.stop().await;
    let spans = collector.spans();
    let mut mutations: Vec<_> = spans.iter().filter(|span| span.name == "mutation").collect();
    mutations.sort_by_key(|span| span.start_time_unix_nano);
    let failed: Vec<_> =
        mutations.iter().map(|span| attributes(&span.attributes)["error.type"].clone()).collect();
    assert_eq!(failed, ["TIMEOUT", "abandoned"]);
}

#[tokio::test]
async fn a_collector_that_never_answers_holds_nothing_up() {
    // It takes connections, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let app = start(&format!("http://{}", silent.local_addr().unwrap())).await;
    let server = PluginServer::start().await;
    gate(&app, "checker", &server).await;
    // More than the queue holds.
    for _ in 0..1_500 {
        assert_eq!(super::post_json(&app, super::VIEWER).await.status, 200);
    }
    assert_eq!(create(&app).await.status, 200);
    plugins::Worker::new(app.app.clone()).work_once().await.unwrap();
    assert_eq!(server.calls().len(), 1);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(waybill::serve::run(app.app.clone(), listener, stop.clone()));
    let begun = Instant::now();
    stop.cancel();
    within("the end of the server", running).await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}
