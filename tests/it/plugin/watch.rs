//! `pluginRunChanged`.

use std::collections::HashMap;

use chrono::Duration;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use waybill::access::Caller;

use super::{gate, plugin, workflow};
use crate::{
    event::hear_each_other,
    harness::{PluginServer, Socket, TestApp, samples::order, text, wait::until},
};

/// Waits until the subscription listens.
async fn begun(app: &TestApp, socket: &mut Socket) {
    let tenant = Caller::local().tenant;
    until("the subscription", async || app.app.hub.position(&tenant)).await;
    socket.is_silent().await;
}

/// Works on what is due while the plugin is held, until the socket has heard `told`, and then lets the plugin answer.
async fn settle_telling(app: &TestApp, gate: &Semaphore, socket: &mut Socket, told: Value) {
    let heard = async {
        assert_eq!(socket.event("1").await, told);
        gate.add_permits(1);
    };
    let (settled, ()) = tokio::join!(app.settle(), heard);
    assert_eq!(settled, 1);
}

/// A run as `WATCH` shows it, with the status that answered each attempt of each of its steps.
fn told(status: &str, attempts: &[&[i32]]) -> Value {
    let attempt = |status: &i32| json!({"statusCode": status});
    let steps = attempts
        .iter()
        .map(|step| json!({"attempts": step.iter().map(attempt).collect::<Vec<_>>()}))
        .collect::<Vec<_>>();
    json!({"status": status, "steps": steps})
}

const WATCH: &str = "subscription { pluginRunChanged { status steps { attempts { statusCode } } } }";

/// An order whose plugin fails, puts its answer off and does not give it, is asked again by hand, and then passes;
/// `watcher` is the process where that is watched.
async fn watch_a_life(app: &TestApp, watcher: &TestApp) {
    let server = PluginServer::start().await;
    let http = json!({"url": server.url, "callbackTimeoutMs": 60_000});
    let (plugin_id, _) = plugin(app, "slow", http).await;
    workflow(app, "slow", &plugin_id, "HOLD").await;
    let gate = &server.hold();
    server.answer(503, "").answer(202, "");
    let mut socket = Socket::open(watcher.listen().await).await;
    socket.subscribe("1", WATCH, json!({})).await;
    begun(watcher, &mut socket).await;

    app.create(order(1)).await;
    assert_eq!(socket.event("1").await, told("QUEUED", &[]));
    settle_telling(app, gate, &mut socket, told("RUNNING", &[])).await;
    // It is asked again later, and waits for that.
    assert_eq!(socket.event("1").await, told("RUNNING", &[&[503]]));
    app.advance(Duration::seconds(1));
    settle_telling(app, gate, &mut socket, told("RUNNING", &[&[503]])).await;
    assert_eq!(socket.event("1").await, told("WAITING", &[&[503, 202]]));
    app.advance(Duration::seconds(60));
    assert_eq!(app.settle().await, 1);
    assert_eq!(socket.event("1").await, told("HELD", &[&[503, 202]]));
    let id = app.run("{ pluginRuns { nodes { id } } }").await.data()["pluginRuns"]["nodes"][0]["id"].clone();
    app.change("pluginRunRetry", json!({"id": id}), "pluginRun { id }").await;
    assert_eq!(socket.event("1").await, told("QUEUED", &[&[503, 202]]));
    settle_telling(app, gate, &mut socket, told("RUNNING", &[&[503, 202]])).await;
    assert_eq!(socket.event("1").await, told("PASSED", &[&[503, 202], &[200]]));
    socket.is_silent().await;
}

#[tokio::test]
async fn whatever_happens_to_a_run_is_told() {
    let app = TestApp::start_with(2).await;
    watch_a_life(&app, &app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_another_process_does_to_a_run_is_told() {
    let app = TestApp::start_with(4).await;
    if app.database.is_postgres() {
        let watcher = TestApp::beside(&app).await;
        app.hear_others();
        watcher.hear_others();
        hear_each_other(&app).await;
        watch_a_life(&app, &watcher).await;
    }
}

/// More runs than wait for a watcher.
const MANY: usize = 400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_runs_that_change_fast_states_may_be_left_out_but_no_end_and_none_comes_late() {
    let app = TestApp::start_with(4).await;
    let server = PluginServer::start().await;
    gate(&app, "first", &server).await;
    let mut socket = Socket::open(app.listen().await).await;
    socket.subscribe("1", "subscription { pluginRunChanged { id status } }", json!({})).await;
    begun(&app, &mut socket).await;
    let orders: Vec<_> = (0..MANY).map(|_| order(1)).collect();
    app.mutate("ordersCreate", json!({"orders": orders}), "created").await;
    assert_eq!(app.settle().await, MANY);
    let mut states = HashMap::new();
    while states.values().filter(|state| **state == 2).count() < MANY {
        let change = socket.event("1").await;
        let state = ["QUEUED", "RUNNING", "PASSED"].iter().position(|it| change["status"] == json!(it));
        let before = states.insert(text(&change["id"]), state.unwrap());
        assert!(before < Some(state.unwrap()), "{change} after {before:?}");
    }
    assert_eq!(states.len(), MANY);
    socket.is_silent().await;
}

#[tokio::test]
async fn a_run_is_told_of_with_its_order_and_its_workflow_and_not_if_it_was_stored_and_ended_before() {
    let app = TestApp::start_with(2).await;
    let server = PluginServer::start().await;
    gate(&app, "first", &server).await;
    app.create(order(1)).await;
    app.settle().await;
    let (other, _) = app.create(order(1)).await;
    let gate = &server.hold();
    let mut socket = Socket::open(app.listen().await).await;
    let fields = "status order { id status } workflow { name }";
    socket.subscribe("1", &format!("subscription {{ pluginRunChanged {{ {fields} }} }}"), json!({})).await;
    begun(&app, &mut socket).await;
    let change = |run: &str, order: &str| json!({"status": run, "order": {"id": other, "status": order}, "workflow": {"name": "first"}});
    settle_telling(&app, gate, &mut socket, change("RUNNING", "INITIATED")).await;
    assert_eq!(socket.event("1").await, change("PASSED", "IN_PROGRESS"));
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
    let change =
        |status: &str| json!({"status": status, "workflow": {"name": "second"}, "order": {"id": id}});
    app.settle().await;
    let mut heard = vec![socket.event("1").await];
    if heard == [change("RUNNING")] {
        heard.push(socket.event("1").await);
    }
    assert_eq!(heard.pop(), Some(change("PASSED")));
    socket.is_silent().await;
}
