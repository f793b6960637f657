//! Several operations in one request, where the operator allows it.

use axum::http::StatusCode;
use serde_json::json;
use waybill::config::Config;

use super::{post, post_json, refusal};
use crate::harness::{TestApp, samples::order};

async fn start() -> TestApp {
    TestApp::configured(Config { batch_limit: 3, ..Config::default() }).await
}

#[tokio::test]
async fn a_batch_is_executed_in_its_order_and_answered_in_it() {
    let app = start().await;
    let create = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { status } } }";
    let body = json!([
        {"query": create, "variables": {"input": order(1)}},
        {"query": "{ orders { nodes { status } } }"},
        {"query": "{ nothing }"},
    ]);
    let answer = post_json(&app, body.to_string()).await;
    let found = answer.json();
    assert_eq!(answer.status, 200);
    assert_eq!(found[0]["data"], json!({"orderCreate": {"order": {"status": "IN_PROGRESS"}}}));
    assert_eq!(found[1]["data"], json!({"orders": {"nodes": [{"status": "IN_PROGRESS"}]}}));
    assert_eq!(found[2]["errors"][0]["extensions"]["code"], json!("GRAPHQL_VALIDATION_FAILED"));
    assert_eq!((found.as_array().unwrap().len(), found[2].get("data")), (3, None));
}

#[tokio::test]
async fn a_member_that_is_no_request_does_not_take_the_others_with_it() {
    let app = start().await;
    let answer = post_json(&app, r#"[{"query": "{ viewer { tenantId } }"}, 7, {}]"#).await;
    let found = answer.json();
    assert_eq!(found[0]["data"], json!({"viewer": {"tenantId": "default"}}));
    for member in [&found[1], &found[2]] {
        assert_eq!(member["errors"][0]["extensions"]["code"], json!("BAD_USER_INPUT"), "{member}");
    }
}

#[tokio::test]
async fn a_list_that_is_no_batch_is_refused_and_writes_nothing() {
    let app = start().await;
    let create = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { status } } }";
    let create = json!({"query": create, "variables": {"input": order(1)}});
    for (body, reason) in [
        (
            json!([create, create, create, create]).to_string(),
            "it holds 4 requests; send at most 3 at a time",
        ),
        ("[]".to_owned(), "it is an empty list; send at least one request"),
        (format!("[{create}"), "it is not JSON: EOF while parsing a list at line 1 column"),
        (format!("[[{create}]]"), ""),
    ] {
        let answer = post_json(&app, body).await;
        if reason.is_empty() {
            assert_eq!(answer.json()[0]["errors"][0]["extensions"]["code"], json!("BAD_USER_INPUT"));
        } else {
            let (status, code, message) = answer.refusal();
            assert_eq!((status, code.as_str()), (400, "BAD_USER_INPUT"));
            assert!(message.starts_with(&format!("the body is not usable: {reason}")), "{message}");
        }
    }
    let headers = [("content-type", "application/json"), ("accept", "text/event-stream")];
    let answer = post(&app, &headers, json!([create]).to_string()).await;
    let message = "a stream answers one operation, not a list of them";
    assert_eq!(answer.refusal(), refusal(StatusCode::BAD_REQUEST, message));
    assert_eq!(app.stored().await.counts(), [0; 5]);
}
