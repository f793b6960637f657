//! Contacts at rest.

use entity::{order, work_order};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, IntoActiveModel};
use serde_json::json;

use super::scopes::{CONTACTS, peopled};
use crate::harness::TestApp;

/// All that the store holds of orders, as text.
async fn written(app: &TestApp) -> String {
    format!("{:?}", app.stored().await)
}

fn assert_nothing_personal(text: &str) {
    for personal in ["Asha", "Peter Pick", "Rita", "9876543210", "8765432109", "asha@example.com"] {
        assert!(!text.contains(personal), "{personal} in {text}");
    }
}

#[tokio::test]
async fn the_store_holds_no_contact_in_the_clear() {
    let app = TestApp::start().await;
    let (id, work_orders) = app.create(peopled()).await;
    assert_nothing_personal(&written(&app).await);
    // What came back of a failed work order has the contact of its original, from another row.
    app.move_work_order(&work_orders[0], "START").await;
    app.move_work_order(&work_orders[0], "FAIL").await;
    assert_nothing_personal(&written(&app).await);
    let document = "query Q($id: ID!) { order(id: $id) { workOrders { delivery { contact { name } } } } }";
    let order = app.execute(document, json!({"id": id})).await.data()["order"].clone();
    assert_eq!(order["workOrders"][1]["delivery"]["contact"]["name"], json!("Rita Return"));
}

#[tokio::test]
async fn a_row_from_before_is_read_as_it_is_and_sealed_when_it_is_written() {
    let app = TestApp::start().await;
    let (id, work_orders) = app.create(peopled()).await;
    let variables = json!({"id": id});
    let before = app.execute(CONTACTS, variables.clone()).await.data();

    let store = sea_orm::Database::connect(&app.database.url).await.unwrap();
    let stored = app.stored().await;
    let mut row: order::ActiveModel = stored.orders[0].clone().into_active_model();
    row.consignee = Set(json!({
        "name": "Asha Rao", "phone": {"countryCode": "+91", "number": "9876543210", "isMobile": true},
        "email": "asha@example.com",
    })
    .to_string());
    row.update(&store).await.unwrap();
    let mut row: work_order::ActiveModel = stored.work_orders[0].clone().into_active_model();
    row.pickup = Set(Some(peopled()["workOrders"][0]["pickup"].to_string()));
    row.update(&store).await.unwrap();
    store.close().await.unwrap();

    assert!(written(&app).await.contains("Asha Rao"));
    assert_eq!(app.execute(CONTACTS, variables.clone()).await.data(), before);
    app.mutate("orderUpdate", json!({"id": id, "clientName": "Acme"}), "userErrors { code }").await;
    let description = json!({"id": work_orders[0], "description": "Fragile"});
    app.mutate("workOrderUpdate", description, "userErrors { code }").await;
    assert_nothing_personal(&written(&app).await);
    assert_eq!(app.execute(CONTACTS, variables).await.data(), before);
}
