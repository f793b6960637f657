//! Two processes on one PostgreSQL, a plugin that fails, stalls, puts off and answers twice, and `kill -9` in the middle of
//! it: every order ends as the verdicts say, no step that was answered is asked again, and no run is left.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::{DefaultHasher, Hasher as _},
    net::{SocketAddr, TcpListener as StdListener},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use entity::stored::PluginRunStatus;
use serde_json::{Value, json};

use super::Server;
use crate::harness::{
    TestApp,
    samples::{order, with},
    text, wire,
};

const ORDERS: usize = 2_000;
const ORDERS_A_CALL: usize = 100;
const STEPS: [&str; 3] = ["first", "second", "third"];
/// How often a process is killed.
const KILLS: usize = 5;
const KILL_EVERY: Duration = Duration::from_millis(2_500);
/// How long everything may take, most of it the 20 seconds for which the runs of a process that was killed last are held.
const PATIENCE: Duration = Duration::from_mins(5);
/// A plugin that never gets to a verdict is another test.
const FAILURES_A_STEP: usize = 2;

/// What the plugin remembers.
#[derive(Debug, Default)]
struct Memory {
    /// How often each step of a run was asked.
    calls: HashMap<(String, String), usize>,
    /// Steps of a run whose callback was taken.
    acknowledged: HashSet<(String, String)>,
    /// Which step of a run was asked last, by its place.
    reached: HashMap<String, usize>,
    /// What must not happen.
    wrong: Vec<String>,
}

type Shared = Arc<Mutex<Memory>>;

fn chance(of: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish() % 100
}

/// The verdict on an order at a step, the same however often it is asked for.
fn passes(client_order_id: &str, step: &str) -> bool {
    chance(&("verdict", client_order_id, step)) >= 10
}

async fn plugin(State(memory): State<Shared>, Json(body): Json<Value>) -> Response {
    let run = &body["run"];
    let (id, step) = (text(&run["id"]), text(&run["step"]));
    let key = (id.clone(), step.clone());
    let count = {
        let mut memory = memory.lock().unwrap();
        if memory.acknowledged.contains(&key) {
            memory.wrong.push(format!("{key:?} was asked although its callback was taken"));
        }
        let place = STEPS.iter().position(|name| *name == step).unwrap();
        let reached = memory.reached.insert(id.clone(), place).unwrap_or(0);
        if place < reached {
            memory.wrong.push(format!("{key:?} was asked after a later step"));
        }
        let count = memory.calls.entry(key.clone()).or_default();
        *count += 1;
        *count
    };
    let pass = passes(&text(&body["order"]["clientOrderId"]), &step);
    let verdict = if pass { "PASS" } else { "REJECT" };
    let answer = json!({"verdict": verdict, "reasons": [{"code": step, "message": "as it is"}]});
    match chance(&("mood", &id, &step, count)) {
        0..15 if count <= FAILURES_A_STEP => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        15..18 if count <= FAILURES_A_STEP => std::future::pending().await,
        18..35 => {
            tokio::spawn(call_back(memory, key, run.clone(), answer));
            StatusCode::ACCEPTED.into_response()
        }
        35..45 => {
            tokio::spawn(call_back(memory, key, run.clone(), answer.clone()));
            Json(answer).into_response()
        }
        _ => Json(answer).into_response(),
    }
}

/// Answers at the callback URL, again and again while its process is down.
async fn call_back(memory: Shared, key: (String, String), run: Value, answer: Value) {
    tokio::time::sleep(Duration::from_millis(chance(&("pause", &key)))).await;
    loop {
        match wire::call_back(&text(&run["callbackUrl"]), &text(&run["callbackToken"]), &answer).await {
            Ok(204) => {
                memory.lock().unwrap().acknowledged.insert(key);
                return;
            }
            // Another answer was first.
            Ok(409 | 410) => return,
            Ok(500..) | Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            Ok(status) => {
                memory.lock().unwrap().wrong.push(format!("the callback of {key:?} got {status}"));
                return;
            }
        }
    }
}

