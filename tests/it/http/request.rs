//! What is taken for a GraphQL request, and what is not.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use super::{VIEWER, ask, get, post, post_json, refusal};
use crate::harness::{TestApp, samples::order, text};

#[tokio::test]
async fn an_operation_is_taken_with_its_name_and_variables() {
    let app = TestApp::start().await;
    let document =
        "query One { viewer { tenantId } } query Two($id: ID!) { node(id: $id) { id } viewer { subject } }";
    let body = json!({
        "query": document, "operationName": "Two", "variables": {"id": "ord_01h00000000000000000000000"},
        "extensions": {"any": "thing"}, "unknown": 1,
    });
    let answer = post_json(&app, body.to_string()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text, r#"{"data":{"node":null,"viewer":{"subject":"local"}},"extensions":{"cost":4}}"#);
}

#[tokio::test]
async fn only_json_in_utf_8_is_taken() {
    let app = TestApp::start().await;
    for content_type in
        ["application/json", "Application/JSON; charset=\"UTF-8\"", "application/graphql+json"]
    {
        let answer = post(&app, &[("content-type", content_type)], VIEWER).await;
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({"data": {"viewer": {"tenantId": "default"}}, "extensions": {"cost": 2}}))
        );
    }
    let expected = refusal(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "the body must be JSON in UTF-8, with the header content-type: application/json",
    );
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/json; charset=utf-16",
        "",
    ] {
        let answer = post(&app, &[("content-type", content_type)], VIEWER).await;
        assert_eq!(answer.refusal(), expected, "{content_type}");
    }
    assert_eq!(post(&app, &[], VIEWER).await.refusal(), expected);
}

#[tokio::test]
async fn a_body_that_is_no_request_is_refused_with_the_reason_and_writes_nothing() {
    let app = TestApp::start().await;
    for (body, reason) in [
        ("", "it is empty; send an object such as {\"query\": \"{ viewer { tenantId } }\"}"),
        ("NONSENSE", "it is not JSON: expected value at line 1 column 1"),
        (
            r#"{"query": "{viewer{tenantId}}""#,
            "it is not JSON: EOF while parsing an object at line 1 column 30",
        ),
        ("[]", "it is a list; batches are not taken, send one request at a time"),
        (
            r#"[{"query": "{viewer{tenantId}}"}]"#,
            "it is a list; batches are not taken, send one request at a time",
        ),
        ("{}", "it has no member \"query\" with the document to execute"),
        (
            r#"{"query": 7}"#,
            "it is not a GraphQL request: invalid type: integer `7`, expected a string at line 1 column 11",
        ),
    ] {
        let expected = refusal(StatusCode::BAD_REQUEST, &format!("the body is not usable: {reason}"));
        assert_eq!(post_json(&app, body).await.refusal(), expected, "{body}");
    }
    let mutation = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
    let body = json!([{"query": mutation, "variables": {"input": order(1)}}]).to_string();
    assert_eq!(post_json(&app, body).await.status, 400);
    assert_eq!(app.stored().await.counts(), [0; 5]);
}

#[tokio::test]
async fn variables_that_are_nested_without_end_are_refused() {
    let app = TestApp::start().await;
    let deep = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
    let body = |document: &str| format!(r#"{{"query": {document:?}, "variables": {{"a": {deep}}}}}"#);
    let (status, code, message) =
        post_json(&app, body("query($a: ID!) { node(id: $a) { id } }")).await.refusal();
    assert_eq!((status, code.as_str()), (200, "BAD_USER_INPUT"));
    assert!(message.starts_with("the variable a is not usable: recursion limit exceeded"), "{message}");
    // What the document does not declare is not looked at.
    let answer = post_json(&app, body("{ viewer { tenantId } }")).await;
    assert_eq!(answer.json()["data"], json!({"viewer": {"tenantId": "default"}}));
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let app = TestApp::start().await;
    let limit = app.app.config.limits.body_bytes;
    let padded = |length: usize| format!("{VIEWER}{}", " ".repeat(length - VIEWER.len()));
    assert_eq!(post_json(&app, padded(limit)).await.status, 200);
    let message = "the body is larger than the server takes; send less at once";
    let expected = refusal(StatusCode::PAYLOAD_TOO_LARGE, message);
    assert_eq!(post_json(&app, padded(limit + 1)).await.refusal(), expected);
}

#[tokio::test]
async fn wrong_methods_and_paths_are_told_where_to_go() {
    let app = TestApp::start().await;
    let message = "this path does not take this method; GraphQL operations are sent to /graphql with POST";
    for (method, path) in [
        (Method::PUT, "/graphql"),
        (Method::DELETE, "/graphql"),
        (Method::POST, "/"),
        (Method::POST, "/healthz"),
    ] {
        let request = Request::builder().method(&method).uri(path).body(Body::empty()).unwrap();
        let answer = ask(&app, request).await;
        assert_eq!(answer.refusal(), refusal(StatusCode::METHOD_NOT_ALLOWED, message), "{method} {path}");
    }
    let message = "there is nothing at this path; GraphQL is at /graphql";
    for path in ["/graphq", "/graphql/", "/api", "/healthz/x"] {
        assert_eq!(get(&app, path).await.refusal(), refusal(StatusCode::NOT_FOUND, message), "{path}");
    }
}

#[tokio::test]
async fn a_request_keeps_the_id_that_it_came_with_or_is_given_one() {
    let app = TestApp::start().await;
    let headers = [("content-type", "application/json"), ("x-request-id", "A-17.b:c_d")];
    assert_eq!(post(&app, &headers, VIEWER).await.header("x-request-id"), Some("A-17.b:c_d"));
    let mut given = Vec::new();
    for answer in [
        post_json(&app, VIEWER).await,
        post_json(&app, "nonsense").await,
        get(&app, "/healthz").await,
        get(&app, "/nowhere").await,
        post(&app, &[("content-type", "application/json"), ("x-request-id", "has spaces in it")], VIEWER)
            .await,
    ] {
        given.push(answer.header("x-request-id").unwrap().to_owned());
    }
    assert!(given.iter().all(|id| uuid::Uuid::parse_str(id).is_ok()), "{given:?}");
    given.sort();
    given.dedup();
    assert_eq!(given.len(), 5);
}

#[tokio::test]
async fn a_fault_names_the_request_and_nothing_from_below() {
    let app = TestApp::start().await;
    app.create(order(1)).await;
    let db = sea_orm::Database::connect(&app.database.url).await.unwrap();
    db.execute_unprepared("ALTER TABLE platform_order RENAME TO gone").await.unwrap();
    db.close().await.unwrap();
    let body = json!({"query": "{ orders { nodes { id } } }"}).to_string();
    let headers = [("content-type", "application/json"), ("x-request-id", "the-broken-one")];
    let answer = post(&app, &headers, body).await;
    assert_eq!(answer.status, 200);
    let body: Value = answer.json();
    let error = &body["errors"][0];
    assert_eq!(
        (
            text(&error["extensions"]["code"]),
            text(&error["extensions"]["requestId"]),
            text(&error["message"])
        ),
        (
            "INTERNAL".to_owned(),
            "the-broken-one".to_owned(),
            "something failed that you can do nothing about; the request id names it in our log".to_owned()
        )
    );
    assert_eq!(body["data"], json!(null));
}
