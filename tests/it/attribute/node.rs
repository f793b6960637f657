//! Values as typed nodes.

use chrono::Duration;
use serde_json::{Value, json};

use crate::harness::{TestApp, samples, text};

const VALUE: &str = "__typename id key json setBy setAt definition { key type } \
    ... on StringAttribute { text: value } ... on NumberAttribute { number: value } \
    ... on BooleanAttribute { flag: value } ... on DateTimeAttribute { instant: value }";

async fn app() -> (TestApp, String, String) {
    let app = TestApp::start().await;
    let kinds = [
        ("lane", "STRING"),
        ("weight", "NUMBER"),
        ("rush", "BOOLEAN"),
        ("due", "DATE_TIME"),
        ("tags", "ARRAY"),
    ];
    app.define("ORDER", &kinds).await;
    app.define("WORK_ORDER", &[("lane_2", "OBJECT")]).await;
    let mut input = samples::order(1);
    input["customAttributes"] = json!({
        "lane": "north", "weight": "5.50", "rush": true, "due": "2026-03-02T10:00:00+02:00", "tags": [1, "b"]
    });
    input["workOrders"][0]["customAttributes"] = json!({"lane_2": {"bay": 7}});
    let (order, work_orders) = app.create(input).await;
    (app, order, work_orders[0].clone())
}

async fn order(app: &TestApp, id: &str, selection: &str) -> Value {
    app.run(&format!("{{ order(id: \"{id}\") {{ {selection} }} }}")).await.data()["order"].clone()
}

#[tokio::test]
async fn each_value_is_a_node_of_its_type() {
    let (app, id, work_order) = app().await;
    let values = order(&app, &id, &format!("attributes {{ {VALUE} }}")).await["attributes"].clone();
    let expected = [
        (
            "DateTimeAttribute",
            "due",
            json!("2026-03-02T10:00:00+02:00"),
            "instant",
            json!("2026-03-02T08:00:00Z"),
        ),
        ("StringAttribute", "lane", json!("north"), "text", json!("north")),
        ("BooleanAttribute", "rush", json!(true), "flag", json!(true)),
        ("JsonAttribute", "tags", json!([1, "b"]), "", Value::Null),
        ("NumberAttribute", "weight", json!("5.50"), "number", json!("5.50")),
    ];
    assert_eq!(values.as_array().unwrap().len(), expected.len());
    for (value, (kind, key, json, field, typed)) in values.as_array().unwrap().iter().zip(expected) {
        assert_eq!(
            [&value["__typename"], &value["key"], &value["json"], &value["definition"]["key"]],
            [&json!(kind), &json!(key), &json, &json!(key)]
        );
        assert_eq!(value.get(field).unwrap_or(&Value::Null), &typed, "{key}");
        assert_eq!([&value["setBy"], &value["setAt"]], [&json!("local"), &json!("2026-03-01T08:00:00Z")]);
        // Its id finds it, alone and among others.
        let node = app
            .run(&format!("{{ node(id: {}) {{ id ... on Attribute {{ {VALUE} }} }} }}", value["id"]))
            .await
            .data();
        assert_eq!(&node["node"], value);
    }
    let document = format!("{{ workOrder(id: \"{work_order}\") {{ attributes {{ {VALUE} }} }} }}");
    let value = app.run(&document).await.data()["workOrder"]["attributes"][0].clone();
    assert_eq!([&value["key"], &value["json"]], [&json!("lane_2"), &json!({"bay": 7})]);
    let ids = json!([value["id"], id, values[0]["id"]]);
    let nodes = app.run(&format!("{{ nodes(ids: {ids}) {{ id }} }}")).await.data();
    assert_eq!(nodes["nodes"], json!([{"id": value["id"]}, {"id": id}, {"id": values[0]["id"]}]));
}

#[tokio::test]
async fn some_may_be_asked_for_by_name() {
    let (app, id, _) = app().await;
    let selection = "attributes(keys: [\"weight\", \"lane\", \"nope\"]) { key } attribute(key: \"rush\") { key } none: attribute(key: \"nope\") { key }";
    let expected = json!({"attributes": [{"key": "lane"}, {"key": "weight"}], "attribute": {"key": "rush"}, "none": null});
    assert_eq!(order(&app, &id, selection).await, expected);
    let keys = json!(vec!["a"; 101]);
    let reply = app.run(&format!("{{ order(id: \"{id}\") {{ attributes(keys: {keys}) {{ key }} }} }}")).await;
    assert_eq!(
        reply.error(),
        ("BAD_USER_INPUT".into(), "ask for at most 100 attributes by name, not 101".into())
    );
}

#[tokio::test]
async fn a_value_says_who_set_it_last_and_when() {
    let (app, id, _) = app().await;
    app.advance(Duration::hours(2));
    let input = json!({"id": id, "customAttributes": {"lane": "south", "rush": null}});
    app.change("orderUpdate", input, "cursor").await;
    let values =
        order(&app, &id, "attributes(keys: [\"lane\", \"rush\", \"weight\"]) { key setBy setAt }").await;
    assert_eq!(
        values["attributes"],
        json!([
            {"key": "lane", "setBy": "local", "setAt": "2026-03-01T10:00:00Z"},
            {"key": "weight", "setBy": "local", "setAt": "2026-03-01T08:00:00Z"},
        ])
    );
}

#[tokio::test]
async fn an_id_without_a_value_finds_nothing_and_another_tenants_neither() {
    let (app, id, _) = app().await;
    let lane = text(&order(&app, &id, "attribute(key: \"lane\") { id }").await["attribute"]["id"]);
    assert!(lane.starts_with("att_lane_"), "{lane}");
    for missing in [lane.replace("att_lane_", "att_nope_"), "att_lane_00000000000000000000000000".to_owned()]
    {
        assert_eq!(
            app.run(&format!("{{ node(id: \"{missing}\") {{ id }} }}")).await.data(),
            json!({"node": null})
        );
    }
    let other = waybill::access::Caller {
        tenant: waybill::store::Tenant::new("other"),
        ..waybill::access::Caller::local()
    };
    let document = format!("{{ node(id: \"{lane}\") {{ id }} }}");
    assert_eq!(app.execute_as(other, &document, json!({})).await.data(), json!({"node": null}));
}

#[tokio::test]
async fn values_of_a_page_take_one_statement_for_who_set_them() {
    let (app, ..) = app().await;
    let mut input = samples::order(1);
    input["customAttributes"] = json!({"lane": "north", "weight": 1});
    for _ in 0..5 {
        app.create(input.clone()).await;
    }
    let document = "{ orders { nodes { attributes { key setBy setAt } } } }";
    app.run(document).await.data();
    let before = app.app.database.statements();
    app.run(document).await.data();
    assert!(app.app.database.statements() - before <= 3, "the page, the definitions at most, who set values");
}