/// A port that is free now; nobody else asks for one by its number.
fn free_port() -> SocketAddr {
    StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Sends a mutation to whichever process answers.
async fn send(addresses: &[SocketAddr; 2], document: &str, input: Value) -> Value {
    for attempt in 0.. {
        let address = addresses[attempt % 2];
        if let Ok(answer) = wire::post(address, document, &json!({"input": input})).await
            && answer.get("errors").is_none()
        {
            return answer["data"].clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    unreachable!("it is tried for ever")
}

async fn configure(addresses: &[SocketAddr; 2], url: &str) {
    let http = json!({"url": url, "requestTimeoutMs": 1_000, "maxAttempts": 20});
    let document = "mutation($input: PluginCreateInput!) { pluginCreate(input: $input) { plugin { id } } }";
    let plugin = send(addresses, document, json!({"name": "moody", "http": http})).await;
    let id = &plugin["pluginCreate"]["plugin"]["id"];
    let steps: Vec<_> = STEPS
        .iter()
        .enumerate()
        .map(|(place, name)| {
            json!({"name": name, "pluginId": id, "onPass": STEPS.get(place + 1), "failurePolicy": "HOLD"})
        })
        .collect();
    let workflow = json!({"name": "intake", "trigger": "ORDER_INITIATED", "start": "first", "steps": steps});
    let document = "mutation($input: PluginWorkflowCreateInput!) {
        pluginWorkflowCreate(input: $input) { pluginWorkflow { id } userErrors { message } }
    }";
    let workflow = send(addresses, document, workflow).await;
    assert_eq!(workflow["pluginWorkflowCreate"]["userErrors"], json!([]), "{workflow}");
}

/// Creates the orders, each once however often a process dies over it.
async fn create(addresses: [SocketAddr; 2]) {
    let document = "mutation($input: OrdersCreateInput!) { ordersCreate(input: $input) { created failed } }";
    for start in (0..ORDERS).step_by(ORDERS_A_CALL) {
        let orders: Vec<_> = (start..start + ORDERS_A_CALL)
            .map(|number| {
                let order = with(order(1), "clientOrderId", json!(format!("order-{number}")));
                with(order, "idempotencyKey", json!(format!("key-{number}")))
            })
            .collect();
        let created = send(&addresses, document, json!({"orders": orders})).await;
        assert_eq!(created["ordersCreate"]["failed"], json!(0), "{created}");
    }
}

/// How many runs there are, and how many of them have not ended.
async fn runs(app: &TestApp) -> (i64, i64) {
    let document = "{
        all: pluginRuns { count { value } }
        open: pluginRuns(where: {status: [QUEUED, RUNNING, WAITING, HELD]}) { count { value } }
    }";
    let data = app.run(document).await.data();
    let value = |name: &str| data[name]["count"]["value"].as_i64().unwrap();
    (value("all"), value("open"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_run_ends_as_its_verdicts_say_although_processes_are_killed() {
    if std::env::var_os("TEST_DATABASE_URL").is_none() {
        // Two processes share no SQLite file.
        return;
    }
    let app = TestApp::start_with(2).await;
    let folder = tempfile::tempdir().unwrap();
    let memory = Shared::default();
    let router = Router::new().fallback(plugin).with_state(Arc::clone(&memory));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

    let addresses = [free_port(), free_port()];
    let start = |place: usize| Server::start_at(folder.path(), &app.database.url, addresses[place]);
    let mut servers = BTreeMap::from([(0, start(0)), (1, start(1))]);
    configure(&addresses, &url).await;
    let creating = tokio::spawn(create(addresses));
    for kill in 0..KILLS {
        tokio::time::sleep(KILL_EVERY).await;
        let place = kill % 2;
        servers.remove(&place).unwrap().kill();
        servers.insert(place, start(place));
    }
    creating.await.unwrap();
    let begun = std::time::Instant::now();
    let expected = i64::try_from(ORDERS).unwrap();
    while runs(&app).await != (expected, 0) {
        let wrong = memory.lock().unwrap().wrong.clone();
        assert!(wrong.is_empty(), "{wrong:?}");
        assert!(begun.elapsed() < PATIENCE, "{:?} of {ORDERS} runs are left", runs(&app).await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    drop(servers);

    let wrong = memory.lock().unwrap().wrong.clone();
    assert!(wrong.is_empty(), "{wrong:?}");
    let stored = app.check_invariants().await;
    assert_eq!((stored.orders.len(), stored.runs.len()), (ORDERS, ORDERS));
    for order in &stored.orders {
        let rejected_at = STEPS.iter().find(|step| !passes(&order.client_order_id, step));
        let run = stored.runs.iter().find(|run| run.order_id == order.id).unwrap();
        let (status, run_status) = match rejected_at {
            Some(_) => ("CLOSED", PluginRunStatus::Rejected),
            None => ("IN_PROGRESS", PluginRunStatus::Passed),
        };
        assert_eq!((order.status.as_str(), run.status), (status, run_status), "{}", order.client_order_id);
        let finished = stored.events.iter().filter(|event| {
            event.order_id == order.id && event.kind == entity::stored::EventType::PluginRunFinished
        });
        let reasons: Vec<_> = finished.map(|event| event.reason_code.as_deref()).collect();
        assert_eq!(reasons, [rejected_at.copied()], "{}", order.client_order_id);
    }
    // The plugin was in every mood.
    let calls: usize = memory.lock().unwrap().calls.values().sum();
    assert!(calls > ORDERS * 2, "{calls} calls");
}
