//! `pluginRunChanged`.

use serde_json::{Value, json};

use waybill::access::Caller;

use super::gate;
use crate::harness::{PluginServer, Socket, TestApp, samples::order, wait::until};

/// Waits until the subscription listens.
async fn begun(app: &TestApp, socket: &mut Socket) {
    let tenant = Caller::local().tenant;
    until("the subscription", async || app.app.hub.position(&tenant)).await;
    socket.is_silent().await;
}

#[tokio::test]
async fn runs_are_heard_of_when_they_are_stored_and_when_they_end() {
    let app = TestApp::start_with(2).await;
    let server = PluginServer::start().await;
    gate(&app, "first", &server).await;
    let (other, _) = app.create(order(1)).await;
    let mut socket = Socket::open(app.listen().await).await;
    let fields = "status order { id status } workflow { name }";
    socket.subscribe("1", &format!("subscription {{ pluginRunChanged {{ {fields} }} }}"), json!({})).await;
    begun(&app, &mut socket).await;
    let (id, _) = app.create(order(1)).await;
    let change = |id: &str, run: &str, order: &str| json!({"status": run, "order": {"id": id, "status": order}, "workflow": {"name": "first"}});
    assert_eq!(socket.event("1").await, change(&id, "QUEUED", "INITIATED"));
    app.settle().await;
    let mut ended = socket.events("1", 2).await;
    ended.sort_by_key(Value::to_string);
    let mut expected = vec![change(&other, "PASSED", "IN_PROGRESS"), change(&id, "PASSED", "IN_PROGRESS")];
    expected.sort_by_key(Value::to_string);
    assert_eq!(ended, expected);
    socket.is_silent().await;
}

#[tokio::test]
async fn only_the_runs_of_an_order_or_a_workflow_are_heard_of() {
    let app = TestApp::start_with(2).await;
    let server = PluginServer::start().await;
    gate(&app, "first", &server).await;
    gate(&app, "second", &server).await;
    let workflows = app.run("{ pluginWorkflows { nodes { id name } } }").await.data();
    let nodes = workflows["pluginWorkflows"]["nodes"].as_array().unwrap();
    let second = nodes.iter().find(|node| node["name"] == json!("second")).unwrap()["id"].clone();
    let (id, _) = app.create(order(1)).await;
    let mut socket = Socket::open(app.listen().await).await;
    let document = "subscription($order: ID, $workflow: ID) {
        pluginRunChanged(orderId: $order, workflowId: $workflow) { status workflow { name } order { id } }
    }";
    socket.subscribe("1", document, json!({"order": id, "workflow": second})).await;
    begun(&app, &mut socket).await;
    app.create(order(1)).await;
    app.settle().await;
    assert_eq!(
        socket.event("1").await,
        json!({"status": "PASSED", "workflow": {"name": "second"}, "order": {"id": id}})
    );
    socket.is_silent().await;
}
