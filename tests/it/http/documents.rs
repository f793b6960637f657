//! Documents that a request names: automatic persisted queries, and those that the operator trusts. And questions about
//! the schema, where the operator does not have them answered.

use std::{collections::HashMap, sync::Arc};

use axum::{body::Body, http::Request};
use serde_json::{Value, json};
use waybill::config::Config;

use super::{Answer, ask, post, post_json};
use crate::harness::{Socket, TestApp, samples::order, socket::Word, sse::EventStream};

const VIEWER: &str = "{ viewer { tenantId } }";
/// `printf %s '{ viewer { tenantId } }' | sha256sum`
const HASH: &str = "fd7f5957c977bc79f8f7c2c6a7e7aa34a30ae9942ec59edfb1b6287651ee18ab";

fn persisted(hash: &str, query: Option<&str>) -> Value {
    let mut request = json!({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash}}});
    if let Some(query) = query {
        request["query"] = json!(query);
    }
    request
}

fn error(answer: &Answer) -> (u16, Value, Value) {
    let body = answer.json();
    assert_eq!((body["errors"].as_array().unwrap().len(), body.get("data")), (1, None), "{body}");
    (answer.status, body["errors"][0]["extensions"]["code"].clone(), body["errors"][0]["message"].clone())
}

#[tokio::test]
async fn a_document_that_was_sent_once_is_executed_by_its_hash_on_every_transport() {
    let app = TestApp::start().await;
    let not_found = (json!("PERSISTED_QUERY_NOT_FOUND"), json!("PersistedQueryNotFound"));
    for (accept, status) in [("application/json", 200), ("application/graphql-response+json", 400)] {
        let headers = [("content-type", "application/json"), ("accept", accept)];
        let (found, code, message) = error(&post(&app, &headers, persisted(HASH, None).to_string()).await);
        assert_eq!((found, (code, message)), (status, not_found.clone()));
    }
    let viewer = json!({"viewer": {"tenantId": "default"}});
    let sent = post_json(&app, persisted(HASH, Some(VIEWER)).to_string()).await;
    assert_eq!(sent.json()["data"], viewer);
    assert_eq!(post_json(&app, persisted(HASH, None).to_string()).await.json()["data"], viewer);
    let by_id = json!({"documentId": format!("sha256:{HASH}")});
    assert_eq!(post_json(&app, by_id.to_string()).await.json()["data"], viewer);

    let extensions = persisted(HASH, None)["extensions"].to_string();
    let parameters =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("extensions", &extensions).finish();
    let request = |accept: &str| Request::get(format!("/graphql?{parameters}")).header("accept", accept);
    let answer = ask(&app, request("application/json").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.json()["data"], viewer);
    let mut stream = EventStream::of(&app, request("text/event-stream").body(Body::empty()).unwrap()).await;
    assert!(stream.shown().await.unwrap().data.contains("tenantId"));

    let mut socket = Socket::open(app.listen().await).await;
    socket.say(json!({"type": "subscribe", "id": "1", "payload": persisted(HASH, None)})).await;
    let Word::Next(payload) = socket.word("1").await else { panic!("it was not executed") };
    assert_eq!(payload["data"], viewer);
    assert_eq!(socket.word("1").await, Word::Complete);
    let unknown = persisted(&HASH.replace('0', "1"), None);
    socket.say(json!({"type": "subscribe", "id": "2", "payload": unknown})).await;
    let Word::Error(errors) = socket.word("2").await else { panic!("it was executed") };
    assert_eq!(errors[0]["message"], json!("PersistedQueryNotFound"));
}

#[tokio::test]
async fn a_hash_of_another_document_is_refused_and_executes_nothing() {
    let app = TestApp::start().await;
    let mutation = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
    let mut request = persisted(HASH, Some(mutation));
    request["variables"] = json!({"input": order(1)});
    let (_, code, _) = error(&post_json(&app, request.to_string()).await);
    assert_eq!(code, json!("BAD_USER_INPUT"));
    assert_eq!(app.stored().await.counts(), [0; 5]);
    let (_, code, _) = error(&post_json(&app, persisted(HASH, None).to_string()).await);
    assert_eq!(code, json!("PERSISTED_QUERY_NOT_FOUND"));
}

#[tokio::test]
async fn a_persisted_mutation_is_not_executed_by_get() {
    let mutation = "mutation { orderRelease(input: {id: \"ord_01h00000000000000000000000\"}) { cursor } }";
    let trusted = HashMap::from([("release".to_owned(), mutation.to_owned())]);
    let config = Config { trusted_documents: Some(Arc::new(trusted)), ..Config::default() };
    let app = TestApp::configured(config).await;
    let request = Request::get("/graphql?documentId=release").body(Body::empty()).unwrap();
    assert_eq!(ask(&app, request).await.status, 405);
}

#[tokio::test]
async fn where_documents_are_trusted_no_other_is_executed() {
    let trusted = HashMap::from([("viewer".to_owned(), VIEWER.to_owned())]);
    let config = Config { trusted_documents: Some(Arc::new(trusted)), ..Config::default() };
    let app = TestApp::configured(config).await;
    for request in [json!({"documentId": "viewer"}), json!({"query": VIEWER})] {
        let answer = post_json(&app, request.to_string()).await;
        assert_eq!(answer.json()["data"], json!({"viewer": {"tenantId": "default"}}), "{request}");
    }
    let mutation = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
    for (request, code) in [
        (json!({"query": mutation, "variables": {"input": order(1)}}), "FORBIDDEN"),
        (json!({"query": mutation, "variables": {"input": order(1)}, "documentId": "viewer"}), "FORBIDDEN"),
        (json!({"query": "{ viewer { tenantId  } }"}), "FORBIDDEN"),
        (json!({"documentId": "other"}), "PERSISTED_QUERY_NOT_FOUND"),
        (persisted(HASH, Some("{ viewer { subject } }")), "FORBIDDEN"),
    ] {
        let (_, found, _) = error(&post_json(&app, request.to_string()).await);
        assert_eq!(found, json!(code), "{request}");
    }
    let mut socket = Socket::open(app.listen().await).await;
    socket.subscribe("1", "subscription { orderEvents { id } }", json!({})).await;
    let Word::Error(errors) = socket.word("1").await else { panic!("it was executed") };
    assert_eq!(errors[0]["extensions"]["code"], json!("FORBIDDEN"));
    assert_eq!(app.stored().await.counts(), [0; 5]);
}

#[tokio::test]
async fn questions_about_the_schema_are_answered_unless_the_operator_says_no() {
    let documents = [
        "{ __schema { queryType { name } } }",
        "{ viewer { tenantId } __type(name: \"Order\") { name } }",
        "{ ...Q } fragment Q on Query { ... on Query { __schema { queryType { name } } } }",
    ];
    let app = TestApp::start().await;
    for document in documents {
        app.run(document).await.data();
    }
    let app = TestApp::configured(Config { introspection: false, ..Config::default() }).await;
    for document in documents {
        let answer = post_json(&app, json!({"query": document}).to_string()).await;
        assert_eq!(error(&answer).1, json!("FORBIDDEN"), "{document}");
    }
    assert_eq!(
        app.run("{ viewer { __typename } }").await.data(),
        json!({"viewer": {"__typename": "Viewer"}})
    );
}
