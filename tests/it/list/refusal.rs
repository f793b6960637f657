//! What is wrong with a filter or an order is said at once, each with its place.

use entity::{attribute_definition, stored::IndexState};
use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};
use serde_json::{Value, json};

use super::app;
use crate::harness::{TestApp, text};

/// Places and messages of everything that is wrong.
async fn refusals(app: &TestApp, arguments: Value) -> Vec<(String, String)> {
    let document = "query Q($where: OrderWhere, $orderBy: [OrderOrder!]) {
        orders(where: $where, orderBy: $orderBy) { nodes { id } } }";
    let reply = app.execute(document, arguments).await.0;
    assert_eq!(reply["data"], Value::Null, "{reply:#}");
    let errors = reply["errors"].as_array().unwrap().clone();
    let place = |error: &Value| {
        assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{error:#}");
        assert_eq!(error["path"], json!(["orders"]), "{error:#}");
        let path = error["extensions"]["path"].as_array().unwrap();
        let path = path.iter().map(text).collect::<Vec<_>>().join(".");
        let message = text(&error["message"]);
        let message = message.strip_prefix(&format!("{path}: ")).unwrap().to_owned();
        (path, message)
    };
    errors.iter().map(place).collect()
}

async fn refusal(app: &TestApp, arguments: Value) -> (String, String) {
    let mut refusals = refusals(app, arguments).await;
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    refusals.remove(0)
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once() {
    let app = app().await;
    let arguments = json!({
        "where": {
            "clientId": {"in": vec!["a"; 101]},
            "id": {"eq": "wo_00000000000000000000000000"},
            "or": [{}, {"attribute": {"key": "nope", "eq": 1}}, {"attribute": {"key": "weight", "gt": "heavy"}}],
            "workOrders": {"some": {"attribute": {"key": "lane", "exists": true}}},
            "batchId": {"startsWith": "a\u{0}"}
        },
        "orderBy": [{"field": "STATUS", "attribute": "lane"}, {}, {"attribute": "nope"}]
    });
    let places: Vec<_> = refusals(&app, arguments).await.into_iter().map(|(place, _)| place).collect();
    assert_eq!(
        places,
        [
            "where.id.eq",
            "where.clientId.in",
            "where.batchId.startsWith",
            "where.workOrders.some.attribute.key",
            "where.or.1.attribute.key",
            "where.or.2.attribute.gt",
            "orderBy.0",
            "orderBy.1",
            "orderBy.2.attribute",
        ]
    );
}

#[tokio::test]
async fn each_refusal_says_what_would_be_right() {
    let app = app().await;
    let attribute = |filter: Value| json!({"where": {"attribute": filter}});
    let nested = (0..6).fold(json!({}), |inner, _| json!({"and": [inner]}));
    for (arguments, place, message) in [
        (
            attribute(json!({"key": "nope", "eq": 1})),
            "where.attribute.key",
            "there is no attribute \"nope\" of orders: define it with attributeDefinitionCreate, or use another key",
        ),
        (
            attribute(json!({"key": "weight", "eq": true})),
            "where.attribute.eq",
            "weight is a NUMBER attribute: it must be a number of at most 28 digits, such as 12.5 or \"12.50\"",
        ),
        (
            attribute(json!({"key": "rush", "in": [true, "yes"]})),
            "where.attribute.in.1",
            "rush is a BOOLEAN attribute: it must be true or false",
        ),
        (
            attribute(json!({"key": "weight", "gt": 1, "lt": 2})),
            "where.attribute",
            "must have exactly one of eq, ne, in, gt, gte, lt, lte, startsWith and exists (null is none of them: to \
             find what has no value, use exists: false), not gt and lt",
        ),
        (
            attribute(json!({"key": "weight", "startsWith": "1"})),
            "where.attribute.startsWith",
            "is for texts, but weight is a NUMBER attribute: it must be a number of at most 28 digits, such as 12.5 or \
             \"12.50\"",
        ),
        (
            attribute(json!({"key": "lane", "startsWith": "a".repeat(256)})),
            "where.attribute.startsWith",
            "may have up to 255 characters",
        ),
        (
            attribute(json!({"key": "lane", "in": vec!["a"; 101]})),
            "where.attribute.in",
            "a list in a filter holds up to 100 members, but this has 101",
        ),
        (
            json!({"where": {"or": vec![json!({}); 101]}}),
            "where.or",
            "a list in a filter holds up to 100 members, but this has 101",
        ),
        (
            json!({"where": nested}),
            "where.and.0.and.0.and.0.and.0.and.0.and.0",
            "filters may be nested up to 5 deep",
        ),
        (
            json!({"where": {"and": vec![json!({"or": [{}, {}]}); 70]}}),
            "where",
            "a filter may have up to 200 conditions, but this has 210",
        ),
        (
            json!({"where": {"id": {"eq": "order"}}}),
            "where.id.eq",
            "\"order\" is not an id: expected ord_ and 26 characters, as in ord_00000000000000000000000000",
        ),
        (json!({"orderBy": [{}]}), "orderBy.0", "must have exactly one of field and attribute, not none"),
        (
            json!({"orderBy": [{"attribute": "lane", "field": "STATUS"}]}),
            "orderBy.0",
            "must have exactly one of field and attribute, not attribute and field",
        ),
        (
            json!({"orderBy": vec![json!({"field": "STATUS"}); 9]}),
            "orderBy",
            "a list may be sorted by up to 8 things, but these are 9",
        ),
    ] {
        let (found_place, found) = refusal(&app, arguments).await;
        assert_eq!((found_place.as_str(), found.as_str()), (place, message));
    }
    let null = refusal(&app, attribute(json!({"key": "lane", "eq": null}))).await.1;
    assert!(null.ends_with("not none"), "{null}");
}

#[tokio::test]
async fn an_attribute_without_a_whole_index_is_refused_with_its_definition() {
    let app = app().await;
    let plain = app.define_as(json!({"owner": "ORDER", "key": "note", "type": "STRING"})).await;
    let tags = app.define_as(json!({"owner": "ORDER", "key": "tags", "type": "ARRAY"})).await;
    let building =
        app.define_as(json!({"owner": "ORDER", "key": "zone", "type": "STRING", "indexed": true})).await;
    let database = sea_orm::Database::connect(&app.database.url).await.unwrap();
    let rows = app.stored().await.definitions;
    let row = rows.into_iter().find(|row| row.key == "zone").unwrap();
    let mut row = row.into_active_model();
    row.index_state = Set(IndexState::Building);
    let _: attribute_definition::Model = row.update(&database).await.unwrap();
    app.app.definitions.forget(&waybill::store::Tenant::new("default"));
    for (key, expected) in [
        (
            "note",
            format!(
                "the attribute note is not indexed: set indexed of its definition {plain} with attributeDefinitionUpdate"
            ),
        ),
        (
            "tags",
            format!(
                "the attribute tags ({tags}) is of the type ARRAY, by which lists cannot be filtered or sorted"
            ),
        ),
        (
            "zone",
            format!(
                "the index of the attribute zone ({building}) is still being built: watch indexProgress of its \
                 definition, and try again"
            ),
        ),
    ] {
        let filter = json!({"where": {"attribute": {"key": key, "eq": "x"}}});
        assert_eq!(refusal(&app, filter).await, ("where.attribute.key".to_owned(), expected.clone()));
        let order = json!({"orderBy": [{"attribute": key}]});
        assert_eq!(refusal(&app, order).await, ("orderBy.0.attribute".to_owned(), expected));
    }
}
