//! Conditions that take too long: they cost their own tenant a little, are named, and are switched off.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use waybill::{access::Caller, store::Tenant, usecase::plugin::ConditionReporter};

use crate::harness::{
    TestApp,
    samples::{move_containers, order, with},
    text,
};

/// Goes over 100 work orders a million times.
const HEAVY: &str =
    "order.workOrders.all(a, order.workOrders.all(b, order.workOrders.all(c, a.id != 'x' || true))) || true";
/// What an order of 100 work orders may take in all, where nothing is optimised; without a budget it takes minutes.
const SOON: Duration = Duration::from_secs(2);

fn other() -> Caller {
    Caller { tenant: Tenant::new("other"), ..Caller::local() }
}

/// Executes a document for one of both tenants.
async fn execute(app: &TestApp, caller: &Caller, document: &str, variables: Value) -> Value {
    let is_local = caller.tenant == Caller::local().tenant;
    let reply = if is_local {
        app.execute(document, variables).await
    } else {
        app.execute_as(caller.clone(), document, variables).await
    };
    reply.data()
}

/// Saves workflows with a condition, and gives their ids.
async fn conditional(app: &TestApp, caller: &Caller, conditions: &[(&str, &str)]) -> Vec<String> {
    let create = "mutation($input: PluginCreateInput!) { pluginCreate(input: $input) { plugin { id } } }";
    let input = json!({"input": {"name": "checker", "http": {"url": "http://127.0.0.1:9/"}}});
    let plugin = execute(app, caller, create, input).await;
    let step = json!({"name": "check", "pluginId": plugin["pluginCreate"]["plugin"]["id"]});
    let create = "mutation($input: PluginWorkflowCreateInput!) {
        pluginWorkflowCreate(input: $input) { pluginWorkflow { id lastError } userErrors { message } }
    }";
    let mut ids = Vec::new();
    for (number, (trigger, condition)) in conditions.iter().enumerate() {
        let input = json!({"input": {
            "name": format!("rule-{number}"), "trigger": trigger, "condition": condition, "start": "check", "steps": [step],
        }});
        let payload = execute(app, caller, create, input).await["pluginWorkflowCreate"].clone();
        assert_eq!(payload["userErrors"], json!([]), "{condition}");
        assert_eq!(payload["pluginWorkflow"]["lastError"], Value::Null);
        ids.push(text(&payload["pluginWorkflow"]["id"]));
    }
    ids
}

/// Creates orders, and gives how long that took.
async fn create(app: &TestApp, caller: &Caller, orders: Vec<Value>) -> Duration {
    let count = orders.len();
    let create = "mutation($input: OrdersCreateInput!) { ordersCreate(input: $input) { created } }";
    let begun = Instant::now();
    let created = execute(app, caller, create, json!({"input": {"orders": orders}})).await;
    assert_eq!(created["ordersCreate"]["created"], json!(count));
    begun.elapsed()
}

/// How many runs each workflow has set off.
async fn run_counts(app: &TestApp, caller: &Caller) -> Vec<i64> {
    let document = "{ pluginWorkflows(first: 100) { nodes { id } } }";
    let workflows = execute(app, caller, document, json!({})).await;
    let mut counts = Vec::new();
    for workflow in workflows["pluginWorkflows"]["nodes"].as_array().unwrap() {
        let document =
            format!("{{ pluginRuns(where: {{workflowId: {}}}) {{ count {{ value }} }} }}", workflow["id"]);
        let runs = execute(app, caller, &document, json!({})).await;
        counts.push(runs["pluginRuns"]["count"]["value"].as_i64().unwrap());
    }
    counts
}

/// Whether each workflow is enabled, and what is said of its condition.
async fn shown(app: &TestApp, caller: &Caller) -> Vec<(bool, Option<String>)> {
    ConditionReporter::new(app.app.clone()).work_once().await;
    let document = "{ pluginWorkflows(first: 100) { nodes { enabled lastError } } }";
    let workflows = execute(app, caller, document, json!({})).await;
    let shown = |workflow: &Value| {
        (workflow["enabled"].as_bool().unwrap(), workflow["lastError"].as_str().map(ToOwned::to_owned))
    };
    workflows["pluginWorkflows"]["nodes"].as_array().unwrap().iter().map(shown).collect()
}

fn exhausted(app: &TestApp) -> u64 {
    let metrics = app.app.metrics.text(&waybill::metrics::Now::default()).unwrap();
    let line =
        metrics.lines().find_map(|line| line.strip_prefix("waybill_plugin_conditions_exhausted_total "));
    line.unwrap().parse().unwrap()
}

