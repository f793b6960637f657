//! Queries by GET, which change nothing.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::{Value, json};

use super::{Answer, ask, get, refusal};
use crate::harness::{TestApp, samples::order};

/// Asks by GET, with parameters and a media type.
async fn query(app: &TestApp, accept: &str, parameters: &[(&str, &str)]) -> Answer {
    let mut url = url::form_urlencoded::Serializer::new(String::new());
    url.extend_pairs(parameters);
    let request = Request::get(format!("/graphql?{}", url.finish())).header("accept", accept);
    ask(app, request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_query_is_answered_as_by_post() {
    let app = TestApp::start().await;
    let (id, _) = app.create(order(1)).await;
    let document = "query A { viewer { tenantId } } query B($id: ID!) { order(id: $id) { id status } }";
    let variables = json!({"id": id}).to_string();
    let parameters = [("query", document), ("operationName", "B"), ("variables", &variables), ("other", "x")];
    for (accept, content_type) in [
        ("application/json", "application/json; charset=utf-8"),
        ("application/graphql-response+json", "application/graphql-response+json; charset=utf-8"),
    ] {
        let answer = query(&app, accept, &parameters).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(content_type)));
        assert_eq!(answer.json()["data"], json!({"order": {"id": id, "status": "IN_PROGRESS"}}));
        // Nobody on the way keeps it, and no browser takes it for anything else.
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}

#[tokio::test]
async fn a_mutation_is_refused_and_changes_nothing() {
    let app = TestApp::start().await;
    let mutation = "mutation M($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
    let both = format!("query Q {{ viewer {{ tenantId }} }} {mutation}");
    let variables = json!({"input": order(1)}).to_string();
    for (document, name) in [(mutation, ""), (both.as_str(), "M")] {
        let parameters = [("query", document), ("operationName", name), ("variables", variables.as_str())];
        for accept in ["application/json", "application/graphql-response+json", "*/*"] {
            let answer = query(&app, accept, &parameters).await;
            let message = "a mutation is sent with POST, never with GET";
            assert_eq!(answer.refusal(), refusal(StatusCode::METHOD_NOT_ALLOWED, message), "{accept}");
            assert_eq!(answer.header("allow"), Some("POST"));
        }
    }
    assert_eq!(app.stored().await.counts(), [0; 5]);
    // The query beside it may be asked.
    let parameters = [("query", both.as_str()), ("operationName", "Q")];
    assert_eq!(
        query(&app, "*/*", &parameters).await.json()["data"],
        json!({"viewer": {"tenantId": "default"}})
    );
}

#[tokio::test]
async fn a_url_that_is_no_request_is_refused_with_the_reason() {
    let app = TestApp::start().await;
    for (path, reason) in [
        ("/graphql", "it has no parameter \"query\""),
        ("/graphql?query=", "it has no parameter \"query\""),
        ("/graphql?variables={}", "it has no parameter \"query\""),
        ("/graphql?query=%7Bx%7D&variables=%5B%5D", "the parameter variables is not a JSON object"),
        ("/graphql?query=%7Bx%7D&extensions=7", "the parameter extensions is not a JSON object"),
    ] {
        let (status, code, message) = get(&app, path).await.refusal();
        assert_eq!((status, code.as_str()), (400, "BAD_USER_INPUT"), "{path}");
        assert!(message.starts_with(&format!("the URL is not usable: {reason}")), "{path}: {message}");
    }
    let answer = query(&app, "text/html", &[("query", "{ viewer { tenantId } }")]).await;
    assert_eq!(answer.status, 406);
}

#[tokio::test]
async fn the_status_tells_what_became_of_it_where_the_client_knows_that_it_does() {
    let app = TestApp::start().await;
    for (document, status) in [("{ viewer { tenantId } }", 200), ("{ viewer", 400), ("{ nothing }", 400)] {
        for (accept, expected) in [("application/json", 200), ("application/graphql-response+json", status)] {
            let answer = query(&app, accept, &[("query", document)]).await;
            assert_eq!(answer.status, expected, "{accept} {document}");
            assert_eq!(answer.json().get("data").map(Value::is_object), (status == 200).then_some(true));
        }
    }
}
