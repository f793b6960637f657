//! Documents that ask for too much are refused before they are executed, and take nothing down.

use serde_json::json;

use super::post_json;
use crate::harness::{Socket, TestApp, samples::order, socket::Word};

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
        nested("{ viewer ", 100_000, "{ tenantId }", "}"),
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
    let (code, message) = refused(&app, &document("workOrders { order { consignee { name } } }")).await;
    assert_eq!((code.as_str(), message.as_str()), ("QUERY_TOO_COMPLEX", "Query is nested too deep."));
    let (code, _) = refused(&app, &document(&nested("consignee { ", 40, "name", "}"))).await;
    assert_eq!(code, "QUERY_TOO_COMPLEX");
}

#[tokio::test]
async fn pages_within_pages_are_weighed_by_their_length() {
    let app = TestApp::start().await;
    app.create(order(1)).await;
    let document = |orders: usize, events: usize| {
        format!(
            "{{ orders(first: {orders}) {{ nodes {{ events(first: {events}) {{ nodes {{ id type }} }} }} }} }}"
        )
    };
    assert_eq!(app.run(&document(20, 20)).await.0.get("errors"), None);
    let (code, message) = refused(&app, &document(100, 100)).await;
    assert_eq!((code.as_str(), message.as_str()), ("QUERY_TOO_COMPLEX", "Query is too complex."));
    let alias =
        |index: usize| format!("a{index}: orders(first: 100) {{ nodes {{ id status version clientId }} }} ");
    let (code, _) = refused(&app, &format!("{{ {} }}", (0..60).map(alias).collect::<String>())).await;
    assert_eq!(code, "QUERY_TOO_COMPLEX");
}

#[tokio::test]
async fn fragments_that_contain_each_other_are_refused() {
    let app = TestApp::start().await;
    for document in [
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
        "{ ...A } fragment A on Query { viewer { tenantId } ...A }",
        "{ node(id: 1) { ... on Order { ...A } } } fragment A on Order { workOrders { order { ...A } } }",
    ] {
        assert_eq!(refused(&app, document).await.0, "QUERY_TOO_COMPLEX", "{document}");
    }
    assert_eq!(refused(&app, "{ ...Missing }").await.0, "GRAPHQL_VALIDATION_FAILED");
}

#[tokio::test]
async fn fragments_that_double_at_each_level_are_refused_in_time() {
    let app = TestApp::start().await;
    let fragment =
        |level: usize| format!("fragment F{level} on Query {{ ...F{next} ...F{next} }} ", next = level + 1);
    let levels = 18;
    let document = format!(
        "{{ ...F0 }} {} fragment F{levels} on Query {{ viewer {{ tenantId }} }}",
        (0..levels).map(fragment).collect::<String>()
    );
    let begun = std::time::Instant::now();
    let answer = post_json(&app, json!({"query": document}).to_string()).await;
    assert_eq!(answer.json()["errors"][0]["extensions"]["code"], json!("QUERY_TOO_COMPLEX"));
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
}
