//! Custom attributes: definitions, values, and lists by them.

mod define;
mod document;
mod index;
mod node;
mod pattern;
mod values;

use serde_json::Value;

use crate::harness::TestApp;

/// Sends a mutation of a definition that must be refused, sees to it that nothing was written, and gives code and path of
/// each error.
async fn refusals(app: &TestApp, mutation: &str, input: Value) -> Vec<String> {
    let before = app.stored().await;
    let selection = "attributeDefinition { id } userErrors { code message path }";
    let payload = app.mutate(mutation, input, selection).await;
    assert_eq!(payload["attributeDefinition"], Value::Null, "{payload:#}");
    assert_eq!(app.stored().await, before, "a refusal wrote something: {payload:#}");
    payload["userErrors"].as_array().unwrap().iter().map(crate::harness::code_and_path).collect()
}
