//! Clients that do not take what they asked for.

use std::time::Duration;

use sea_orm::DbBackend;
use serde_json::json;
use waybill::store::Tenant;

use crate::harness::{Socket, TestApp, samples::order, wait::until};

/// Waits until the service asks the store for nothing more.
async fn rest(app: &TestApp) {
    let mut before = app.app.database.statements();
    loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = app.app.database.statements();
        if now == before {
            return;
        }
        before = now;
    }
}

/// Its transaction would stay open for as long as the client does not read, and with SQLite nobody could write.
#[tokio::test]
async fn a_mutation_on_a_socket_that_is_not_read_goes_on() {
    let app = TestApp::start_with(2).await;
    let begin = app.run("{ eventCursor }").await.data();
    let orders: Vec<_> = (0..40).map(|_| order(100)).collect();
    app.mutate("ordersCreate", json!({"orders": orders}), "created").await;
    let mut socket = Socket::open_narrow(app.listen().await).await;
    let writers = if app.app.database.backend() == DbBackend::Postgres { 2 } else { 1 };
    let mut held = Vec::new();
    for _ in 0..writers {
        held.push(app.app.database.write_transaction(&Tenant::new("default"), 0).await.unwrap());
    }
    let define = "mutation { attributeDefinitionCreate(input: {owner: ORDER, key: \"a\", type: STRING}) { \
                  userErrors { message } } }";
    socket.subscribe("1", define, json!({})).await;
    let fields: String = (0..150).map(|index| format!("the_same_again_{index}: cursor ")).collect();
    let wide = format!("subscription($after: String) {{ orderEvents(after: $after) {{ {fields} }} }}");
    socket.subscribe("2", &wide, json!({"after": begin["eventCursor"]})).await;
    rest(&app).await;
    let defined = async || app.run("{ attributeDefinitions(owner: ORDER) { key } }").await.data();
    assert_eq!(defined().await["attributeDefinitions"], json!([]));
    drop(held);
    until("the definition", async || {
        (defined().await["attributeDefinitions"][0]["key"] == "a").then_some(())
    })
    .await;
}
