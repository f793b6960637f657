//! Every attack at once, and a tenant that lives beside them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use waybill::access::Caller;

use super::{create, define_blob, greedy, modest};
use crate::harness::{PluginServer, TestApp, samples::order, text, wait::until};

/// How long one order, or one page, may take a modest tenant on a machine that runs other tests as well.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the attacks go on where `WAYBILL_MALICE_SECONDS` does not say so.
const SECONDS: u64 = 3;

const CREATE: &str = "mutation($input: OrderCreateInput!) { \
                      orderCreate(input: $input) { order { id } userErrors { message path } } }";

/// Executes a mutation of configuration, and gives its payload.
async fn configure(
    app: &TestApp,
    caller: &Caller,
    mutation: &str,
    kind: &str,
    selection: &str,
    input: Value,
) -> Value {
    let document = format!(
        "mutation($input: {kind}!) {{ payload: {mutation}(input: $input) {{ {selection} userErrors {{ message }} }} }}"
    );
    let payload =
        app.execute_as(caller.clone(), &document, json!({"input": input})).await.data()["payload"].clone();
    assert_eq!(payload["userErrors"], json!([]), "{payload}");
    payload
}

/// A workflow of one step.
async fn workflow(app: &TestApp, caller: &Caller, trigger: &str, plugin: Value, condition: Option<&str>) {
    let name = text(&plugin["name"]);
    let created = configure(app, caller, "pluginCreate", "PluginCreateInput", "plugin { id }", plugin).await;
    let steps = json!([{"name": "check", "pluginId": created["plugin"]["id"]}]);
    let input =
        json!({"name": name, "trigger": trigger, "start": "check", "steps": steps, "condition": condition});
    configure(app, caller, "pluginWorkflowCreate", "PluginWorkflowCreateInput", "", input).await;
}

/// Prepares the attacks, and gives what the greedy tenant sends.
async fn prepare(app: &TestApp, prompt: &PluginServer, stalled: &PluginServer) -> Vec<(String, Value)> {
    let greedy = greedy();
    define_blob(app, &greedy).await;
    for _ in 0..3 {
        create(app, &greedy, 60, None).await;
    }
    let loops = "order.workOrders.all(a, order.workOrders.all(b, order.workOrders.all(c, a.id != \"x\")))";
    for number in 0..3 {
        let plugin = json!({"name": format!("loops-{number}"), "expression": "true"});
        workflow(app, &greedy, "WORK_ORDER_CREATED", plugin, Some(loops)).await;
    }
    let template: serde_json::Map<_, _> =
        (0..60).map(|number| (format!("t{number}"), json!({"$expr": "$..*..[?@==11]"}))).collect();
    let plugin = json!({"name": "template", "http": {"url": prompt.url, "bodyTemplate": template}});
    workflow(app, &greedy, "ORDER_INITIATED", plugin, None).await;
    let plugin = json!({"name": "stalled", "http": {"url": stalled.url, "requestTimeoutMs": 20_000}});
    workflow(app, &greedy, "ORDER_UPDATED", plugin, None).await;
    for _ in 0..20 {
        let input = json!({"url": stalled.url, "eventTypes": ["ORDER_CREATED", "WORK_ORDER_CREATED"]});
        configure(app, &greedy, "webhookEndpointCreate", "WebhookEndpointCreateInput", "", input).await;
    }
    let ring = "workOrders { order { workOrders { order { workOrders { id } } } } }";
    let conditions: String = (0..40)
        .map(|number| format!("{{workOrders: {{some: {{status: {{eq: \"x{number}\"}}}}}}}} "))
        .collect();
    let fields: String = (0..20)
        .map(|number| {
            format!("a{number}: orders(first: 1, where: {{or: [{conditions}]}}) {{ nodes {{ id }} }} ")
        })
        .collect();
    let mut large = order(0);
    large["workOrders"] =
        json!(vec![json!({"type": "DIGITAL_SERVICE", "customAttributes": {"blob": "x".repeat(2_000)}}); 100]);
    vec![
        (format!("{{ orders(first: 3) {{ nodes {{ {ring} }} }} }}"), json!({})),
        (format!("{{ {fields} }}"), json!({})),
        (CREATE.to_owned(), json!({"input": large})),
        ("{ orders(first: 100) { nodes { workOrders { customAttributes } } } }".to_owned(), json!({})),
    ]
}

