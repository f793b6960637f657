//! What an answer is written in, and what its status tells.

use axum::http::StatusCode;
use serde_json::json;

use super::{VIEWER, post, refusal};
use crate::harness::TestApp;

const JSON: &str = "application/json; charset=utf-8";
const GRAPHQL: &str = "application/graphql-response+json; charset=utf-8";

#[tokio::test]
async fn the_answer_is_in_the_media_type_that_the_client_likes_best() {
    let app = TestApp::start().await;
    for (accept, expected) in [
        ("*/*", JSON),
        ("application/json", JSON),
        ("application/graphql-response+json", GRAPHQL),
        ("application/graphql-response+json, application/json;q=0.9", GRAPHQL),
        ("application/graphql-response+json;q=0.5, application/json", JSON),
        ("text/html, */*;q=0.1", JSON),
    ] {
        let answer = post(&app, &[("content-type", "application/json"), ("accept", accept)], VIEWER).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(expected)), "{accept}");
    }
    for accept in ["text/html", "image/png, text/*", "application/json;q=0"] {
        let answer = post(&app, &[("content-type", "application/json"), ("accept", accept)], VIEWER).await;
        let message = "answers are written in application/json or application/graphql-response+json, and streams in text/event-stream; accept one of them";
        assert_eq!(answer.refusal(), refusal(StatusCode::NOT_ACCEPTABLE, message), "{accept}");
    }
}

#[tokio::test]
async fn the_status_tells_whether_the_operation_was_executed_where_the_client_knows_that_it_does() {
    let app = TestApp::start().await;
    let deep = format!("{{ orders(first: {}1{}) {{ nodes {{ id }} }} }}", "[".repeat(200), "]".repeat(200));
    for (document, status, code, has_data) in [
        ("{ viewer { tenantId } }", 200, None, true),
        ("{ viewer", 400, Some("GRAPHQL_PARSE_FAILED"), false),
        ("{ viewer { nothing } }", 400, Some("GRAPHQL_VALIDATION_FAILED"), false),
        (&deep, 400, Some("QUERY_TOO_COMPLEX"), false),
        // Executed, but a field failed.
        ("{ order(id: \"nonsense\") { id } viewer { tenantId } }", 200, Some("BAD_USER_INPUT"), true),
    ] {
        let body = json!({"query": document}).to_string();
        for (accept, expected) in [("application/json", 200), ("application/graphql-response+json", status)] {
            let headers = [("content-type", "application/json"), ("accept", accept)];
            let answer = post(&app, &headers, body.clone()).await;
            let json = answer.json();
            assert_eq!(answer.status, expected, "{accept} {document}");
            assert_eq!(json["errors"][0]["extensions"]["code"].as_str(), code, "{json:#}");
            assert_eq!(json.get("data").is_some(), has_data, "{json:#}");
        }
    }
}

#[tokio::test]
async fn a_field_that_fails_does_not_take_the_others_with_it() {
    let app = TestApp::start().await;
    let body = json!({"query": "{ order(id: \"wo_1\") { id } viewer { tenantId } }"}).to_string();
    let answer = post(&app, &[("content-type", "application/json")], body).await.json();
    assert_eq!(answer["data"]["order"], json!(null));
    assert_eq!(answer["data"]["viewer"], json!({"tenantId": "default"}));
    assert_eq!(answer["errors"].as_array().unwrap().len(), 1);
    assert_eq!(answer["errors"][0]["path"], json!(["order"]));
}