#[tokio::test]
async fn conditions_that_take_too_long_delay_neither_their_order_nor_another_tenant() {
    let app = TestApp::start_with(4).await;
    let (local, other) = (Caller::local(), other());
    let simple = "order.workOrders.exists(w, w.sequence == 1) && workOrder.type == 'MOVE_CONTAINERS'";
    let heavy = vec![("WORK_ORDER_CREATED", HEAVY); 5];
    conditional(&app, &local, &heavy).await;
    conditional(&app, &other, &[("WORK_ORDER_CREATED", simple)]).await;
    let (slow, quick) =
        tokio::join!(create(&app, &local, vec![order(100)]), create(&app, &other, vec![order(3)]));
    assert!(slow < SOON && quick < SOON, "{slow:?} {quick:?}");
    assert_eq!((run_counts(&app, &local).await, run_counts(&app, &other).await), (vec![0; 5], vec![3]));
    // Each is tried once in a unit of work, whatever the number of events.
    assert_eq!(exhausted(&app), 5);
    for (enabled, error) in shown(&app, &local).await {
        assert!(enabled);
        let error = error.unwrap();
        assert!(error.contains("took too long") && error.contains("no run began"), "{error}");
    }
    assert_eq!(shown(&app, &other).await, [(true, None)]);
}

#[tokio::test]
async fn two_hundred_conditions_that_take_too_long_have_one_budget() {
    let app = TestApp::start_with(4).await;
    let local = Caller::local();
    conditional(&app, &local, &[("WORK_ORDER_CREATED", HEAVY); 200]).await;
    let took = create(&app, &local, vec![order(100)]).await;
    assert!(took < SOON, "{took:?}");
    // A few are evaluated as far as one may be, and the others as far as there are steps.
    assert_eq!(exhausted(&app), 200);
}

#[tokio::test]
async fn conditions_that_took_too_long_lately_take_nothing_from_others() {
    let app = TestApp::start_with(4).await;
    let local = Caller::local();
    let mut conditions = vec![("WORK_ORDER_CREATED", HEAVY); 4];
    conditions.push(("WORK_ORDER_CREATED", "workOrder.sequence == 7"));
    conditional(&app, &local, &conditions).await;
    create(&app, &local, vec![order(100)]).await;
    assert_eq!(run_counts(&app, &local).await, [0; 5]);
    let error = shown(&app, &local).await[4].1.clone().unwrap();
    assert!(
        error.starts_with("the conditions of all workflows together took too long in one change"),
        "{error}"
    );
    create(&app, &local, vec![order(100)]).await;
    assert_eq!(run_counts(&app, &local).await, [0, 0, 0, 0, 1]);
}

#[tokio::test]
async fn a_condition_that_takes_too_long_again_and_again_is_switched_off() {
    let app = TestApp::start_with(4).await;
    let (local, other) = (Caller::local(), other());
    let conditions = [("ORDER_INITIATED", HEAVY), ("ORDER_STATUS_CHANGED", "event.toStatus == 'CREATED'")];
    let ids = conditional(&app, &local, &conditions).await;
    conditional(&app, &other, &conditions).await;
    for _ in 0..19 {
        create(&app, &local, vec![order(100)]).await;
    }
    let (enabled, error) = shown(&app, &local).await.remove(0);
    assert!(enabled && error.unwrap().starts_with("the condition took too long, so that no run began"));
    // A small order in between is no reason to go on, but to count anew.
    create(&app, &local, vec![order(1)]).await;
    for _ in 0..20 {
        assert!(shown(&app, &local).await[0].0);
        create(&app, &local, vec![order(100)]).await;
    }
    let workflows = shown(&app, &local).await;
    let (enabled, error) = workflows[0].clone();
    let error = error.unwrap();
    assert!(
        !enabled && error.starts_with("switched off, because the condition took too long in 20 changes"),
        "{error}"
    );
    assert!(error.contains("make it simpler, and enable the workflow again"), "{error}");
    assert_eq!(workflows[1], (true, None));
    assert_eq!(exhausted(&app), 39);
    create(&app, &local, vec![order(100)]).await;
    assert_eq!(exhausted(&app), 39);
    // The small order was held at intake; the others passed.
    assert_eq!(run_counts(&app, &local).await, [1, 40]);
    // The neighbour has the same workflows, and nothing happened to them.
    assert_eq!(shown(&app, &other).await, [(true, None), (true, None)]);
    // Whoever mends it begins anew.
    let input = json!({"id": ids[0], "enabled": true, "condition": "size(order.workOrders) == 100"});
    let mended =
        app.change("pluginWorkflowUpdate", input, "pluginWorkflow { enabled lastError version }").await;
    assert_eq!(mended["pluginWorkflow"], json!({"enabled": true, "lastError": null, "version": 3}));
    create(&app, &local, vec![order(100)]).await;
    assert_eq!(run_counts(&app, &local).await[0], 2);
    assert_eq!(shown(&app, &local).await[0], (true, None));
}

