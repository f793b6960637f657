//! Documents that ask for too much are refused before they are executed, and take nothing down.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::body::Body;
use futures_util::{StreamExt as _, future::join_all};
use serde_json::json;
use waybill::config::{Config, Limits};

use super::{VIEWER, get, post, post_json};
use crate::harness::{Socket, TestApp, samples::order, socket::Word, wire};

/// Code and message of the refusal of a document, which was not executed.
async fn refused(app: &TestApp, document: &str) -> (String, String) {
    let answer = post_json(app, json!({"query": document}).to_string()).await;
    let (status, code, message) = answer.refusal();
    assert_eq!(status, 200);
    (code, message)
}

fn nested(open: &str, depth: usize, inside: &str, close: &str) -> String {
    format!("{}{inside}{}", open.repeat(depth), close.repeat(depth))
}

#[tokio::test]
async fn literals_and_selections_that_nest_without_end_are_refused() {
    let app = TestApp::start().await;
    let documents = [
        format!("{{ orders(first: {}) {{ nodes {{ id }} }} }}", nested("[", 100_000, "1", "]")),
        format!("{{ orders(first: {}) {{ nodes {{ id }} }} }}", nested("{a: ", 100_000, "1", "}")),
        format!("{{ orders(first: {}", "[".repeat(100_000)),
        format!("query($a: {}) {{ viewer {{ tenantId }} }}", nested("[", 100_000, "Int", "]")),
        nested("{ viewer ", 500, "{ tenantId }", "}"),
        nested("{ viewer ", 100_000, "{ tenantId }", "}"),
        format!("{{ nodes(ids: [{}]) {{ id }} }}", "[],".repeat(50_000)),
        nested("{ ... ", 100_000, "{ viewer { tenantId } }", "}"),
    ];
    for document in &documents {
        let (code, message) = refused(&app, document).await;
        assert_eq!(code, "QUERY_TOO_COMPLEX", "{message}");
    }
    // The same over a socket.
    let mut socket = Socket::open(app.listen().await).await;
    for document in &documents {
        socket.subscribe("1", document, json!({})).await;
        let Word::Error(errors) = socket.word("1").await else { panic!("it was executed") };
        assert_eq!(errors[0]["extensions"]["code"], json!("QUERY_TOO_COMPLEX"));
    }
    socket.is_silent().await;
    app.create(order(1)).await;
}

/// A service with other limits.
async fn limited(limits: Limits) -> TestApp {
    TestApp::configured(Config { limits, ..Config::default() }).await
}

#[tokio::test]
async fn fields_may_nest_twenty_deep_and_no_deeper() {
    let app = TestApp::start().await;
    app.create(order(1)).await;
    // Seventeen levels, and then what is inside.
    let document = |inside: &str| {
        let runs = nested("pluginRuns(first: 1) { nodes { order { ", 5, inside, " } } }");
        format!("{{ orders(first: 1) {{ nodes {{ {runs} }} }} }}")
    };
    assert_eq!(app.run(&document("workOrders { order { status } }")).await.0.get("errors"), None);
    let message = "the document has 21 levels of fields; at most 20 are taken";
    let expected = ("QUERY_TOO_COMPLEX".to_owned(), message.to_owned());
    assert_eq!(refused(&app, &document("workOrders { order { consignee { name } } }")).await, expected);
    let fragment = "fragment F on Order { workOrders { order { consignee { name } } } }";
    assert_eq!(refused(&app, &format!("{} {fragment}", document("...F"))).await, expected);
    let (code, _) = refused(&app, &document(&nested("consignee { ", 40, "name", "}"))).await;
    assert_eq!(code, "QUERY_TOO_COMPLEX");
}

#[tokio::test]
async fn pages_within_pages_are_weighed_by_their_length() {
    let app = limited(Limits { complexity: 20_000, ..Limits::default() }).await;
    app.create(order(1)).await;
    let document = "query($orders: Int, $events: Int) { orders(first: $orders) { nodes { \
                    events(first: $events) { nodes { id type } } } } }";
    let ask = |orders: usize, events: usize| {
        json!({"query": document, "variables": {"orders": orders, "events": events}}).to_string()
    };
    let answer = post_json(&app, ask(20, 20)).await.json();
    assert_eq!(
        (answer.get("errors"), &answer["extensions"]),
        (None, &json!({"cost": 1 + 20 * (1 + 1 + 20 * 3)}))
    );
    for _ in 0..2 {
        let (_, code, message) = post_json(&app, ask(100, 100)).await.refusal();
        let expected = "the operation costs 30201, each field of each item counted; at most 20000 is taken: ask for \
                        shorter pages or less at a time";
        assert_eq!((code.as_str(), message.as_str()), ("QUERY_TOO_COMPLEX", expected));
        // What is kept of the document does not keep the next from being looked at.
        assert_eq!(post_json(&app, ask(1, 1)).await.json()["extensions"]["cost"], json!(1 + 1 + 1 + 3));
    }
    let alias =
        |index: usize| format!("a{index}: orders(first: 100) {{ nodes {{ id status version clientId }} }} ");
    let (code, _) = refused(&app, &format!("{{ {} }}", (0..60).map(alias).collect::<String>())).await;
    assert_eq!(code, "QUERY_TOO_COMPLEX");
}

