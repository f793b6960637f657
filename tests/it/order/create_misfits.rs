//! `orderCreate`: what does not fit the schema.

use serde_json::{Value, json};

use super::create_refusals::set;
use crate::harness::TestApp;

#[tokio::test]
async fn what_does_not_fit_the_schema_is_not_executed() {
    let app = TestApp::start().await;
    let document =
        "mutation M($input: OrderCreateInput!) { orderCreate(input: $input) { userErrors { code } } }";
    // Two codes: the document and its variables do not fit the types, or a value is not of its scalar's form.
    let (validation, form) = ("GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT");
    for (path, value, expected) in [
        ("clientId", json!(5), validation),
        ("clientId", Value::Null, validation),
        ("nonsense", json!(1), validation),
        ("readyToProcess", json!("yes"), validation),
        ("workOrderFlow", json!("SOMEHOW"), validation),
        ("workOrders", json!([null]), validation),
        ("workOrders.0.type", json!("TELEPORT"), validation),
        ("workOrders.0.pickup.unknown", json!({}), validation),
        ("workOrders.0.delivery", json!({"serviceTimeSeconds": 1.5}), validation),
        ("workOrders.0.collectOnDelivery", json!({"amount": "1"}), validation),
        ("destination.geo", json!({"latitude": "north", "longitude": 0}), validation),
        ("consignee", Value::Null, validation),
        ("consignee", json!("x".repeat(1 << 20)), form),
        ("workOrders", json!("none"), form),
        ("workOrders.0.collectOnDelivery", json!({"amount": "1,5", "currency": "EUR"}), form),
        ("workOrders.0.collectOnDelivery", json!({"amount": "1".repeat(29), "currency": "EUR"}), form),
        ("workOrders.0.collectOnDelivery", json!({"amount": "9".repeat(1 << 20), "currency": "EUR"}), form),
        ("workOrders.0.delivery", json!({"promisedAt": "tomorrow"}), form),
    ] {
        let reply = app.execute(document, json!({"input": set(path, value)})).await;
        let (code, message) = reply.error();
        assert_eq!(code, expected, "{path}: {message}");
        assert!(message.chars().count() <= 1_000, "{path}: {}", message.len());
        assert!(reply.0.get("data").is_none_or(Value::is_null), "{path}");
    }
    for document in [
        "mutation { orderCreate { order { id } } }",
        "mutation { orderCreate(input: {}) { order { id } } }",
        "mutation { orderCreate(input: $input) { order { id } } }",
        "{ orders { nope } }",
    ] {
        assert_eq!(app.run(document).await.error().0, validation, "{document}");
    }
    assert_eq!(app.run("{ orders {").await.error().0, "GRAPHQL_PARSE_FAILED");
    assert_eq!(app.stored().await.counts(), [0, 0, 0, 0, 0]);
}
