//! Values of attributes, on their way in.

use serde_json::{Value, json};

use crate::harness::{TestApp, samples, text};

async fn start() -> TestApp {
    let app = TestApp::start().await;
    for input in [
        json!({"owner": "ORDER", "key": "lane", "type": "STRING", "required": true, "oneOf": ["A", "B"]}),
        json!({"owner": "ORDER", "key": "priority", "type": "NUMBER", "defaultValue": "1.50", "range": {"max": 5}}),
        json!({"owner": "ORDER", "key": "due", "type": "DATE_TIME"}),
        json!({"owner": "ORDER", "key": "tags", "type": "OBJECT"}),
        json!({"owner": "WORK_ORDER", "key": "fragile", "type": "BOOLEAN"}),
    ] {
        app.define_as(input).await;
    }
    app
}

fn order(attributes: Value) -> Value {
    samples::with(samples::order(2), "customAttributes", attributes)
}

async fn attributes(app: &TestApp, id: &str) -> Value {
    let document = format!("{{ order(id: \"{id}\") {{ customAttributes version }} }}");
    app.run(&document).await.data()["order"].clone()
}

#[tokio::test]
async fn every_problem_is_named_with_its_path() {
    let app = start().await;
    let mut input = order(json!({"nope": 1, "priority": 6, "due": "soon", "tags": []}));
    input["workOrders"][1]["customAttributes"] = json!({"fragile": "yes", "lane": "A"});
    assert_eq!(
        app.refusals("orderCreate", input.clone()).await,
        [
            "INVALID customAttributes.due",
            "INVALID customAttributes.nope",
            "INVALID customAttributes.priority",
            "INVALID customAttributes.tags",
            "REQUIRED customAttributes.lane",
            "INVALID workOrders.1.customAttributes.fragile",
            "INVALID workOrders.1.customAttributes.lane",
        ]
    );
    let payload = app
        .mutate(
            "ordersCreate",
            json!({"orders": [order(json!({"lane": "A"})), input]}),
            "created results { userErrors { path } }",
        )
        .await;
    assert_eq!(payload["created"], json!(1));
    assert_eq!(
        payload["results"][1]["userErrors"][0]["path"],
        json!(["orders", "1", "customAttributes", "due"])
    );
}

#[tokio::test]
async fn what_is_left_out_gets_its_default_and_digits_stay() {
    let app = start().await;
    let (id, _) = app.create(order(json!({"lane": "A", "due": "2026-03-01T10:00:00+05:30"}))).await;
    let expected = json!({"lane": "A", "due": "2026-03-01T10:00:00+05:30", "priority": "1.50"});
    assert_eq!(attributes(&app, &id).await["customAttributes"], expected);
    let (id, _) = app.create(order(json!({"lane": "B", "priority": null}))).await;
    let expected = json!({"lane": "B", "priority": "1.50"});
    assert_eq!(attributes(&app, &id).await["customAttributes"], expected);
}

#[tokio::test]
async fn an_update_is_held_against_what_it_changes() {
    let app = start().await;
    let (id, work_orders) = app.create(order(json!({"lane": "A", "tags": {"a": 1}}))).await;
    for (patch, expected) in [
        (json!({"lane": null}), vec!["REQUIRED customAttributes.lane"]),
        (
            json!({"lane": "C", "nope": 1}),
            vec!["INVALID customAttributes.lane", "INVALID customAttributes.nope"],
        ),
        (json!({"nope": null}), vec!["INVALID customAttributes.nope"]),
        (json!({"priority": 5.01}), vec!["INVALID customAttributes.priority"]),
    ] {
        assert_eq!(app.refusals("orderUpdate", json!({"id": id, "customAttributes": patch})).await, expected);
    }
    let errors = app
        .refusals("workOrderUpdate", json!({"id": work_orders[0], "customAttributes": {"lane": "A"}}))
        .await;
    assert_eq!(errors, ["INVALID customAttributes.lane"]);
    let patch = json!({"tags": {"b": 2}, "priority": null, "due": null});
    app.change("orderUpdate", json!({"id": id, "customAttributes": patch}), "cursor").await;
    let expected = json!({"lane": "A", "tags": {"b": 2}});
    assert_eq!(attributes(&app, &id).await["customAttributes"], expected);
    let fragile = json!({"id": work_orders[0], "customAttributes": {"fragile": true}});
    let payload = app.change("workOrderUpdate", fragile, "workOrder { customAttributes }").await;
    assert_eq!(payload["workOrder"]["customAttributes"], json!({"fragile": true}));
    app.check_invariants().await;
}

#[tokio::test]
async fn a_rule_that_came_later_binds_new_writes_only() {
    let app = start().await;
    let (id, _) = app.create(order(json!({"lane": "A", "tags": {"a": 1}}))).await;
    app.define_as(json!({"owner": "ORDER", "key": "site", "type": "STRING", "required": true})).await;
    let document = "{ attributeDefinitions { id key } }";
    let definitions = app.run(document).await.data()["attributeDefinitions"].clone();
    let of = |key: &str| {
        let all = definitions.as_array().unwrap();
        text(&all.iter().find(|definition| definition["key"] == key).unwrap()["id"])
    };
    let narrower = json!({"id": of("lane"), "oneOf": ["B"]});
    app.mutate("attributeDefinitionUpdate", narrower, "userErrors { code }").await;
    app.mutate("attributeDefinitionArchive", json!({"id": of("tags")}), "userErrors { code }").await;
    // Another field, and a value that stays as it is, go through.
    let update = json!({"id": id, "clientName": "N", "customAttributes": {"lane": "A", "tags": {"a": 1}, "priority": 2}});
    app.change("orderUpdate", update, "cursor").await;
    let expected = json!({"lane": "A", "tags": {"a": 1}, "priority": 2});
    assert_eq!(attributes(&app, &id).await["customAttributes"], expected);
    let errors = app.refusals("orderUpdate", json!({"id": id, "customAttributes": {"tags": {}}})).await;
    assert_eq!(errors, ["INVALID customAttributes.tags"]);
    // What is archived can be removed.
    app.change("orderUpdate", json!({"id": id, "customAttributes": {"tags": null}}), "cursor").await;
    assert_eq!(attributes(&app, &id).await["customAttributes"], json!({"lane": "A", "priority": 2}));
    let errors = app.refusals("orderCreate", order(json!({"lane": "B"}))).await;
    assert_eq!(errors, ["REQUIRED customAttributes.site"]);
}

#[tokio::test]
async fn a_work_order_added_by_hand_is_held_against_definitions_too() {
    let app = start().await;
    app.define_as(json!({"owner": "WORK_ORDER", "key": "crew", "type": "NUMBER", "defaultValue": 2})).await;
    let (id, _) = app.create(order(json!({"lane": "A"}))).await;
    let mut work_order = samples::move_containers();
    work_order["customAttributes"] = json!({"fragile": 1, "nope": 1});
    let input = json!({"orderId": id, "workOrder": work_order});
    assert_eq!(
        app.refusals("workOrderCreate", input).await,
        ["INVALID workOrder.customAttributes.fragile", "INVALID workOrder.customAttributes.nope"]
    );
    let input = json!({"orderId": id, "workOrder": samples::move_containers()});
    let payload = app.change("workOrderCreate", input, "workOrder { customAttributes }").await;
    assert_eq!(payload["workOrder"]["customAttributes"], json!({"crew": 2}));
}