#[tokio::test]
async fn whatever_else_a_document_may_have_too_much_of_is_counted() {
    let app = TestApp::start().await;
    let aliases = |count: usize| (0..count).map(|index| format!("a{index}: tenantId ")).collect::<String>();
    let directives = |count: usize| "@include(if: true) ".repeat(count);
    let fields = |count: usize| (0..count).map(|index| format!("a{index}: eventCursor ")).collect::<String>();
    for (document, expected) in [
        (format!("{{ viewer {{ {} }} }}", aliases(200)), None),
        (format!("{{ viewer {{ {} }} }}", aliases(201)), Some("has 201 aliases; at most 200 are taken")),
        (format!("{{ viewer {{ {} }} }}", aliases(5_000)), Some("has 5000 aliases; at most 200 are taken")),
        (
            format!("{{ ...F }} fragment F on Query {{ viewer {{ {} }} }}", aliases(201)),
            Some("has 201 aliases; at most 200 are taken"),
        ),
        (
            format!("{{ viewer {} {{ tenantId }} }}", directives(201)),
            Some("has 201 directives; at most 200 are taken"),
        ),
        (format!("{{ {} }}", fields(100)), None),
        (format!("{{ {} }}", fields(101)), Some("has 101 fields at its root; at most 100 are taken")),
        (
            format!("{{ viewer {{ tenantId }} }} {}", "# ".repeat(600_000)),
            Some("has 1200024 bytes; at most 1048576"),
        ),
        (format!("{{ {} }}", "a ".repeat(60_000)), Some("has more than 20000 tokens")),
    ] {
        match expected {
            None => assert_eq!(app.run(&document).await.0.get("errors"), None, "{document}"),
            Some(part) => {
                let (code, message) = refused(&app, &document).await;
                assert_eq!(code, "QUERY_TOO_COMPLEX");
                assert!(message.contains(part), "{message}");
            }
        }
    }
}

#[tokio::test]
async fn lists_in_variables_are_counted_wherever_they_stand() {
    let app = limited(Limits { list: 3, ..Limits::default() }).await;
    let document =
        "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { userErrors { code } } }";
    let mut input = order(1);
    input["customAttributes"] = json!({"a": [{"b": [1, 2, 3, 4]}]});
    let body = json!({"query": document, "variables": {"input": input}}).to_string();
    let (_, code, message) = post_json(&app, body).await.refusal();
    let expected = "a list in the variable input has 4 members; at most 3 are taken";
    assert_eq!((code.as_str(), message.as_str()), ("QUERY_TOO_COMPLEX", expected));
    assert_eq!(app.stored().await.counts(), [0; 5]);
    app.create(order(3)).await;
}

#[tokio::test]
async fn fragments_that_contain_each_other_are_refused() {
    let app = TestApp::start().await;
    for document in [
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
        "{ ...A } fragment A on Query { viewer { tenantId } ...A }",
        "{ node(id: 1) { ... on Order { ...A } } } fragment A on Order { workOrders { order { ...A } } }",
    ] {
        let expected =
            ("GRAPHQL_VALIDATION_FAILED".to_owned(), "fragments spread each other in a circle".to_owned());
        assert_eq!(refused(&app, document).await, expected, "{document}");
    }
    assert_eq!(refused(&app, "{ ...Missing }").await.0, "GRAPHQL_VALIDATION_FAILED");
}

