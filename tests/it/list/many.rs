//! Lists of so many orders that those which pass are not gathered first.

use std::collections::BTreeMap;

use entity::{id::OrderId, list_entry, order};
use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::{Value, json};
use waybill::domain::attribute::{Typed, encode};

use crate::harness::{TestApp, samples, text};

/// More than are gathered.
const MANY: u128 = 4_200;

/// Orders of one client in one state, whose weight is the remainder of their number by seven. Gives the number of each.
async fn many(app: &TestApp) -> BTreeMap<String, u128> {
    app.define_as(json!({"owner": "ORDER", "key": "weight", "type": "NUMBER", "indexed": true})).await;
    let (id, _) = app.create(samples::order(1)).await;
    let stored = app.stored().await;
    let sample = stored.orders.into_iter().find(|order| order.id.to_string() == id).unwrap();
    let field = stored.definitions[0].id.0;
    let database = sea_orm::Database::connect(&app.database.url).await.unwrap();
    let mut numbers = BTreeMap::new();
    let mut orders = Vec::new();
    let mut entries = Vec::new();
    for number in 0..MANY {
        let mut order: order::Model = sample.clone();
        order.id = OrderId(uuid::Uuid::from_u128((1 << 64) + number));
        order.client_order_id = format!("{:04}", (number * 31) % MANY);
        order.custom_attributes = json!({"weight": (number % 7).to_string()}).to_string();
        let value = encode(&Typed::Number((number % 7).to_string().parse().unwrap()));
        let tenant_id = order.tenant_id.clone();
        entries.push(list_entry::Model { tenant_id, entity_id: order.id.0, field, value });
        numbers.insert(order.id.to_string(), number);
        orders.push(order);
    }
    for chunk in orders.chunks(500) {
        let rows = chunk.iter().cloned().map(IntoActiveModel::into_active_model);
        order::Entity::insert_many::<order::ActiveModel, _>(rows)
            .exec_without_returning(&database)
            .await
            .unwrap();
    }
    for chunk in entries.chunks(500) {
        let rows = chunk.iter().cloned().map(IntoActiveModel::into_active_model);
        list_entry::Entity::insert_many::<list_entry::ActiveModel, _>(rows)
            .exec_without_returning(&database)
            .await
            .unwrap();
    }
    database.close().await.unwrap();
    numbers
}

/// The numbers of a list's first pages.
async fn walk(app: &TestApp, numbers: &BTreeMap<String, u128>, arguments: &Value, pages: usize) -> Vec<u128> {
    let document = "query Q($where: OrderWhere, $orderBy: [OrderOrder!], $after: String) {
        orders(where: $where, orderBy: $orderBy, first: 50, after: $after) { nodes { id } pageInfo { endCursor } } }";
    let mut arguments = arguments.clone();
    let mut seen = Vec::new();
    for _ in 0..pages {
        let page = app.execute(document, arguments.clone()).await.data()["orders"].clone();
        let ids = page["nodes"].as_array().unwrap().iter().map(|order| text(&order["id"]));
        seen.extend(ids.filter_map(|id| numbers.get(&id).copied()));
        arguments["after"] = page["pageInfo"]["endCursor"].clone();
    }
    seen
}

#[tokio::test]
async fn pages_of_many_are_the_same_as_those_of_few() {
    let app = TestApp::start().await;
    let numbers = many(&app).await;
    let in_progress = json!({"status": {"eq": "IN_PROGRESS"}, "phase": {"eq": "ACTIVE"}});
    let heavy = json!({"and": [in_progress, {"attribute": {"key": "weight", "gte": 1}}]});
    let reference = |number: &u128| (number * 31) % MANY;
    let all = || (0..MANY).collect::<Vec<_>>();

    let mut newest = all();
    newest.reverse();
    assert_eq!(walk(&app, &numbers, &json!({"where": in_progress}), 3).await, newest[..149]);

    let mut by_reference = all();
    by_reference.sort_by_key(reference);
    let arguments = json!({"where": in_progress, "orderBy": [{"field": "CLIENT_ORDER_ID"}]});
    assert_eq!(walk(&app, &numbers, &arguments, 3).await, by_reference[..150]);

    let mut by_weight = all();
    by_weight.sort_by_key(|number| (number % 7, *number));
    by_weight.retain(|number| number % 7 >= 1);
    let arguments = json!({"where": heavy, "orderBy": [{"attribute": "weight"}]});
    assert_eq!(walk(&app, &numbers, &arguments, 3).await, by_weight[..150]);

    by_weight.sort_by_key(|number| (std::cmp::Reverse(number % 7), reference(number)));
    let order_by = json!([{"attribute": "weight", "direction": "DESC"}, {"field": "CLIENT_ORDER_ID"}]);
    let arguments = json!({"where": in_progress, "orderBy": order_by});
    let found = walk(&app, &numbers, &arguments, 3).await;
    // The first order of the test has no weight, and so comes first.
    assert_eq!(found, by_weight[..149]);

    let document = "query Q($where: OrderWhere) { orders(where: $where, first: 1) { count(limit: 5000) { value exact } } }";
    let data = app.execute(document, json!({"where": heavy})).await.data();
    assert_eq!(data["orders"]["count"], json!({"value": 3600, "exact": true}));
}
