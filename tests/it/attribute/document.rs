//! `docs/ATTRIBUTES.md` shows what the service answers.

use serde_json::{Value, json};

use crate::harness::TestApp;

const DOCUMENT: &str = include_str!("../../../docs/ATTRIBUTES.md");

/// The requests of the document and their answers, as they stand there.
fn steps() -> Vec<(&'static str, Value)> {
    let mut requests = DOCUMENT.split("```graphql\n");
    requests.next();
    let step = |text: &'static str| {
        let (request, rest) = text.split_once("```").unwrap();
        let (_, answer) = rest.split_once("```json\n").unwrap();
        let (answer, _) = answer.split_once("```").unwrap();
        (request, serde_json::from_str(answer).unwrap())
    };
    requests.map(step).collect()
}

#[tokio::test]
async fn every_request_of_the_document_is_answered_as_it_says() {
    let app = TestApp::start().await;
    let steps = steps();
    assert_eq!(steps.len(), 10);
    for (request, expected) in steps {
        let reply = app.run(request).await.0;
        let answer = match reply["errors"].as_array() {
            Some(errors) => {
                json!({"errors": errors.iter().map(|error| error["message"].clone()).collect::<Vec<_>>()})
            }
            None => reply["data"].clone(),
        };
        assert_eq!(answer, expected, "{request}");
    }
}
