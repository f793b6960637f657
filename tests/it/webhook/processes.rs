//! Several workers at one endpoint, of one process or of two: each event is delivered once, and in order per order.

use std::{collections::HashMap, sync::Arc};

use tokio_util::sync::CancellationToken;
use waybill::webhooks::Worker;

use super::{deliveries, endpoint_at, sent};
use crate::harness::{
    PluginServer, TestApp,
    samples::order,
    wait::{until, within},
};

const ORDERS: usize = 40;
const EVENTS: usize = 4 * ORDERS;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_two_workers_send_is_sent_once_and_in_order_per_order() {
    let one = Arc::new(TestApp::start_with(8).await);
    let server = PluginServer::start().await;
    endpoint_at(&one, &server.url).await;
    let mut apps = vec![Arc::clone(&one)];
    if one.database.is_postgres() {
        let other = TestApp::beside(&one).await;
        one.hear_others();
        other.hear_others();
        apps.push(Arc::new(other));
    } else {
        // The store serves only one process; so these are two workers of it.
        apps.push(Arc::clone(&one));
    }
    let stop = CancellationToken::new();
    let work = |app: &Arc<TestApp>| tokio::spawn(Worker::new(app.app.clone()).run(stop.clone()));
    let workers: Vec<_> = apps.iter().map(work).collect();
    let mut writers = Vec::new();
    for writer in 0..8 {
        let app = Arc::clone(&apps[writer % apps.len()]);
        writers.push(tokio::spawn(async move {
            for _ in 0..ORDERS / 8 {
                app.create(order(1)).await;
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    until("every delivery", async || (server.calls().len() >= EVENTS).then_some(())).await;
    stop.cancel();
    for worker in workers {
        within("the end of the worker", worker).await.unwrap();
    }
    let calls = server.calls();
    let mut by_order: HashMap<String, Vec<i64>> = HashMap::new();
    for (call, position) in calls.iter().zip(sent(&calls)) {
        by_order.entry(call.body["subject"].as_str().unwrap().to_owned()).or_default().push(position);
    }
    assert_eq!((calls.len(), by_order.len()), (EVENTS, ORDERS));
    for positions in by_order.values() {
        assert!(positions.is_sorted_by(|one, next| one < next), "{positions:?}");
    }
    let rows = deliveries(&one).await;
    assert!(rows.iter().all(|row| (row.status.as_str(), row.attempts) == ("DELIVERED", 1)));
    assert_eq!(rows.len(), EVENTS);
}
