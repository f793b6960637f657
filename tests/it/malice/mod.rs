//! Attacks by one tenant, and what another one notices of them: a clear error and a bounded cost for the one, nothing for
//! the other.
//!
//! They are short here; `bench/malice.py` runs them against a release, with figures.

mod load;
mod queries;
mod sockets;
mod statements;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use waybill::{access::Caller, store::Tenant};

use crate::harness::{TestApp, samples::order};

/// The caller who attacks.
fn greedy() -> Caller {
    Caller::system(Tenant::new("greedy"))
}

/// The caller who is to notice nothing.
fn modest() -> Caller {
    Caller::system(Tenant::new("modest"))
}

/// Creates an order of that many work orders, each with a text as its attribute `blob` where one is given.
async fn create(app: &TestApp, caller: &Caller, work_orders: usize, blob: Option<&str>) {
    let mut input = order(0);
    let mut work_order = json!({"type": "DIGITAL_SERVICE"});
    if let Some(blob) = blob {
        work_order["customAttributes"] = json!({"blob": blob});
    }
    input["workOrders"] = Value::from(vec![work_order; work_orders]);
    let document = "mutation($input: OrderCreateInput!) { \
                    orderCreate(input: $input) { order { id } userErrors { message path } } }";
    let data = app.execute_as(caller.clone(), document, json!({"input": input})).await.data();
    assert_eq!(data["orderCreate"]["userErrors"], json!([]));
}

/// Defines the attribute `blob` of work orders.
async fn define_blob(app: &TestApp, caller: &Caller) {
    let document = "mutation { attributeDefinitionCreate(input: {owner: WORK_ORDER, key: \"blob\", type: STRING}) { \
                    userErrors { message } } }";
    let data = app.execute_as(caller.clone(), document, json!({})).await.data();
    assert_eq!(data["attributeDefinitionCreate"]["userErrors"], json!([]));
}

/// Runs an attack while the modest tenant reads its orders, about as often as somebody who looks at pages would. Gives what
/// came of the attack, how long it took, and how long each of the reads took, the longest first.
async fn beside_reads<T: Send + 'static>(
    app: &Arc<TestApp>,
    attack: impl Future<Output = T> + Send + 'static,
) -> (T, Duration, Vec<Duration>) {
    let begun = Instant::now();
    let attack = tokio::spawn(async move { (attack.await, begun.elapsed()) });
    let mut reads = Vec::new();
    while !attack.is_finished() || reads.is_empty() {
        let begun = Instant::now();
        let document = "{ orders(first: 5) { nodes { id status workOrders { id } } } }";
        app.execute_as(modest(), document, json!({})).await.data();
        reads.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    reads.sort_unstable_by(|a, b| b.cmp(a));
    let (outcome, took) = attack.await.unwrap();
    (outcome, took, reads)
}
