//! The index of an attribute is built in the background: seen, by whichever process, and in nobody's way.

use chrono::Duration;
use entity::{id::OrderId, order};
use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::{Value, json};
use waybill::usecase::attribute::Indexer;

use crate::harness::{TestApp, samples};

/// So many that their index is not built at once.
const ORDERS: u128 = 1_300;

/// Orders half of which are of the north.
async fn many(app: &TestApp) {
    app.create(samples::order(1)).await;
    let sample = app.stored().await.orders.remove(0);
    let database = sea_orm::Database::connect(&app.database.url).await.unwrap();
    let order = |number: u128| {
        let mut order: order::Model = sample.clone();
        order.id = OrderId(uuid::Uuid::from_u128((1 << 64) + number));
        let lane = if number.is_multiple_of(2) { "north" } else { "south" };
        order.custom_attributes = json!({"lane": lane}).to_string();
        order.into_active_model()
    };
    let rows: Vec<order::ActiveModel> = (0..ORDERS).map(order).collect();
    for chunk in rows.chunks(500) {
        order::Entity::insert_many::<order::ActiveModel, _>(chunk.to_vec())
            .exec_without_returning(&database)
            .await
            .unwrap();
    }
    database.close().await.unwrap();
}

/// Status and progress of the only definition's index.
async fn progress(app: &TestApp) -> (String, Value) {
    let document = "{ attributeDefinitions { indexStatus indexProgress } }";
    let definition = app.run(document).await.data()["attributeDefinitions"][0].clone();
    (definition["indexStatus"].as_str().unwrap().to_owned(), definition["indexProgress"].clone())
}

async fn count(app: &TestApp) -> Value {
    let document =
        "{ orders(where: {attribute: {key: \"lane\", eq: \"north\"}}, first: 1) { count { value } } }";
    app.run(document).await.data()["orders"]["count"]["value"].clone()
}

#[tokio::test]
async fn an_index_is_built_step_by_step_and_goes_on_in_another_process() {
    let app = TestApp::start().await;
    many(&app).await;
    app.define_as(json!({"owner": "ORDER", "key": "lane", "type": "STRING", "indexed": true})).await;
    assert_eq!(progress(&app).await, ("BUILDING".to_owned(), json!(0.0)));
    // Other processes may not know of it yet.
    assert_eq!(Indexer::new(app.app.clone()).work_once().await.unwrap(), 0);
    app.advance(Duration::seconds(4));
    for step in 1..=2 {
        assert_eq!(Indexer::new(app.app.clone()).work_once().await.unwrap(), 1);
        let done = f64::from(step) * 250.0 / 1301.0;
        assert_eq!(progress(&app).await, ("BUILDING".to_owned(), json!(done)));
    }
    // Meanwhile orders come and change, and lists by it are refused.
    let north = samples::with(samples::order(1), "customAttributes", json!({"lane": "north"}));
    app.create(north.clone()).await;
    let (moved, _) = app.create(north).await;
    app.change("orderUpdate", json!({"id": moved, "customAttributes": {"lane": "south"}}), "cursor").await;
    let refused =
        app.run("{ orders(where: {attribute: {key: \"lane\", eq: \"north\"}}) { nodes { id } } }").await;
    assert!(refused.error().1.contains("is still being built"), "{refused:?}");

    // The process ends, and another one goes on where it was.
    let other = TestApp::beside(&app).await;
    drop(app);
    let mut steps = 0;
    while Indexer::new(other.app.clone()).work_once().await.unwrap() > 0 {
        steps += 1;
    }
    assert_eq!(steps, 4);
    assert_eq!(progress(&other).await, ("READY".to_owned(), Value::Null));
    assert_eq!(count(&other).await, json!(651));
}
