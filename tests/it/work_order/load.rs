//! Many clients that move the work orders of the same orders at random, for as long as `WAYBILL_LOAD_SECONDS` says (3).

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use entity::{stored, work_order};
use futures_util::future::try_join_all;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::harness::{Stored, TestApp, samples, text};

const CLIENTS: usize = 64;
const ORDERS: usize = 100;
const WORK_ORDERS: usize = 3;
const FLOWS: [&str; 3] = ["START_TOGETHER", "SEQUENTIAL", "COMPLETE_TOGETHER"];
/// Those that end nothing come up far more often: else every order would have ended after a second or two.
const EVENTS: [(&str, u32); 7] = [
    ("START", 8),
    ("HOLD", 8),
    ("RESUME", 8),
    ("ATTEMPT_FAILED", 8),
    ("COMPLETE", 2),
    ("FAIL", 1),
    ("CANCEL", 1),
];

/// How many events each work order was seen to take.
type Taken = HashMap<String, i32>;

/// Executes a document, again and again while the server has no connection left for it; nothing else may go wrong.
async fn ask(app: &TestApp, document: &str, variables: Value) -> Value {
    loop {
        let reply = app.execute(document, variables.clone()).await;
        if reply.0["errors"][0]["extensions"]["code"] != json!("UNAVAILABLE") {
            return reply.data();
        }
    }
}

/// Fires an event, and gives whether it happened. Whatever stands in its way is a refusal that names it.
async fn fire(app: &TestApp, id: &str, event: &str) -> bool {
    let document = "mutation($input: TransitionInput!) {
        workOrderTransition(input: $input) { workOrder { id } userErrors { code message } }
    }";
    let data = ask(app, document, json!({"input": {"id": id, "event": event}})).await;
    let payload = &data["workOrderTransition"];
    let errors = payload["userErrors"].as_array().unwrap();
    for error in errors {
        let code = text(&error["code"]);
        assert!(["TRANSITION_NOT_ALLOWED", "BLOCKED"].contains(&code.as_str()), "{event} on {id}: {error}");
    }
    assert_eq!(errors.is_empty(), payload["workOrder"]["id"] == json!(id), "{payload}");
    errors.is_empty()
}

async fn create(app: &TestApp) -> Arc<[String]> {
    let flow = |index: usize| json!(FLOWS[index % FLOWS.len()]);
    let order = |index| samples::with(samples::order(WORK_ORDERS), "workOrderFlow", flow(index));
    let orders: Vec<_> = (0..ORDERS).map(order).collect();
    let payload = app.mutate("ordersCreate", json!({"orders": orders}), "results { order { id } }").await;
    payload["results"].as_array().unwrap().iter().map(|it| text(&it["order"]["id"])).collect()
}

async fn work_orders(app: &TestApp, order: &str) -> Vec<Value> {
    let document = "query($id: ID!) { order(id: $id) { workOrders { id status } } }";
    let data = ask(app, document, json!({"id": order})).await;
    data["order"]["workOrders"].as_array().unwrap().clone()
}

/// Moves any work order of any order, returns included.
async fn move_at_random(app: Arc<TestApp>, orders: Arc<[String]>, client: u64, until: Instant) -> Taken {
    let mut random = StdRng::seed_from_u64(client);
    let mut taken = Taken::new();
    while Instant::now() < until {
        let order = &orders[random.random_range(..orders.len())];
        let work_orders = work_orders(&app, order).await;
        let id = text(&work_orders.choose(&mut random).unwrap()["id"]);
        let (event, _) = EVENTS.choose_weighted(&mut random, |(_, weight)| *weight).unwrap();
        if fire(&app, &id, event).await {
            *taken.entry(id).or_default() += 1;
        }
    }
    taken
}

