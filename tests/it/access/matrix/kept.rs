//! What an answer shows of what is kept with its document.

use axum::{
    body::Body,
    http::{Request, header::CONTENT_TYPE},
};
use serde_json::{Value, json};

use crate::harness::TestApp;

/// Fields that are answered at once beside those that wait for the store.
const DOCUMENT: &str = "query A { orders(first: 3) { nodes { id } } viewer { subject } eventCursor
                        plugins(first: 3) { nodes { id } } __typename }";

/// The text of the answer to a document.
async fn ask(app: &TestApp, text: &str, operation_name: Option<&str>) -> String {
    let body = json!({"query": text, "operationName": operation_name}).to_string();
    let request = Request::post("/graphql").header(CONTENT_TYPE, "application/json");
    app.send(request.body(Body::from(body)).unwrap()).await.1
}

#[tokio::test]
async fn no_name_changes_what_is_answered_to_those_who_come_after() {
    let app = TestApp::start().await;
    let expected = ask(&app, DOCUMENT, Some("A")).await;
    let answer: Value = serde_json::from_str(&expected).unwrap();
    assert!(answer.get("errors").is_none() && answer["extensions"]["cost"].as_u64() > Some(1), "{expected}");
    for (number, name) in ["Z", "", "a", "A "].into_iter().enumerate() {
        let text = format!("{DOCUMENT} # {number}");
        let first = ask(&app, &text, Some(name)).await;
        if name.is_empty() {
            assert_eq!(first, expected);
        } else {
            assert!(first.contains("Unknown operation named"), "{name:?}: {first}");
        }
        for right in [None, Some("A")] {
            assert_eq!(ask(&app, &text, right).await, expected, "{right:?} after {name:?}");
        }
    }
}
