//! The attack that the matrix is there for, in its shortest form: a caller without any scope names an operation that the
//! document does not have, and then sends the same document as it should be sent.

use std::sync::Arc;

use serde_json::json;
use waybill::config::Config;

use super::{
    door::{Ask, Door, Transport, hash},
    expected::Expected,
    fingerprint::Fingerprint,
    world::{Who, config, token},
};
use crate::harness::TestApp;

/// What a caller without any scope must not get, by a document whose operation has that name.
fn key(operation: &str) -> String {
    format!("mutation {operation} {{ apiKeyCreate(input: {{name: \"x\", scopes: [\"admin\"]}}) {{ key }} }}")
}

/// The same where nothing can be changed.
fn keys(operation: &str) -> String {
    format!("query {operation} {{ apiKeys {{ id name }} }}")
}

/// Tries both names that no operation has, each on a document that nobody has sent before.
async fn attack(transport: Transport) {
    let document = if transport.carries("Mutation") { key } else { keys };
    let names = ["Z", ""];
    let texts = ["A", "B"].map(document);
    let mut config = config();
    if transport == Transport::Trusted {
        let trusted = texts.iter().map(|text| (hash(text), text.clone())).collect();
        config = Config { trusted_documents: Some(Arc::new(trusted)), ..config };
    }
    let app = TestApp::configured(config).await;
    let (fingerprint, credentials) = (Fingerprint::of(&app).await, token(&app, Who::new([])));
    let before = fingerprint.rows().await;
    let mut door = Door::new(&app, transport).await;
    for (name, text) in names.into_iter().zip(&texts) {
        for operation_name in [Some(name), None] {
            let variables = &json!({});
            let answer = door.ask(Ask { credentials: &credentials, text, variables, operation_name }).await;
            let expected = if operation_name == Some("Z") { Expected::Unknown } else { Expected::Forbidden };
            assert!(expected.is(&answer), "{operation_name:?} after {name:?}: not {expected:?}: {answer:#}");
        }
    }
    assert_eq!(fingerprint.rows().await, before);
}

#[tokio::test]
async fn a_name_that_no_operation_has_opens_nothing_by_post() {
    attack(Transport::Post).await;
}

#[tokio::test]
async fn a_name_that_no_operation_has_opens_nothing_by_get() {
    attack(Transport::Get).await;
}

#[tokio::test]
async fn a_name_that_no_operation_has_opens_nothing_in_a_batch() {
    attack(Transport::Batch).await;
}

#[tokio::test]
async fn a_name_that_no_operation_has_opens_no_persisted_document() {
    attack(Transport::Persisted).await;
}

#[tokio::test]
async fn a_name_that_no_operation_has_opens_no_trusted_document() {
    attack(Transport::Trusted).await;
}

#[tokio::test]
async fn a_name_that_no_operation_has_opens_nothing_on_a_stream() {
    attack(Transport::Stream).await;
}

#[tokio::test]
async fn a_name_that_no_operation_has_opens_nothing_on_a_stream_of_a_browser() {
    attack(Transport::BrowserStream).await;
}

#[tokio::test]
async fn a_name_that_no_operation_has_opens_nothing_on_a_socket() {
    attack(Transport::Socket).await;
}
