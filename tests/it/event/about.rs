//! `where` on subscriptions to statuses: only events about such orders, live and from the log.

use serde_json::json;

use super::{cursor, subscription::refused};
use crate::harness::{Socket, TestApp, samples};

#[tokio::test]
async fn only_events_about_such_orders_arrive() {
    let app = TestApp::start().await;
    app.define_as(json!({"owner": "ORDER", "key": "lane", "type": "STRING", "indexed": true})).await;
    let input = |client: &str, lane: &str| {
        let input = samples::with(samples::order(2), "clientId", json!(client));
        samples::with(input, "customAttributes", json!({"lane": lane}))
    };
    let (early, _) = app.create(input("acme", "north")).await;
    app.create(input("other", "north")).await;
    let mut socket = Socket::open(app.listen().await).await;
    let after = cursor(0);
    let orders = format!(
        "subscription {{ orderStatusChanged(after: {after:?}, where: {{clientId: {{eq: \"acme\"}}, attribute: {{key: \"lane\", ne: \"south\"}}}}) {{ orderId toStatus }} }}"
    );
    socket.subscribe("1", &orders, json!({})).await;
    let of = |id: &str, to: &str| json!({"orderId": id, "toStatus": to});
    let created = ["INITIATED", "CREATED", "IN_PROGRESS"];
    assert_eq!(socket.events("1", 3).await, created.map(|to| of(&early, to)));
    app.create(input("acme", "south")).await;
    app.create(input("other", "north")).await;
    let (late, ids) = app.create(input("acme", "west")).await;
    assert_eq!(socket.events("1", 3).await, created.map(|to| of(&late, to)));

    let after = app.run("{ eventCursor }").await.data()["eventCursor"].clone();
    let work_orders = format!(
        "subscription {{ workOrderStatusChanged(after: {after}, where: {{direction: {{eq: RETURN}}}}) {{ type toStatus }} }}"
    );
    socket.subscribe("2", &work_orders, json!({})).await;
    app.move_work_order(&ids[0], "START").await;
    app.move_work_order(&ids[0], "FAIL").await;
    assert_eq!(socket.events("2", 1).await, [json!({"type": "WORK_ORDER_CREATED", "toStatus": "CREATED"})]);
    socket.is_silent().await;
}

#[tokio::test]
async fn a_filter_that_is_wrong_ends_the_subscription_before_it_begins() {
    let app = TestApp::start().await;
    let document = "subscription { orderStatusChanged(where: {attribute: {key: \"nope\", eq: 1}}) { id } }";
    let mut socket = Socket::open(app.listen().await).await;
    socket.subscribe("1", document, json!({})).await;
    let (code, message) = refused(&mut socket).await;
    assert_eq!(code, "BAD_USER_INPUT");
    assert!(
        message.starts_with("where.attribute.key: there is no attribute \"nope\" of orders"),
        "{message}"
    );
}
