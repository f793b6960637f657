//! Which runs exist, and how they are listed.

use serde_json::{Value, json};

use super::{gate, order_of, plugin, run_statuses, workflow};
use crate::harness::{
    PluginServer, TestApp,
    samples::{order, with},
};

#[tokio::test]
async fn no_run_exists_for_a_refused_mutation() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    gate(&app, "checker", &server).await;
    let keyed = with(order(1), "idempotencyKey", json!("once"));
    app.create(keyed.clone()).await;
    app.refusals("orderCreate", with(order(1), "workOrders", json!([]))).await;
    app.refusals("orderCreate", with(keyed.clone(), "clientId", json!("other"))).await;
    let bulk =
        json!({"orders": [order(1), with(order(1), "workOrders", json!([]))], "onError": "REJECT_ALL"});
    let payload = app.mutate("ordersCreate", bulk, "created failed results { userErrors { code } }").await;
    assert_eq!((&payload["created"], &payload["failed"]), (&json!(0), &json!(2)));
    assert_eq!(run_statuses(&app).await, ["checker QUEUED"]);
    // A replay stores none either, and each order of a bulk that goes through has its own.
    let payload = app.change("orderCreate", keyed, "idempotentReplay").await;
    assert_eq!(payload["idempotentReplay"], json!(true));
    assert_eq!(run_statuses(&app).await.len(), 1);
    app.mutate("ordersCreate", json!({"orders": [order(1), order(2)]}), "created").await;
    assert_eq!(run_statuses(&app).await.len(), 3);
    assert_eq!((app.settle().await, server.calls().len()), (3, 3));
    assert_eq!(app.check_invariants().await.counts()[0], 3);
}

#[tokio::test]
async fn runs_are_listed_by_order_workflow_and_status() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (plugin_id, _) = plugin(&app, "checker", json!({"url": server.url})).await;
    let first = workflow(&app, "first", &plugin_id, "REJECT").await;
    workflow(&app, "second", &plugin_id, "REJECT").await;
    let (early, _) = app.create(order(1)).await;
    app.settle().await;
    let (late, _) = app.create(order(1)).await;
    let list = async |filter: &str| {
        let document = format!(
            "{{ pluginRuns(where: {filter}) {{ nodes {{ workflow {{ name }} order {{ id }} status }} count {{ value }} }} }}"
        );
        let runs = app.run(&document).await.data()["pluginRuns"].clone();
        let nodes = runs["nodes"].as_array().unwrap();
        assert_eq!(runs["count"]["value"], json!(nodes.len()));
        let line = |run: &Value| {
            let order = if run["order"]["id"] == json!(early) { "early" } else { "late" };
            format!(
                "{order} {} {}",
                run["workflow"]["name"].as_str().unwrap(),
                run["status"].as_str().unwrap()
            )
        };
        nodes.iter().map(line).collect::<Vec<_>>()
    };
    // Newest first.
    assert_eq!(
        list("{}").await,
        ["late second QUEUED", "late first QUEUED", "early second PASSED", "early first PASSED"]
    );
    assert_eq!(list("{status: [QUEUED]}").await, ["late second QUEUED", "late first QUEUED"]);
    assert_eq!(list("{status: []}").await, Vec::<String>::new());
    let of_first = list(&format!("{{workflowId: {first:?}}}")).await;
    assert_eq!(of_first, ["late first QUEUED", "early first PASSED"]);
    let of_both = list(&format!("{{workflowId: {first:?}, orderId: {late:?}}}")).await;
    assert_eq!(of_both, ["late first QUEUED"]);
    let own = order_of(&app, &early, "pluginRuns { nodes { status } }").await;
    assert_eq!(own["pluginRuns"]["nodes"], json!([{"status": "PASSED"}, {"status": "PASSED"}]));
}
