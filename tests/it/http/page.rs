//! The page for people, and the operations that it offers.

use serde_json::{Value, json};
use waybill::http::EXAMPLES;

use super::get;
use crate::harness::{Socket, TestApp, samples::order};

#[tokio::test]
async fn the_page_shows_graphiql_with_every_example() {
    let app = TestApp::start().await;
    let page = get(&app, "/").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(page.header("content-security-policy"), Some("frame-ancestors 'none'"));
    assert!(page.text.contains("GraphiQL") && page.text.contains("/graphql"));
    let tabs = page.text.split_once("defaultTabs: ").unwrap().1.split_once(",\n").unwrap().0;
    let tabs: Vec<Value> = serde_json::from_str(tabs).unwrap();
    let expected: Vec<_> =
        EXAMPLES.iter().map(|it| json!({"query": it.query, "variables": it.variables})).collect();
    assert_eq!(tabs, expected);
}

#[tokio::test]
async fn each_example_does_what_it_says() {
    let app = TestApp::start().await;
    let (id, work_orders) = app.create(order(1)).await;
    let mut socket = Socket::open(app.listen().await).await;
    let mut subscriptions = 0;
    for example in EXAMPLES {
        let variables = example.variables.replace("ord_…", &id).replace("wo_…", &work_orders[0]);
        let variables: Value = serde_json::from_str(&variables).unwrap();
        if example.query.contains("subscription ") {
            subscriptions += 1;
            let variables = json!({"after": crate::event::cursor(0)});
            socket.subscribe("1", example.query, variables).await;
            assert_eq!(socket.event("1").await["orderId"], json!(id));
            continue;
        }
        let data = app.execute(example.query, variables).await.data();
        let field = data.as_object().unwrap().values().next().unwrap();
        assert!(field.is_object(), "{}: {data:#}", example.query);
        assert_eq!(field.get("userErrors").unwrap_or(&json!([])), &json!([]), "{}", example.query);
    }
    assert_eq!(subscriptions, 1);
    // One that creates, and one that moves the work order which was there.
    assert_eq!(app.check_invariants().await.counts()[0], 2);
    let moved = app.run(&format!("{{ workOrder(id: {:?}) {{ status }} }}", work_orders[0])).await.data();
    assert_eq!(moved["workOrder"]["status"], json!("IN_PROGRESS"));
}
