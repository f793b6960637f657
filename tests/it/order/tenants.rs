//! What one tenant has, another does not find.

use std::sync::Arc;

use serde_json::{Value, json};
use waybill::{access::Caller, store::Tenant};

use crate::harness::{TestApp, samples, text};

fn other() -> Caller {
    Caller { tenant: Tenant::new("other"), subject: Arc::from("olga"), ..Caller::local() }
}

#[tokio::test]
async fn nothing_of_another_tenant_is_shown() {
    let app = TestApp::start().await;
    let (order, work_orders) = app.create(samples::order(2)).await;
    let event = app.run("{ orderEvents(first: 1) { nodes { id } } }").await.data();
    let event = text(&event["orderEvents"]["nodes"][0]["id"]);
    let document = "query Q($order: ID!, $workOrder: ID!, $ids: [ID!]!) {
        viewer { tenantId subject }
        order(id: $order) { id }
        workOrder(id: $workOrder) { id }
        node(id: $order) { id }
        nodes(ids: $ids) { id }
        orders { nodes { id } count { value } }
        orderEvents { nodes { id } count { value } }
        about: orderEvents(where: {orderId: $order}) { nodes { id } }
    }";
    let variables =
        json!({"order": order, "workOrder": work_orders[0], "ids": [order, work_orders[1], event]});
    let empty = json!({"nodes": [], "count": {"value": 0}});
    assert_eq!(
        app.execute_as(other(), document, variables.clone()).await.data(),
        json!({
            "viewer": {"tenantId": "other", "subject": "olga"}, "order": null, "workOrder": null, "node": null,
            "nodes": [null, null, null], "orders": empty, "orderEvents": empty, "about": {"nodes": []}
        })
    );
    let own = app.execute(document, variables).await.data();
    assert_eq!(own["orders"]["count"]["value"], json!(1));
    assert_eq!(own["nodes"][2]["id"], json!(event));
}

#[tokio::test]
async fn nothing_of_another_tenant_can_be_changed() {
    let app = TestApp::start().await;
    let (order, work_orders) = app.create(samples::order(1)).await;
    let before = app.stored().await;
    let errors = "userErrors { code path }";
    for (mutation, kind, input) in [
        ("orderUpdate", "OrderUpdateInput", json!({"id": order, "clientName": "X"})),
        ("orderTransition", "TransitionInput", json!({"id": order, "event": "CANCEL"})),
        ("workOrderTransition", "TransitionInput", json!({"id": work_orders[0], "event": "START"})),
    ] {
        let document = format!("mutation M($input: {kind}!) {{ {mutation}(input: $input) {{ {errors} }} }}");
        let data = app.execute_as(other(), &document, json!({"input": input})).await.data();
        assert_eq!(
            data[mutation]["userErrors"],
            json!([{"code": "NOT_FOUND", "path": ["id"]}]),
            "{mutation}"
        );
    }
    assert_eq!(app.stored().await, before);
}

#[tokio::test]
async fn tenants_have_keys_logs_and_cursors_of_their_own() {
    let app = TestApp::start().await;
    let input = samples::with(samples::order(1), "idempotencyKey", json!("k"));
    let document = "mutation M($input: OrderCreateInput!) { orderCreate(input: $input) {
        order { id createdBy } cursor idempotentReplay userErrors { code } } }";
    let ours = app.execute(document, json!({"input": input})).await.data()["orderCreate"].clone();
    let theirs =
        app.execute_as(other(), document, json!({"input": input})).await.data()["orderCreate"].clone();
    assert_eq!(theirs["idempotentReplay"], json!(false));
    assert_eq!(theirs["order"]["createdBy"], json!("olga"));
    assert_ne!(theirs["order"]["id"], ours["order"]["id"]);
    assert_ne!(theirs["cursor"], ours["cursor"]);

    let stored = app.check_invariants().await;
    assert_eq!(stored.counts(), [2, 2, 8, 2, 0]);
    assert_eq!(stored.heads.iter().map(|head| head.position).collect::<Vec<_>>(), [4, 4]);

    // Neither continues where the other stopped.
    let document = format!("{{ orderEvents(after: {}) {{ nodes {{ id }} }} }}", ours["cursor"]);
    let reply = app.execute_as(other(), &document, json!({})).await;
    assert_eq!(reply.error().0, "BAD_USER_INPUT");
    assert_eq!(app.run(&document).await.data()["orderEvents"]["nodes"], Value::Array(vec![]));
}