#[tokio::test]
async fn a_condition_without_a_value_says_why_and_stays_on() {
    let app = TestApp::start_with(4).await;
    let local = Caller::local();
    app.define("ORDER", &[("tier", "STRING")]).await;
    let ids =
        conditional(&app, &local, &[("ORDER_INITIATED", "order.customAttributes.tier == 'gold'")]).await;
    for _ in 0..25 {
        create(&app, &local, vec![order(1)]).await;
    }
    let error =
        "the condition had no value, so that no run began: there is no tier; has() tells whether there is";
    assert_eq!(shown(&app, &local).await, [(true, Some(error.to_owned()))]);
    // What is said of it is no change of the workflow.
    let input = json!({"id": ids[0], "expectedVersion": 1, "name": "renamed"});
    let renamed = app.change("pluginWorkflowUpdate", input, "pluginWorkflow { lastError version }").await;
    assert_eq!(renamed["pluginWorkflow"], json!({"lastError": null, "version": 2}));
    assert_eq!(exhausted(&app), 0);
}

#[tokio::test]
async fn simple_conditions_are_evaluated_for_a_thousand_orders() {
    let app = TestApp::start_with(4).await;
    let local = Caller::local();
    app.define("ORDER", &[("tier", "STRING")]).await;
    let conditions = [
        ("ORDER_STATUS_CHANGED", "order.clientId == 'acme' && event.toStatus == 'CREATED'"),
        ("WORK_ORDER_CREATED", "order.type == 'X' && workOrder.type == 'MOVE_CONTAINERS'"),
        ("WORK_ORDER_CREATED", "workOrder.type == 'MOVE_CONTAINERS' && workOrder.sequence == 3"),
        ("WORK_ORDER_CREATED", "has(order.customAttributes.tier) && order.customAttributes.tier == 'gold'"),
        ("WORK_ORDER_CREATED", "order.workOrders.exists(w, w.sequence == 2)"),
    ];
    conditional(&app, &local, &conditions).await;
    let one = with(with(order(3), "type", json!("X")), "customAttributes", json!({"tier": "gold"}));
    create(&app, &local, vec![one; 1_000]).await;
    assert_eq!(run_counts(&app, &local).await, [1_000, 3_000, 1_000, 3_000, 3_000]);
    assert_eq!((exhausted(&app), shown(&app, &local).await), (0, vec![(true, None); 5]));
}

#[tokio::test]
async fn conditions_about_a_hundred_work_orders_are_evaluated() {
    let app = TestApp::start_with(4).await;
    let local = Caller::local();
    let conditions = [
        ("ORDER_INITIATED", "order.workOrders.exists(w, w.sequence == 100 && w.status == 'CREATED')"),
        ("WORK_ORDER_CREATED", "order.workOrders.exists(w, w.type == 'MOVE_CONTAINERS')"),
        ("WORK_ORDER_CREATED", "order.domain == null && workOrder.sequence > 0"),
        ("WORK_ORDER_CREATED", "workOrder.containers.exists(c, c.containerId == 'BOX-1')"),
    ];
    conditional(&app, &local, &conditions).await;
    create(&app, &local, vec![order(100)]).await;
    assert_eq!(run_counts(&app, &local).await, [1, 100, 100, 100]);
    assert_eq!(exhausted(&app), 0);
}

#[tokio::test]
async fn large_attributes_are_paid_for_before_they_are_read() {
    let app = TestApp::start_with(4).await;
    let local = Caller::local();
    app.define("WORK_ORDER", &[("data", "ARRAY")]).await;
    let conditions = [
        ("ORDER_INITIATED", "order.workOrders.exists(w, w.customAttributes.data == [])"),
        ("ORDER_INITIATED", "order.workOrders.exists(w, w.sequence == 100)"),
    ];
    conditional(&app, &local, &conditions).await;
    let data: Vec<_> = (0..2_000).map(|number| number % 1_000).collect();
    let full = with(move_containers(), "customAttributes", json!({"data": data}));
    let large = with(order(0), "workOrders", json!(vec![full; 100]));
    create(&app, &local, vec![large]).await;
    assert_eq!(run_counts(&app, &local).await, [0, 1]);
    assert_eq!(exhausted(&app), 1);
}
