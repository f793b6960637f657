//! Clients that hang up on a running server a moment after they asked for something.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{Server, at_rest::Watch};
use crate::harness::{
    TestApp,
    samples::{order, with},
    text,
    wait::until,
    wire,
};

const CLIENTS: usize = 8;
const REQUESTS: usize = 1_000;
/// After so many everybody waits for the server to come to rest: a connection that is used again would hide its state.
const REQUESTS_A_ROUND: usize = 80;
/// The longest that a client waits.
const LONGEST_MICROS: usize = 3_000;
const WORK_ORDERS: usize = 2;
const SOON: Duration = Duration::from_secs(1);

const CREATE: &str = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";

/// Sends a mutation, and hangs up.
fn ask_and_hang_up(address: SocketAddr, number: usize, target: &str) {
    let (document, input) = match number % 4 {
        0 => (CREATE, with(order(WORK_ORDERS), "clientOrderId", json!(format!("new-{number}")))),
        1 => (
            "mutation($input: OrderUpdateInput!) { orderUpdate(input: $input) { cursor } }",
            json!({"id": target, "clientName": format!("client {number}")}),
        ),
        2 => (
            "mutation($input: OrdersCreateInput!) { ordersCreate(input: $input) { created } }",
            json!({"orders": [order(WORK_ORDERS), order(WORK_ORDERS)]}),
        ),
        _ => (
            "mutation($input: OrderUpdateInput!) { orderUpdate(input: $input) { cursor } }",
            json!({"id": target, "clientName": "nobody", "expectedVersion": 999_999}),
        ),
    };
    let body = json!({"query": document, "variables": {"input": input}}).to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    // Spread over the whole time, in no order.
    let micros = number * 617 % LONGEST_MICROS;
    std::thread::sleep(Duration::from_micros(u64::try_from(micros).unwrap()));
}

/// Has many clients do so at the same time.
async fn hang_up(address: SocketAddr, numbers: std::ops::Range<usize>, target: String) {
    let clients = move || {
        std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                let (numbers, target) = (numbers.clone(), &target);
                scope.spawn(move || {
                    for number in numbers.skip(client).step_by(CLIENTS) {
                        ask_and_hang_up(address, number, target);
                    }
                });
            }
        });
    };
    tokio::task::spawn_blocking(clients).await.unwrap();
}

async fn send(server: &Server, document: &str, input: Value) -> Value {
    let answer = wire::post(server.address, document, &json!({"input": input})).await.unwrap();
    assert_eq!(answer.get("errors"), None, "{answer:#}");
    answer["data"].clone()
}

/// Orders wait for an expression, so that the server's worker writes too.
async fn configure(server: &Server) {
    let document = "mutation($input: PluginCreateInput!) { pluginCreate(input: $input) { plugin { id } } }";
    let plugin = send(server, document, json!({"name": "gate", "expression": "true"})).await;
    let step = json!({"name": "check", "pluginId": plugin["pluginCreate"]["plugin"]["id"]});
    let workflow = json!({"name": "gate", "trigger": "ORDER_INITIATED", "start": "check", "steps": [step]});
    let document = "mutation($input: PluginWorkflowCreateInput!) {
        pluginWorkflowCreate(input: $input) { pluginWorkflow { id } userErrors { message } }
    }";
    send(server, document, workflow).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_hang_up_leave_no_transaction_and_nothing_in_part() {
    // For its store; it serves nothing while the server does.
    let app = TestApp::start_with(1).await;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &app.database.url);
    configure(&server).await;
    let target = send(&server, CREATE, order(WORK_ORDERS)).await;
    let target = text(&target["orderCreate"]["order"]["id"]);
    let watch = Watch::over(&app.database).await;
    for start in (0..REQUESTS).step_by(REQUESTS_A_ROUND) {
        hang_up(server.address, start..REQUESTS.min(start + REQUESTS_A_ROUND), target.clone()).await;
        watch.sees_no_transaction().await;
    }
    let begun = Instant::now();
    send(&server, CREATE, order(WORK_ORDERS)).await;
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    until("the end of every run", async || {
        let stored = app.stored().await;
        stored.runs.iter().all(|run| run.finished_at.is_some()).then_some(())
    })
    .await;
    let stored = app.check_invariants().await;
    assert_eq!(stored.work_orders.len(), WORK_ORDERS * stored.orders.len());
    assert_eq!(stored.runs.len(), stored.orders.len());
    watch.sees_no_transaction().await;
}
