//! Erasing a consignee's data.

use entity::plugin_attempt;
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};
use waybill::access::Scope;

use super::{
    caller,
    scopes::{CONTACTS, peopled},
};
use crate::{
    harness::{PluginServer, TestApp, samples, text},
    plugin::gate,
};

const ERASE: &str = "mutation M($input: OrderEraseConsigneeInput!) { orderEraseConsignee(input: $input) {
    order { version } idempotentReplay userErrors { code path } } }";

async fn erase(app: &TestApp, input: Value) -> Value {
    app.execute(ERASE, json!({"input": input})).await.data()["orderEraseConsignee"].clone()
}

#[tokio::test]
async fn the_order_stays_and_who_it_was_for_does_not() {
    let app = TestApp::start().await;
    let mut order = peopled();
    // The consignee is also who the goods go back to, by the number.
    order["workOrders"][0]["return"]["contact"] =
        json!({"name": "A. Rao", "phone": {"countryCode": "91", "number": "9876543210"}});
    let (id, work_orders) = app.create(order).await;
    let note = |note: &str| json!({"id": work_orders[0], "event": "START", "note": note});
    app.mutate("workOrderTransition", note("Asha RAO called, 98765 43210"), "userErrors { code }").await;
    let hold = json!({"id": work_orders[0], "event": "HOLD", "note": "waits for rain to end"});
    app.mutate("workOrderTransition", hold, "userErrors { code }").await;
    let before = app.run(&format!("{{ order(id: \"{id}\") {{ version }} }}")).await.data();
    let before = before["order"]["version"].as_i64().unwrap();

    let erased = erase(&app, json!({"id": id, "idempotencyKey": "e"})).await;
    let expected = json!({"order": {"version": before + 1}, "idempotentReplay": false, "userErrors": []});
    assert_eq!(erased, expected);
    let order = app.execute(CONTACTS, json!({"id": id})).await.data()["order"].clone();
    let nobody = json!({"name": "[erased]", "phone": null, "email": null});
    assert_eq!(order["consignee"], nobody);
    assert_eq!(order["workOrders"][0]["return"]["contact"], nobody);
    assert_eq!(order["workOrders"][0]["pickup"]["contact"]["name"], json!("Peter Pick"), "somebody else");

    let events = app.run("{ orderEvents(first: 100) { nodes { type note changes actor } } }").await.data();
    let events = events["orderEvents"]["nodes"].as_array().unwrap().clone();
    let notes: Vec<_> = events.iter().filter_map(|event| event["note"].as_str()).collect();
    assert_eq!(notes, ["[erased]", "waits for rain to end"]);
    let last = json!({
        "type": "ORDER_UPDATED", "note": null, "actor": "local",
        "changes": {"consignee": {"from": "***", "to": "***"}},
    });
    assert_eq!(*events.last().unwrap(), last);
    let stored = format!("{:?}", app.check_invariants().await);
    assert!(!stored.contains("Asha") && !stored.contains("98765"), "{stored}");

    // Once is enough.
    let again = erase(&app, json!({"id": id, "idempotencyKey": "e"})).await;
    assert_eq!(again["idempotentReplay"], json!(true));
    let stored = app.stored().await;
    let again = erase(&app, json!({"id": id})).await;
    assert_eq!(again["order"]["version"], json!(before + 1));
    assert_eq!(app.stored().await, stored);
    // Whatever still goes on with the order goes on.
    app.mutate(
        "workOrderTransition",
        json!({"id": work_orders[0], "event": "RESUME"}),
        "userErrors { code }",
    )
    .await;
    app.move_work_order(&work_orders[0], "COMPLETE").await;
}

#[tokio::test]
async fn what_plugins_answered_word_by_word_is_forgotten() {
    let (app, server) = (TestApp::start().await, PluginServer::start().await);
    gate(&app, "echo", &server).await;
    server.answer(200, json!({"verdict": "PASS", "echo": "Asha Rao"}).to_string());
    let (id, _) = app.create(samples::order(1)).await;
    app.settle().await;
    let attempts = async || {
        let store = sea_orm::Database::connect(&app.database.url).await.unwrap();
        let rows = plugin_attempt::Entity::find().all(&store).await.unwrap();
        store.close().await.unwrap();
        rows
    };
    assert!(attempts().await[0].response_excerpt.as_ref().unwrap().contains("Asha"));
    erase(&app, json!({"id": id})).await;
    let attempts = attempts().await;
    assert_eq!((attempts.len(), attempts[0].status_code), (1, Some(200)));
    assert_eq!(attempts[0].response_excerpt, None);
}

#[tokio::test]
async fn what_cannot_be_erased_is_refused_and_nothing_changes() {
    let app = TestApp::start().await;
    let (id, _) = app.create(samples::order(1)).await;
    let before = app.stored().await;
    for (input, expected) in [
        (json!({"id": "ord_01j9zzzzzzzzzzzzzzzzzzzzzz"}), "NOT_FOUND id"),
        (json!({"id": "x"}), "INVALID id"),
        (json!({"id": id, "expectedVersion": 1}), "CONFLICT expectedVersion"),
    ] {
        let refused = erase(&app, input.clone()).await;
        let error = &refused["userErrors"][0];
        assert_eq!(format!("{} {}", text(&error["code"]), text(&error["path"][0])), expected, "{input}");
        assert_eq!(refused["order"], Value::Null);
    }
    for scopes in [&[Scope::OrdersWrite][..], &[Scope::PiiRead, Scope::OrdersRead]] {
        let reply = app.execute_as(caller(scopes), ERASE, json!({"input": {"id": id}})).await;
        assert_eq!(reply.error().0, "FORBIDDEN");
    }
    assert_eq!(app.stored().await, before);
}