/// The modest tenant's events after a cursor.
async fn log(app: &TestApp, mut after: Value) -> Vec<Value> {
    let mut events = Vec::new();
    loop {
        let document = "query($after: String) { orderEvents(first: 100, after: $after) { \
                        nodes { cursor type } pageInfo { hasNextPage endCursor } } }";
        let data = app.execute_as(modest(), document, json!({"after": after})).await.data();
        let page = &data["orderEvents"];
        events.extend(page["nodes"].as_array().unwrap().iter().cloned());
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            return events;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_modest_tenant_lives_beside_every_attack_at_once() {
    let app = Arc::new(TestApp::start_with(8).await);
    let (prompt, stalled, hook) =
        (PluginServer::start().await, PluginServer::start().await, PluginServer::start().await);
    stalled.stall();
    let attacks = prepare(&app, &prompt, &stalled).await;
    let plugin = json!({"name": "check", "http": {"url": prompt.url}});
    workflow(&app, &modest(), "ORDER_INITIATED", plugin, None).await;
    let input = json!({"url": hook.url, "eventTypes": ["ORDER_STATUS_CHANGED"]});
    configure(&app, &modest(), "webhookEndpointCreate", "WebhookEndpointCreateInput", "", input).await;
    let begin = app.execute_as(modest(), "{ eventCursor }", json!({})).await.data();
    let document =
        format!("subscription {{ orderEvents(after: {}) {{ cursor type }} }}", begin["eventCursor"]);
    let mut events = app.subscribe_as(modest(), &document).0;
    let heard = Arc::<Mutex<Vec<Value>>>::default();
    let listening = {
        let heard = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                heard.lock().unwrap().push(event["data"]["orderEvents"].clone());
            }
        })
    };
    let stop = CancellationToken::new();
    let workers = [
        tokio::spawn(waybill::plugins::Worker::new(app.app.clone()).run(stop.clone())),
        tokio::spawn(waybill::webhooks::Worker::new(app.app.clone()).run(stop.clone())),
    ];

    let attackers: Vec<_> = attacks
        .into_iter()
        .flat_map(|attack| [attack.clone(), attack])
        .map(|(document, variables)| {
            let (app, stop) = (Arc::clone(&app), stop.clone());
            tokio::spawn(async move {
                let mut outcomes = BTreeMap::<String, usize>::new();
                while !stop.is_cancelled() {
                    let reply = app.execute_as(greedy(), &document, variables.clone()).await;
                    let code = reply.0["errors"][0]["extensions"]["code"].as_str().unwrap_or("answered");
                    *outcomes.entry(code.to_owned()).or_default() += 1;
                    // As with any request that comes over the network.
                    tokio::task::yield_now().await;
                }
                outcomes
            })
        })
        .collect();

    let seconds = std::env::var("WAYBILL_MALICE_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let until_then = Instant::now() + Duration::from_secs(seconds.unwrap_or(SECONDS));
    let (mut created, mut took) = (Vec::new(), Vec::new());
    while Instant::now() < until_then {
        let begun = Instant::now();
        let data = app.execute_as(modest(), CREATE, json!({"input": order(2)})).await.data();
        created.push(text(&data["orderCreate"]["order"]["id"]));
        took.push(begun.elapsed());
        let begun = Instant::now();
        let page = "{ orders(first: 20) { nodes { id status workOrders { id } } } }";
        app.execute_as(modest(), page, json!({})).await.data();
        took.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    // Each order passed its plugin and was told to the webhook, while the attacks went on.
    let all = "{ orderEvents(first: 100, where: {types: [ORDER_STATUS_CHANGED], toStatus: [\"IN_PROGRESS\"]}) { \
               count { value } } }";
    until("the modest tenant's orders", async || {
        let data = app.execute_as(modest(), all, json!({})).await.data();
        (data["orderEvents"]["count"]["value"] == json!(created.len())).then_some(())
    })
    .await;
    until("the modest tenant's deliveries", async || (hook.calls().len() == 2 * created.len()).then_some(()))
        .await;
    stop.cancel();
    for attacker in attackers {
        let outcomes = attacker.await.unwrap();
        let fair = ["answered", "QUERY_TOO_COMPLEX", "UNAVAILABLE"];
        assert!(outcomes.keys().all(|outcome| fair.contains(&outcome.as_str())), "{outcomes:?}");
        eprintln!("the greedy tenant: {outcomes:?}");
    }
    took.sort_unstable();
    let p99 = took[took.len() * 99 / 100];
    eprintln!("the modest tenant: {} orders, p50 {:?}, p99 {p99:?}", created.len(), took[took.len() / 2]);
    assert!(p99 < PATIENCE, "{took:?}");

    // Events: every one, once, in order.
    let expected = log(&app, begin["eventCursor"].clone()).await;
    until("the modest tenant's events", async || {
        (heard.lock().unwrap().len() >= expected.len()).then_some(())
    })
    .await;
    assert_eq!(*heard.lock().unwrap(), expected);
    listening.abort();
    for worker in workers {
        worker.abort();
    }
}