/// Brings every `CLIENTS`th work order to its end, so that siblings end at the same time by other clients.
async fn finish(app: Arc<TestApp>, orders: Arc<[String]>, client: usize) -> Taken {
    let mut taken = Taken::new();
    loop {
        let mut moved = false;
        for (index, order) in orders.iter().enumerate() {
            let place = (client + CLIENTS - index * WORK_ORDERS % CLIENTS) % CLIENTS;
            // At most one return each.
            if place >= 2 * WORK_ORDERS {
                continue;
            }
            let work_orders = work_orders(&app, order).await;
            let Some(work_order) = work_orders.get(place) else { continue };
            let events: &[&str] = match text(&work_order["status"]).as_str() {
                "CREATED" => &["START", "COMPLETE"],
                "IN_PROGRESS" => &["COMPLETE"],
                "ON_HOLD" => &["RESUME", "COMPLETE"],
                _ => continue,
            };
            let id = text(&work_order["id"]);
            for event in events {
                if fire(&app, &id, event).await {
                    *taken.entry(id.clone()).or_default() += 1;
                }
            }
            moved = true;
        }
        if !moved {
            return taken;
        }
    }
}

/// Waits for all clients, and fails with the first that fails.
async fn together(clients: impl Iterator<Item = JoinHandle<Taken>>, taken: &mut Taken) {
    for (id, count) in try_join_all(clients).await.unwrap().into_iter().flatten() {
        *taken.entry(id).or_default() += count;
    }
}

/// Every order followed its work orders, once.
fn check_roll_ups(stored: &Stored) {
    for order in &stored.orders {
        let executed = stored.events.iter().filter(|it| it.order_id == order.id);
        let executed = executed.filter(|it| it.transition.as_deref() == Some("EXECUTE")).count();
        let mut theirs = stored.work_orders.iter().filter(|it| it.order_id == order.id);
        let ended = theirs.all(|it| it.phase == stored::Phase::Settled);
        let expected = if ended { ("EXECUTED", 1) } else { ("IN_PROGRESS", 0) };
        assert_eq!((order.status.as_str(), executed), expected, "{}", order.id);
        assert_eq!(order.outcome.is_some(), ended);
    }
}

/// Whoever was told that a work order took an event finds it in its version, and nothing besides. Flows and cancellations
/// move others with it, so this holds of orders whose work orders start together.
fn check_versions(stored: &Stored, taken: &Taken) {
    let is_alone = |it: &&work_order::Model| {
        let order = stored.orders.iter().find(|order| order.id == it.order_id).unwrap();
        order.flow == stored::WorkOrderFlow::StartTogether
    };
    for it in stored.work_orders.iter().filter(is_alone) {
        assert_eq!(it.version, 1 + taken.get(&it.id.to_string()).copied().unwrap_or(0), "{}", it.id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_that_move_the_same_orders_lose_nothing() {
    let seconds = std::env::var("WAYBILL_LOAD_SECONDS").map_or(3, |it| it.parse().unwrap());
    let one = Arc::new(TestApp::start_with(16).await);
    let mut apps = vec![Arc::clone(&one)];
    if one.database.is_postgres() {
        apps.push(Arc::new(TestApp::beside(&one).await));
    }
    let app = |client: usize| Arc::clone(&apps[client % apps.len()]);
    let orders = create(&one).await;
    let mut taken = Taken::new();

    let until = Instant::now() + Duration::from_secs(seconds);
    let clients = (0..CLIENTS)
        .map(|client| tokio::spawn(move_at_random(app(client), Arc::clone(&orders), client as u64, until)));
    together(clients, &mut taken).await;
    let moved: i32 = taken.values().sum();
    println!("{moved} transitions in {seconds} s");
    let stored = one.check_invariants().await;
    check_roll_ups(&stored);
    check_versions(&stored, &taken);

    let clients = (0..CLIENTS).map(|client| tokio::spawn(finish(app(client), Arc::clone(&orders), client)));
    together(clients, &mut taken).await;
    let stored = one.check_invariants().await;
    assert!(stored.orders.iter().all(|order| order.status == "EXECUTED"));
    check_roll_ups(&stored);
    check_versions(&stored, &taken);
}
