//! Requests that are given up at every place where they wait: whatever they had begun ends, and nothing is there in part.

use std::{
    collections::BTreeSet,
    future::poll_fn,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    http::{Request, header::CONTENT_TYPE},
};
use entity::id::OrderId;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use uuid::Uuid;
use waybill::plugins::Worker;

use super::at_rest::Watch;
use crate::harness::{
    Stored, TestApp,
    samples::{order, with},
    text,
    wait::{until, within},
};

const CONNECTIONS: u32 = 3;
/// Requests that are under way at the same time.
const AT_ONCE: usize = 4;
const WORK_ORDERS: usize = 2;
/// Orders that are there before, whose requests are about them in turn.
const TARGETS: usize = 100;
/// More waits than any request has.
const MOST_WAITS: usize = 300;
/// How many requests there are at least.
const ATTEMPTS: usize = 2_000;
/// How long an ordinary create may take.
const SOON: Duration = Duration::from_secs(1);

/// When a request is given up.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// As soon as it waits.
    Waiting,
    /// When what it waited for is there, and before it hears of it.
    Woken,
}

/// Drives a future until it has waited so many times, and then drops it; gives its output if it was done before.
async fn give_up<F: Future>(future: F, waits: usize, moment: Moment) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut left = waits;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => {
                left -= 1;
                match moment {
                    Moment::Waiting if left == 0 => Poll::Ready(None),
                    Moment::Waiting | Moment::Woken => Poll::Pending,
                }
            }
        }
    })
    .await
}

/// The requests, by what they ask for.
const KINDS: [&str; 9] = [
    "create",
    "create under a key of another",
    "create many",
    "update",
    "update of another version",
    "cancel",
    "cancel what is not there",
    "move a work order",
    "define an attribute",
];

/// The orders that there are to be changed, with their work orders. Those that are cancelled are not those whose work
/// orders are moved: that would give them another work order, which brings back what was moved.
struct Targets {
    cancelled: Vec<(String, Vec<String>)>,
    moved: Vec<(String, Vec<String>)>,
}

impl Targets {
    /// Document and input of a request.
    fn request(&self, kind: &str, number: usize) -> (&'static str, &'static str, Value) {
        let (id, _) = &self.cancelled[number % self.cancelled.len()];
        let (_, work_orders) = &self.moved[number % self.moved.len()];
        let new = with(order(WORK_ORDERS), "clientOrderId", json!(format!("new-{number}")));
        let keyed = |key: String| with(new.clone(), "idempotencyKey", json!(key));
        match kind {
            "create" => ("orderCreate", "OrderCreateInput", keyed(format!("key-{number}"))),
            "create under a key of another" => ("orderCreate", "OrderCreateInput", keyed("taken".to_owned())),
            "create many" => {
                let orders: Vec<_> = (0..3).map(|at| keyed(format!("key-{number}-{at}"))).collect();
                ("ordersCreate", "OrdersCreateInput", json!({"orders": orders}))
            }
            "update" => {
                let input = json!({"id": id, "customAttributes": {"tier": number.to_string()}});
                ("orderUpdate", "OrderUpdateInput", input)
            }
            "update of another version" => {
                let input = json!({"id": id, "expectedVersion": 9_999, "clientName": "nobody"});
                ("orderUpdate", "OrderUpdateInput", input)
            }
            "cancel" => ("orderCancel", "OrderCancelInput", json!({"id": id})),
            "cancel what is not there" => {
                ("orderCancel", "OrderCancelInput", json!({"id": OrderId(Uuid::nil()).to_string()}))
            }
            "move a work order" => {
                let input = json!({"id": work_orders[number % WORK_ORDERS], "event": "START"});
                ("workOrderTransition", "TransitionInput", input)
            }
            _ => {
                let key = format!("attribute_{number}");
                let input = json!({"owner": "WORK_ORDER", "key": key, "type": "STRING"});
                ("attributeDefinitionCreate", "AttributeDefinitionCreateInput", input)
            }
        }
    }
}

