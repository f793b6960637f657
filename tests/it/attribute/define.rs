//! `attributeDefinitionCreate`, `…Update`, `…Archive` and `attributeDefinitions`.

use serde_json::{Value, json};

use super::refusals;
use crate::harness::{TestApp, samples, text, wait::until};

const FIELDS: &str = "owner key description type indexed indexStatus indexProgress required defaultValue \
    range { min max } regex oneOf archived version createdBy updatedBy";

async fn change(app: &TestApp, mutation: &str, input: Value) -> Value {
    let selection = format!("attributeDefinition {{ id {FIELDS} }} userErrors {{ code message path }}");
    let payload = app.mutate(mutation, input, &selection).await;
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    payload["attributeDefinition"].clone()
}

#[tokio::test]
async fn every_field_of_a_definition_comes_back_as_it_was_given() {
    let app = TestApp::start().await;
    let input = json!({
        "owner": "ORDER", "key": "grade", "type": "STRING", "description": "How good it is", "indexed": true,
        "required": true, "defaultValue": "AB", "range": {"min": 2, "max": "3"}, "regex": "^[A-Z]+$",
        "oneOf": ["AB", "ABC"]
    });
    let made = change(&app, "attributeDefinitionCreate", input).await;
    let id = text(&made["id"]);
    assert!(id.starts_with("atd_"));
    let expected = json!({
        "id": id, "owner": "ORDER", "key": "grade", "description": "How good it is", "type": "STRING",
        "indexed": true, "indexStatus": "READY", "indexProgress": null, "required": true, "defaultValue": "AB",
        "range": {"min": "2", "max": "3"}, "regex": "^[A-Z]+$", "oneOf": ["AB", "ABC"], "archived": false,
        "version": 1, "createdBy": "local", "updatedBy": "local"
    });
    assert_eq!(made, expected);
    let document = format!(
        "{{ attributeDefinitions {{ id {FIELDS} }} node(id: \"{id}\") {{ ... on AttributeDefinition {{ id {FIELDS} }} }} }}"
    );
    assert_eq!(
        app.run(&document).await.data(),
        json!({"attributeDefinitions": [expected], "node": expected})
    );

    let bare = json!({"owner": "WORK_ORDER", "key": "lane", "type": "OBJECT"});
    let made = change(&app, "attributeDefinitionCreate", bare).await;
    for field in ["description", "defaultValue", "range", "regex", "oneOf", "indexProgress"] {
        assert_eq!(made[field], Value::Null, "{field}");
    }
    assert_eq!(
        [&made["indexed"], &made["required"], &made["indexStatus"]],
        [&json!(false), &json!(false), &json!("NONE")]
    );
    let keys = |owner: &str| format!("{{ attributeDefinitions(owner: {owner}) {{ key }} }}");
    let shown = app.run(&keys("WORK_ORDER")).await.data();
    assert_eq!(shown["attributeDefinitions"], json!([{"key": "lane"}]));
}

#[tokio::test]
async fn what_is_unsound_is_refused_with_every_problem() {
    let app = TestApp::start().await;
    let input = json!({
        "owner": "ORDER", "key": "1", "type": "BOOLEAN", "range": {"min": 1}, "regex": "(", "oneOf": []
    });
    let errors = refusals(&app, "attributeDefinitionCreate", input).await;
    assert_eq!(errors, ["INVALID key", "INVALID range", "INVALID regex", "INVALID oneOf"]);
    for (field, value, expected) in [
        ("regex", json!("(a"), "INVALID regex"),
        ("regex", json!("a".repeat(513)), "LIMIT_EXCEEDED regex"),
        ("defaultValue", json!(7), "INVALID defaultValue"),
        ("oneOf", json!(vec!["a"; 101]), "LIMIT_EXCEEDED oneOf"),
    ] {
        let input = samples::with(json!({"owner": "ORDER", "key": "a", "type": "STRING"}), field, value);
        assert_eq!(refusals(&app, "attributeDefinitionCreate", input).await, [expected]);
    }
    let object = json!({"owner": "ORDER", "key": "a", "type": "OBJECT", "indexed": true});
    assert_eq!(refusals(&app, "attributeDefinitionCreate", object).await, ["INVALID indexed"]);
}

#[tokio::test]
async fn an_update_changes_what_it_names() {
    let app = TestApp::start().await;
    let id = app.define_as(json!({
        "owner": "ORDER", "key": "size", "type": "NUMBER", "range": {"max": 10}, "oneOf": [1, 2], "description": "x"
    })).await;
    let input =
        json!({"id": id, "oneOf": null, "required": true, "defaultValue": "9.50", "expectedVersion": 1});
    let changed = change(&app, "attributeDefinitionUpdate", input.clone()).await;
    assert_eq!(changed["oneOf"], Value::Null);
    assert_eq!(changed["defaultValue"], json!("9.50"));
    assert_eq!([&changed["required"], &changed["version"]], [&json!(true), &json!(2)]);
    assert_eq!(changed["range"], json!({"min": null, "max": "10"}));
    assert_eq!(changed["description"], json!("x"));
    // It changes nothing, so that nothing is written.
    let before = app.stored().await;
    let again = samples::with(input, "expectedVersion", json!(2));
    assert_eq!(change(&app, "attributeDefinitionUpdate", again).await["version"], json!(2));
    assert_eq!(app.stored().await, before);
    for (field, value, expected) in [
        ("expectedVersion", json!(1), "CONFLICT expectedVersion"),
        ("id", json!("atd_00000000000000000000000000"), "NOT_FOUND id"),
        ("id", json!("ord_00000000000000000000000000"), "INVALID id"),
        ("required", Value::Null, "REQUIRED required"),
        ("range", json!({"max": 9}), "INVALID defaultValue"),
        ("regex", json!("a"), "INVALID regex"),
    ] {
        let input = samples::with(json!({"id": id}), field, value);
        assert_eq!(refusals(&app, "attributeDefinitionUpdate", input).await, [expected]);
    }
}