#[tokio::test]
async fn fragments_that_double_at_each_level_are_refused_at_once() {
    let app = TestApp::start().await;
    let fragment =
        |level: usize| format!("fragment F{level} on Query {{ ...F{next} ...F{next} }} ", next = level + 1);
    let document = format!(
        "{{ ...F0 }} {} fragment F100 on Query {{ viewer {{ tenantId }} }}",
        (0..100).map(fragment).collect::<String>()
    );
    let begun = Instant::now();
    assert_eq!(refused(&app, &document).await.0, "QUERY_TOO_COMPLEX");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_caller_and_its_tenant_have_so_many_operations_a_second() {
    let app = limited(Limits { rate: 3, tenant_rate: 5, ..Limits::default() }).await;
    let policy = r#""caller";q=3;w=1, "tenant";q=5;w=1"#;
    for left in (0..3).rev() {
        let answer = post_json(&app, VIEWER).await;
        assert_eq!((answer.status, answer.header("ratelimit-policy")), (200, Some(policy)));
        let state = format!(r#""caller";r={left};t=1, "tenant";r={};t=1"#, left + 2);
        assert_eq!(answer.header("ratelimit"), Some(state.as_str()));
    }
    let message = "the caller may send 3 operations a second; wait 1 s and go on more slowly";
    let create = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
    let create = json!({"query": create, "variables": {"input": order(1)}}).to_string();
    let answer = post_json(&app, create).await;
    assert_eq!(answer.refusal(), (429, "RATE_LIMITED".to_owned(), message.to_owned()));
    assert_eq!(
        (answer.header("retry-after"), answer.header("ratelimit")),
        (Some("1"), Some(r#""caller";r=0;t=1"#))
    );
    assert_eq!(get(&app, "/graphql?query=%7BeventCursor%7D").await.refusal().0, 429);
    assert_eq!(get(&app, "/healthz").await.status, 200);
    let mut socket = Socket::open(app.listen().await).await;
    socket.subscribe("1", "{ eventCursor }", json!({})).await;
    let Word::Error(errors) = socket.word("1").await else { panic!("it was executed") };
    assert_eq!(errors[0]["extensions"]["code"], json!("RATE_LIMITED"));
    assert_eq!(app.stored().await.counts(), [0; 5]);
    app.advance(chrono::Duration::seconds(1));
    assert_eq!(post_json(&app, VIEWER).await.status, 200);
}

#[tokio::test]
async fn each_operation_of_a_batch_counts() {
    let limits = Limits { rate: 3, ..Limits::default() };
    let app = TestApp::configured(Config { limits, batch_limit: 10, ..Config::default() }).await;
    let batch = |count: usize| format!("[{}]", vec![VIEWER; count].join(","));
    assert_eq!(post_json(&app, batch(5)).await.refusal().0, 429);
    app.advance(chrono::Duration::seconds(1));
    assert_eq!(post_json(&app, batch(3)).await.status, 200);
    assert_eq!(post_json(&app, VIEWER).await.status, 429);
}

#[tokio::test]
async fn so_many_sockets_and_streams_are_open_and_no_more() {
    let app = limited(Limits { sockets: 2, ..Limits::default() }).await;
    let address = app.listen().await;
    let mut first = Socket::open(address).await;
    let second = Socket::open(address).await;
    let headers = [("content-type", "application/json"), ("accept", "text/event-stream")];
    let answer = post(&app, &headers, VIEWER).await;
    let message = "the server has as many open WebSockets and streams as it takes; try again later";
    assert_eq!(answer.refusal(), (503, "UNAVAILABLE".to_owned(), message.to_owned()));
    drop(second);
    first.is_silent().await;
    // The place of one that has gone is free again.
    while post(&app, &headers, VIEWER).await.status != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn sockets_that_never_say_a_word_do_not_bother_others() {
    let app = TestApp::start().await;
    let address = app.listen().await;
    let mut silent = Vec::new();
    while silent.len() < 1_000 {
        silent.extend(join_all((0..50).map(|_| Socket::connect(address))).await);
    }
    let viewer = json!({"viewer": {"tenantId": "default"}});
    assert_eq!(wire::post(address, "{ viewer { tenantId } }", &json!({})).await.unwrap()["data"], viewer);
    Socket::open(address).await.is_silent().await;
    for socket in &mut silent {
        assert_eq!(socket.closed().await, (4408, "Connection initialisation timeout".to_owned()));
    }
}

#[tokio::test]
async fn a_hundred_megabytes_are_refused_before_they_are_read() {
    let app = TestApp::start().await;
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    let megabytes = futures_util::stream::iter(0..100).map(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        Ok::<_, std::io::Error>(axum::body::Bytes::from(vec![b' '; 1024 * 1024]))
    });
    assert_eq!(post_json(&app, Body::from_stream(megabytes)).await.refusal().0, 413);
    assert!(taken.load(Ordering::Relaxed) <= 10, "{taken:?} MiB were read");
}

#[tokio::test]
async fn who_sends_a_body_too_slowly_is_refused() {
    let app = limited(Limits { seconds: 1, ..Limits::default() }).await;
    let body =
        Body::from_stream(futures_util::stream::pending::<Result<axum::body::Bytes, std::io::Error>>());
    let answer = post_json(&app, body).await;
    let message = "the body did not arrive in time";
    assert_eq!(answer.refusal(), (408, "TIMEOUT".to_owned(), message.to_owned()));
}