/// Asks a service, and gives the whole answer.
async fn ask(router: Router, (mutation, kind, input): (&str, &str, Value)) -> Value {
    let selection = match mutation {
        "ordersCreate" => "results { order { id } userErrors { code } }",
        "orderCreate" => "order { id } userErrors { code }",
        _ => "userErrors { code }",
    };
    let document =
        format!("mutation($input: {kind}!) {{ payload: {mutation}(input: $input) {{ {selection} }} }}");
    let body = json!({"query": document, "variables": {"input": input}}).to_string();
    let request = Request::post("/graphql").header(CONTENT_TYPE, "application/json").body(Body::from(body));
    let response = router.oneshot(request.unwrap()).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

/// Orders wait for an expression, so that a worker writes too.
async fn configure(app: &TestApp) -> Targets {
    app.define("ORDER", &[("tier", "STRING")]).await;
    let input = json!({"name": "gate", "expression": "order.clientId == 'acme'"});
    let plugin = app.change("pluginCreate", input, "plugin { id }").await;
    let step = json!({"name": "check", "pluginId": plugin["plugin"]["id"]});
    let input = json!({"name": "gate", "trigger": "ORDER_INITIATED", "start": "check", "steps": [step]});
    app.change("pluginWorkflowCreate", input, "pluginWorkflow { id }").await;
    app.create(with(order(WORK_ORDERS), "idempotencyKey", json!("taken"))).await;
    let orders: Vec<_> = (0..TARGETS).map(|_| order(WORK_ORDERS)).collect();
    let selection = "results { order { id workOrders { id } } }";
    let created = app.mutate("ordersCreate", json!({"orders": orders}), selection).await;
    let order = |result: &Value| {
        let work_orders = result["order"]["workOrders"].as_array().unwrap();
        (text(&result["order"]["id"]), work_orders.iter().map(|it| text(&it["id"])).collect())
    };
    let mut cancelled: Vec<_> = created["results"].as_array().unwrap().iter().map(order).collect();
    let moved = cancelled.split_off(TARGETS / 2);
    Targets { cancelled, moved }
}

/// Waits until every run has ended; gives what the store holds then.
async fn at_the_end(app: &TestApp) -> Stored {
    until("the end of every run", async || {
        let stored = app.stored().await;
        stored.runs.iter().all(|run| run.finished_at.is_some()).then_some(())
    })
    .await;
    app.check_invariants().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_given_up_anywhere_leaves_no_transaction_and_nothing_in_part() {
    let app = TestApp::start_with(CONNECTIONS).await;
    let targets = Arc::new(configure(&app).await);
    let stop = CancellationToken::new();
    let worker = tokio::spawn(Worker::new(app.app.clone()).run(stop.clone()));
    at_the_end(&app).await;
    let watch = Watch::over(&app.database).await;
    let (mut attempts, mut given_up, mut created) = (0, 0, BTreeSet::new());
    let mut kinds = KINDS.into_iter().cycle();
    while let Some(kind) = kinds.next().filter(|_| attempts < ATTEMPTS) {
        for waits in 1.. {
            assert!(waits < MOST_WAITS, "a request to {kind} has no end");
            let mut has_waited = false;
            for moment in [Moment::Waiting, Moment::Woken] {
                let requests: Vec<_> = (0..AT_ONCE)
                    .map(|at| {
                        let request = targets.request(kind, attempts + at);
                        tokio::spawn(give_up(ask(app.router.clone(), request), waits, moment))
                    })
                    .collect();
                attempts += AT_ONCE;
                for request in requests {
                    if let Some(answer) = within("the end of a request", request).await.unwrap() {
                        assert_eq!(answer.get("errors"), None, "{kind}: {answer:#}");
                        let payload = &answer["data"]["payload"];
                        let results = payload["results"].as_array().map_or(&[][..], Vec::as_slice);
                        let orders = results.iter().chain([payload]).map(|it| &it["order"]["id"]);
                        created.extend(orders.filter_map(Value::as_str).map(str::to_owned));
                    } else {
                        given_up += 1;
                        has_waited = true;
                    }
                }
                watch.sees_no_transaction().await;
            }
            if !has_waited {
                break;
            }
        }
    }
    assert!(given_up > attempts / 4, "{given_up} of {attempts}");

    let begun = Instant::now();
    app.create(order(WORK_ORDERS)).await;
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    let begun = Instant::now();
    app.app
        .database
        .write_transaction(&waybill::store::Tenant::new("default"), 0)
        .await
        .unwrap()
        .rollback()
        .await
        .unwrap();
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    let stored = at_the_end(&app).await;
    let found: BTreeSet<_> = stored.orders.iter().map(|order| order.id.to_string()).collect();
    assert!(created.is_subset(&found), "an acknowledged order is not there");
    assert_eq!(stored.work_orders.len(), WORK_ORDERS * stored.orders.len());
    assert_eq!(stored.runs.len(), stored.orders.len());
    for key in &stored.keys {
        assert!(stored.orders.iter().any(|order| order.id.0 == key.entity_id), "{}", key.key);
    }
    stop.cancel();
    within("the end of the worker", worker).await.unwrap();
    watch.sees_no_transaction().await;
}
