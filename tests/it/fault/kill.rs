//! `kill -9` in the middle of a load: what was acknowledged is there, whole, and nothing is there in part.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};

use super::Server;
use crate::harness::{
    TestApp,
    samples::{order, with},
    text,
    wait::until,
    wire,
};

const CLIENTS: usize = 8;
const WORK_ORDERS: usize = 3;
/// ORDER_CREATED, a WORK_ORDER_CREATED each, VALIDATE and START.
const EVENTS: usize = WORK_ORDERS + 3;

const CREATE: &str = "mutation($input: OrderCreateInput!) {
    orderCreate(input: $input) { order { id version workOrders { id } } cursor idempotentReplay userErrors { code } }
}";

/// Creates the order of a key, and gives the payload; fails if the server is gone.
async fn create(address: SocketAddr, key: &str) -> std::io::Result<Value> {
    let input = with(order(WORK_ORDERS), "idempotencyKey", json!(key));
    let answer = wire::post(address, CREATE, &json!({"input": input})).await?;
    let payload = answer["data"]["orderCreate"].clone();
    assert_eq!(payload["userErrors"], json!([]), "{answer:#}");
    Ok(payload)
}

/// Creates one order after the other until the server is gone; gives what was acknowledged, and the key of what was not.
async fn load(
    address: SocketAddr,
    client: usize,
    count: Arc<AtomicUsize>,
) -> (BTreeMap<String, Value>, String) {
    let mut acknowledged = BTreeMap::new();
    loop {
        let key = format!("{client}/{}", acknowledged.len());
        let Ok(payload) = create(address, &key).await else { return (acknowledged, key) };
        assert_eq!(payload["idempotentReplay"], json!(false));
        acknowledged.insert(key, payload);
        count.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_order_survives_whole_and_none_is_there_in_part() {
    // For its store; it serves nothing while the others do.
    let app = TestApp::start_with(2).await;
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeMap::new();
    let mut unanswered = Vec::new();
    for (round, kill_after) in [40, 120].into_iter().enumerate() {
        let server = Server::start(folder.path(), &app.database.url);
        let count = Arc::new(AtomicUsize::new(0));
        let client = |index| tokio::spawn(load(server.address, round * CLIENTS + index, Arc::clone(&count)));
        let clients: Vec<_> = (0..CLIENTS).map(client).collect();
        let enough = async || (count.load(Ordering::SeqCst) >= kill_after).then_some(());
        until("so many orders", enough).await;
        server.kill();
        for client in clients {
            let (own, key) = client.await.unwrap();
            acknowledged.extend(own);
            unanswered.push(key);
        }
    }
    assert!(acknowledged.len() >= 160);

    let server = Server::start(folder.path(), &app.database.url);
    // Versions are the numbers of events, and the log has no gaps.
    let stored = app.check_invariants().await;
    let orders = stored.orders.len();
    let most = acknowledged.len() + unanswered.len();
    assert!(
        (acknowledged.len()..=most).contains(&orders),
        "{orders} orders, {} acknowledged",
        acknowledged.len()
    );
    assert_eq!(stored.counts(), [orders, orders * WORK_ORDERS, orders * EVENTS, orders, 0]);
    for order in &stored.orders {
        let own: Vec<_> = stored.work_orders.iter().filter(|it| it.order_id == order.id).collect();
        assert_eq!((own.len(), order.version, order.status.as_str()), (WORK_ORDERS, 3, "IN_PROGRESS"));
        assert!(stored.keys.iter().any(|key| key.entity_id == order.id.0));
    }
    for payload in acknowledged.values() {
        let id = text(&payload["order"]["id"]);
        let query = format!(
            "{{ order(id: {id:?}) {{ id version workOrders {{ id }} events(last: 1) {{ nodes {{ cursor }} }} }} }}"
        );
        let mut found = wire::post(server.address, &query, &json!({})).await.unwrap()["data"]["order"].take();
        let events = found.as_object_mut().unwrap().remove("events").unwrap();
        assert_eq!((&found, &events["nodes"][0]["cursor"]), (&payload["order"], &payload["cursor"]));
    }
    // Whoever got no answer asks again under the same key, and the order is there once.
    for key in &unanswered {
        create(server.address, key).await.unwrap();
    }
    for (key, payload) in acknowledged.iter().step_by(10) {
        let again = create(server.address, key).await.unwrap();
        assert_eq!(again["idempotentReplay"], json!(true));
        assert_eq!((&again["order"], &again["cursor"]), (&payload["order"], &payload["cursor"]));
    }
    assert_eq!(app.check_invariants().await.orders.len(), most);
}