#[tokio::test]
async fn a_key_is_defined_once_until_it_is_archived() {
    let app = TestApp::start().await;
    let input = json!({"owner": "ORDER", "key": "lane", "type": "STRING"});
    let id = app.define_as(input.clone()).await;
    let number = samples::with(input.clone(), "type", json!("NUMBER"));
    assert_eq!(refusals(&app, "attributeDefinitionCreate", number.clone()).await, ["ALREADY_EXISTS key"]);
    app.define_as(samples::with(input, "owner", json!("WORK_ORDER"))).await;
    let archived = change(&app, "attributeDefinitionArchive", json!({"id": id})).await;
    assert_eq!([&archived["archived"], &archived["version"]], [&json!(true), &json!(2)]);
    let again = change(&app, "attributeDefinitionArchive", json!({"id": id})).await;
    assert_eq!(again["version"], json!(2));
    assert_eq!(
        refusals(&app, "attributeDefinitionUpdate", json!({"id": id, "indexed": true})).await,
        ["BLOCKED id"]
    );
    app.define_as(number).await;
    let document = "{ living: attributeDefinitions(owner: ORDER) { type }
        all: attributeDefinitions(owner: ORDER, includeArchived: true) { type archived } }";
    assert_eq!(
        app.run(document).await.data(),
        json!({
            "living": [{"type": "NUMBER"}],
            "all": [{"type": "STRING", "archived": true}, {"type": "NUMBER", "archived": false}]
        })
    );
}

#[tokio::test]
async fn there_are_200_for_each_kind_of_owner_and_32_of_them_indexed() {
    let app = TestApp::start().await;
    let input = |index: usize, indexed: bool| json!({"owner": "ORDER", "key": format!("a{index}"), "type": "STRING", "indexed": indexed});
    let first = app.define_as(input(0, true)).await;
    for index in 1..200 {
        app.define_as(input(index, index < 32)).await;
    }
    let errors = refusals(&app, "attributeDefinitionCreate", input(200, true)).await;
    assert_eq!(errors, ["LIMIT_EXCEEDED key", "LIMIT_EXCEEDED indexed"]);
    app.define_as(json!({"owner": "WORK_ORDER", "key": "a", "type": "STRING", "indexed": true})).await;
    change(&app, "attributeDefinitionArchive", json!({"id": first})).await;
    let last = app.define_as(input(200, true)).await;
    let update = json!({"id": last, "indexed": true, "description": "still one of them"});
    change(&app, "attributeDefinitionUpdate", update).await;
}

#[tokio::test]
async fn another_process_learns_of_a_definition_within_a_second_or_so() {
    let one = TestApp::start_with(2).await;
    let other = TestApp::beside(&one).await;
    let input = samples::with(samples::order(1), "customAttributes", json!({"lane": "B"}));
    let errors = other.refusals("orderCreate", input.clone()).await;
    assert_eq!(errors, ["INVALID customAttributes.lane"]);
    one.define("ORDER", &[("lane", "STRING")]).await;
    // The process that changed it knows at once.
    one.create(input.clone()).await;
    until("the other process to know", async || {
        let payload = other.mutate("orderCreate", input.clone(), "order { id } userErrors { code }").await;
        payload["order"]["id"].as_str().map(ToOwned::to_owned)
    })
    .await;
}

#[tokio::test]
async fn a_definition_of_another_tenant_is_not_there() {
    let app = TestApp::start().await;
    let id = app.define_as(json!({"owner": "ORDER", "key": "lane", "type": "STRING"})).await;
    let other = waybill::access::Caller {
        tenant: waybill::store::Tenant::new("other"),
        ..waybill::access::Caller::local()
    };
    let document = "query Q($id: ID!) { node(id: $id) { id } attributeDefinitions { id } }";
    let data = app.execute_as(other.clone(), document, json!({"id": id})).await.data();
    assert_eq!(data, json!({"node": null, "attributeDefinitions": []}));
    let document =
        "mutation M($id: ID!) { attributeDefinitionArchive(input: {id: $id}) { userErrors { code path } } }";
    let data = app.execute_as(other, document, json!({"id": id})).await.data();
    let expected =
        json!({"attributeDefinitionArchive": {"userErrors": [{"code": "NOT_FOUND", "path": ["id"]}]}});
    assert_eq!(data, expected);
}
