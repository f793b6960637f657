//! A store whose connections are all busy.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{TestApp, samples::order};

#[tokio::test]
async fn a_mutation_that_gets_no_connection_is_told_to_come_back_and_writes_nothing() {
    let app = TestApp::start().await;
    let busy = app.app.database.write_transaction(&waybill::store::Tenant::new("default"), 0).await.unwrap();
    let begun = Instant::now();
    let document = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
    let reply = app.execute(document, json!({"input": order(1)})).await;
    let expected = ("UNAVAILABLE".to_owned(), "the server cannot answer now; try again".to_owned());
    assert_eq!(reply.error(), expected);
    assert!(reply.0["errors"][0]["extensions"]["requestId"].is_string());
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    busy.rollback().await.unwrap();
    assert_eq!(app.stored().await.counts(), [0; 5]);
    app.create(order(1)).await;
}
