//! Regular expressions of attributes: what they may take together, and what they cost others.

use serde_json::{Value, json};
use waybill::{access::Caller, store::Tenant};

use super::refusals;
use crate::harness::{TestApp, code_and_path, samples, text};

/// A pattern that takes more than a MiB once it is compiled, one of many.
fn large(number: usize) -> String {
    format!(r"^\pL{{24}}{number}$")
}

fn definition(key: &str, regex: &str) -> Value {
    json!({"owner": "ORDER", "key": key, "type": "STRING", "regex": regex})
}

#[tokio::test]
async fn patterns_of_a_tenant_are_bounded_together() {
    let app = TestApp::start().await;
    let mut ids = Vec::new();
    for number in 0..7 {
        let owner = if number % 2 == 0 { "ORDER" } else { "WORK_ORDER" };
        let input = samples::with(definition(&format!("k{number}"), &large(number)), "owner", json!(owner));
        ids.push(app.define_as(input).await);
    }
    let one_more = definition("k7", &large(7));
    assert_eq!(refusals(&app, "attributeDefinitionCreate", one_more.clone()).await, ["LIMIT_EXCEEDED regex"]);
    let payload = app.mutate("attributeDefinitionCreate", one_more.clone(), "userErrors { message }").await;
    let message = text(&payload["userErrors"][0]["message"]);
    assert!(
        message.contains("may take up to 8 MiB together") && message.contains("this one takes 11"),
        "{message}"
    );
    // A small one has room, and cannot be made a large one.
    let small = app.define_as(definition("small", "^[a-z]+$")).await;
    let update = json!({"id": small, "regex": large(8)});
    assert_eq!(refusals(&app, "attributeDefinitionUpdate", update).await, ["LIMIT_EXCEEDED regex"]);
    // What stands may be changed otherwise, and for something of the same size.
    for input in [json!({"id": ids[0], "description": "x"}), json!({"id": ids[0], "regex": large(9)})] {
        app.change("attributeDefinitionUpdate", input, "attributeDefinition { version }").await;
    }
    // Another tenant has its own.
    let other = Caller { tenant: Tenant::new("other"), ..Caller::local() };
    let create = "mutation($input: AttributeDefinitionCreateInput!) {
        attributeDefinitionCreate(input: $input) { userErrors { code path } }
    }";
    let of_other = app.execute_as(other, create, json!({"input": one_more.clone()})).await.data();
    assert_eq!(of_other["attributeDefinitionCreate"]["userErrors"], json!([]));
    // An archived one makes room.
    app.mutate("attributeDefinitionArchive", json!({"id": ids[1]}), "userErrors { message }").await;
    app.define_as(one_more).await;
}

#[tokio::test]
async fn long_texts_are_held_against_patterns_like_short_ones() {
    let app = TestApp::start().await;
    app.define_as(definition("word", "^[a-zü]+$")).await;
    for (length, last) in [(1, 'a'), (1, '1'), (20_000, 'ü'), (20_000, '1')] {
        let word = format!("{}{last}", "a".repeat(length));
        let input = samples::with(samples::order(1), "customAttributes", json!({"word": word}));
        let payload = app.mutate("orderCreate", input, "order { id } userErrors { code message path }").await;
        let errors: Vec<_> = payload["userErrors"].as_array().unwrap().iter().map(code_and_path).collect();
        let expected: &[&str] = if last == '1' { &["INVALID customAttributes.word"] } else { &[] };
        assert_eq!(errors, expected, "{length} {last}");
    }
}
