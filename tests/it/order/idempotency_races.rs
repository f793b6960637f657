//! Idempotency keys under concurrency, in one process and in two.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Stored, TestApp, samples, text};

const SELECTION: &str = "order { id } cursor idempotentReplay userErrors { code message path }";

fn keyed(key: &str) -> Value {
    samples::with(samples::order(2), "idempotencyKey", json!(key))
}

/// Of answers to one request, exactly one is the first, and all of them say the same.
fn check_answers(answers: &[Value], entity: &str) {
    let mut seen = BTreeSet::new();
    let mut first = 0;
    for answer in answers {
        assert_eq!(answer["userErrors"], json!([]), "{answer}");
        first += usize::from(answer["idempotentReplay"] == json!(false));
        seen.insert((text(&answer[entity]["id"]), text(&answer["cursor"])));
    }
    assert_eq!((first, seen.len()), (1, 1), "{answers:#?}");
}

fn check_one_order(stored: &Stored) {
    assert_eq!(stored.counts(), [1, 2, 5, 1, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_requests_with_one_key_create_one_order() {
    let app = TestApp::start_with(8).await;
    let answers = join_all((0..16).map(|_| app.mutate("orderCreate", keyed("k"), SELECTION))).await;
    check_answers(&answers, "order");
    check_one_order(&app.check_invariants().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_with_one_key_create_one_order() {
    let one = TestApp::start_with(4).await;
    let other = TestApp::beside(&one).await;
    let apps = [&one, &other];
    let answers =
        join_all((0..16).map(|index| apps[index % 2].mutate("orderCreate", keyed("k"), SELECTION))).await;
    check_answers(&answers, "order");
    check_one_order(&one.check_invariants().await);
    // What one process wrote the other one shows.
    let id = text(&answers[0]["order"]["id"]);
    let document = format!("{{ order(id: \"{id}\") {{ version }} }}");
    assert_eq!(other.run(&document).await.data(), one.run(&document).await.data());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_inputs_under_one_key_one_wins() {
    let app = TestApp::start_with(8).await;
    let inputs = (0..8).map(|index| samples::with(keyed("k"), "clientOrderId", json!(index.to_string())));
    let answers = join_all(inputs.map(|input| app.mutate("orderCreate", input, SELECTION))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| !answer["order"].is_null());
    assert_eq!((won.len(), lost.len()), (1, 7), "{answers:#?}");
    for answer in lost {
        assert_eq!(answer["userErrors"][0]["code"], json!("IDEMPOTENCY_MISMATCH"));
    }
    check_one_order(&app.check_invariants().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_share_keys_in_another_order_create_each_order_once() {
    let one = TestApp::start_with(4).await;
    let other = TestApp::beside(&one).await;
    let orders: Vec<_> = (0..20)
        .map(|index| samples::with(keyed(&format!("k{index}")), "clientOrderId", json!(index.to_string())))
        .collect();
    let backwards: Vec<_> = orders.iter().rev().cloned().collect();
    let selection = "created failed results { order { clientOrderId } userErrors { code message } }";
    let calls = (0..6).map(|index| {
        let app = [&one, &other][index % 2];
        let orders = if index < 3 { orders.clone() } else { backwards.clone() };
        app.mutate("ordersCreate", json!({"orders": orders}), selection)
    });
    for payload in join_all(calls).await {
        assert_eq!((&payload["created"], &payload["failed"]), (&json!(20), &json!(0)), "{payload:#}");
    }
    assert_eq!(one.check_invariants().await.counts(), [20, 40, 100, 20, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_transitions_with_one_key_happen_once() {
    let one = TestApp::start_with(4).await;
    let other = TestApp::beside(&one).await;
    let (_, work_orders) = one.create(samples::order(1)).await;
    one.move_work_order(&work_orders[0], "START").await;
    let input = json!({"id": work_orders[0], "event": "ATTEMPT_FAILED", "idempotencyKey": "k"});
    let selection = "workOrder { id } cursor idempotentReplay userErrors { code message path }";
    let apps = [&one, &other];
    let answers = join_all(
        (0..16).map(|index| apps[index % 2].mutate("workOrderTransition", input.clone(), selection)),
    )
    .await;
    check_answers(&answers, "workOrder");
    let stored = one.check_invariants().await;
    assert_eq!(stored.counts(), [1, 1, 6, 1, 0]);
    assert_eq!(stored.work_orders[0].attempts, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_for_two_orders_moves_one_of_them() {
    let app = TestApp::start_with(8).await;
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(app.create(samples::order(1)).await.0);
    }
    let inputs = ids.iter().map(|id| json!({"id": id, "clientName": "N", "idempotencyKey": "k"}));
    let answers = join_all(inputs.map(|input| app.mutate("orderUpdate", input, SELECTION))).await;
    let won = answers.iter().filter(|answer| !answer["order"].is_null()).count();
    assert_eq!(won, 1, "{answers:#?}");
    let stored = app.check_invariants().await;
    assert_eq!(stored.orders.iter().filter(|order| order.client_name.is_some()).count(), 1);
    assert_eq!(stored.counts(), [6, 6, 25, 1, 0]);
}
