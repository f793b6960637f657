//! The variables of requests: what an operation does not declare is dropped, and what it does is bounded.

use serde_json::{Value, json};
use waybill::config::{Config, Limits};

use super::{get, post, post_json};
use crate::harness::{Socket, TestApp, samples::order, socket::Word, sse::EventStream};

/// Many small values, 7 MB of them.
fn many() -> Value {
    (0..700_000).map(|number| (format!("a{number}"), json!(1))).collect::<serde_json::Map<_, _>>().into()
}

#[tokio::test]
async fn what_an_operation_does_not_declare_is_dropped_on_every_transport() {
    let app = TestApp::start().await;
    let (id, _) = app.create(order(1)).await;
    let mut variables = many();
    variables["id"] = json!(id);
    let document = "query($id: ID!) { order(id: $id) { status } }";
    let expected = json!({"order": {"status": "IN_PROGRESS"}});
    let body = json!({"query": document, "variables": variables}).to_string();
    assert_eq!(post_json(&app, body.clone()).await.json()["data"], expected);
    let mut events = EventStream::open(&app, document, variables.clone(), None).await;
    let shown: Value = serde_json::from_str(&events.shown().await.unwrap().data).unwrap();
    assert_eq!(shown["data"], expected);
    let mut socket = Socket::open(app.listen().await).await;
    socket.subscribe("1", document, variables.clone()).await;
    let Word::Next(payload) = socket.word("1").await else { panic!("it was refused") };
    assert_eq!(payload["data"], expected);
    // A subscription goes on as if nothing else had been sent.
    let watch = "subscription($after: String) { orderEvents(after: $after) { id order { id } } }";
    variables["after"] = json!(crate::event::cursor(0));
    socket.subscribe("2", watch, variables).await;
    assert_eq!(socket.word("1").await, Word::Complete);
    assert_eq!(socket.events("2", 4).await[0]["order"]["id"], json!(id));
}

#[tokio::test]
async fn of_two_values_of_a_variable_the_last_counts() {
    let app = TestApp::start().await;
    let (id, _) = app.create(order(1)).await;
    let document = "query($id: ID!) { order(id: $id) { status } }";
    let body = format!(r#"{{"query": {document:?}, "variables": {{"id": "ord_1", "x": 1, "id": {id:?}}}}}"#);
    assert_eq!(post_json(&app, body).await.json()["data"], json!({"order": {"status": "IN_PROGRESS"}}));
}

#[tokio::test]
async fn declared_values_are_bounded_in_number() {
    let limits = Limits { variable_values: 100, ..Limits::default() };
    let app = TestApp::configured(Config { limits, ..Config::default() }).await;
    let document =
        "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { userErrors { code } } }";
    let ask = |count: usize| {
        let mut input = order(1);
        input["customAttributes"] = json!({"a": vec![1; count]});
        json!({"query": document, "variables": {"input": input}}).to_string()
    };
    let (status, code, message) = post_json(&app, ask(101)).await.refusal();
    let expected = "the variables hold more than 100 values; send less at once";
    assert_eq!((status, code.as_str(), message.as_str()), (200, "QUERY_TOO_COMPLEX", expected));
    assert_eq!(app.stored().await.counts(), [0; 5]);
    app.create(order(2)).await;
}

#[tokio::test]
async fn a_subscription_is_given_little_to_keep() {
    let app = TestApp::start().await;
    let document = "subscription($after: String) { orderEvents(after: $after) { id } }";
    let most = 64 * 1024;
    let variables = |bytes: usize| json!({"after": "x".repeat(bytes - document.len() - 2)});
    let message =
        "the document and the variables of the subscription have 65537 bytes; at most 65536 are taken";
    let mut socket = Socket::open(app.listen().await).await;
    socket.subscribe("1", document, variables(most + 1)).await;
    let Word::Error(errors) = socket.word("1").await else { panic!("it was executed") };
    assert_eq!(errors[0], json!({"message": message, "extensions": {"code": "QUERY_TOO_COMPLEX"}}));
    // One byte less is looked at: it is no cursor.
    socket.subscribe("1", document, variables(most)).await;
    let (Word::Error(errors) | Word::Next(errors)) = socket.word("1").await else { panic!("it has ended") };
    assert!(errors.to_string().contains("BAD_USER_INPUT"), "{errors}");
    let body = json!({"query": document, "variables": variables(most + 1)}).to_string();
    let headers = [("content-type", "application/json"), ("accept", "text/event-stream")];
    let answer = post(&app, &headers, body).await;
    assert!(answer.text.contains(message), "{}", answer.text);
}

#[tokio::test]
async fn a_variable_that_is_not_usable_says_which() {
    let app = TestApp::start().await;
    let body = r#"{"query": "query($id: ID!) { order(id: $id) { id } }", "variables": {"id": "\ud800"}}"#;
    let (status, code, message) = post_json(&app, body).await.refusal();
    assert_eq!((status, code.as_str()), (200, "BAD_USER_INPUT"));
    assert!(message.starts_with("the variable id is not usable: "), "{message}");
    let query = "/graphql?query=%7Bviewer%7BtenantId%7D%7D&variables=%5B%5D";
    assert_eq!(get(&app, query).await.refusal().0, 400);
}
