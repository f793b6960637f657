//! Work orders of one order that move at the same time.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{TestApp, samples};

const ROUNDS: usize = 25;

async fn fire(app: &TestApp, id: &str, event: &str) -> Value {
    let selection = "workOrder { status } userErrors { code message }";
    app.mutate("workOrderTransition", json!({"id": id, "event": event}), selection).await
}

/// How often each order was executed, by its events.
fn executions(stored: &crate::harness::Stored) -> Vec<usize> {
    let is_execute = |event: &&entity::event::Model| event.transition.as_deref() == Some("EXECUTE");
    let of = |order: &entity::order::Model| {
        stored.events.iter().filter(is_execute).filter(|event| event.order_id == order.id).count()
    };
    stored.orders.iter().map(of).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_two_siblings_that_complete_at_once_execute_their_order_once() {
    let one = TestApp::start_with(4).await;
    let other = TestApp::beside(&one).await;
    let mut orders = Vec::new();
    for _ in 0..ROUNDS {
        let (id, work_orders) = one.create(samples::order(2)).await;
        for work_order in &work_orders {
            one.move_work_order(work_order, "START").await;
        }
        let (a, b) =
            tokio::join!(fire(&one, &work_orders[0], "COMPLETE"), fire(&other, &work_orders[1], "COMPLETE"));
        for payload in [a, b] {
            assert_eq!(payload, json!({"workOrder": {"status": "COMPLETED"}, "userErrors": []}));
        }
        orders.push(id);
    }
    let stored = one.check_invariants().await;
    assert_eq!(executions(&stored), [1; ROUNDS]);
    assert!(stored.orders.iter().all(|order| order.status == "EXECUTED" && order.version == 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_siblings_of_many_orders_complete_at_once() {
    let one = TestApp::start_with(4).await;
    let other = TestApp::beside(&one).await;
    let mut work_orders = Vec::new();
    for _ in 0..4 {
        work_orders.extend(one.create(samples::order(5)).await.1);
    }
    let apps = [&one, &other];
    for event in ["START", "COMPLETE"] {
        let calls = work_orders.iter().enumerate().map(|(index, id)| fire(apps[index % 2], id, event));
        for payload in join_all(calls).await {
            assert_eq!(payload["userErrors"], json!([]), "{event}");
        }
    }
    let stored = one.check_invariants().await;
    assert_eq!(executions(&stored), [1; 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_event_fired_many_times_at_once_happens_once() {
    let app = TestApp::start_with(8).await;
    let (_, work_orders) = app.create(samples::order(1)).await;
    let answers = join_all((0..8).map(|_| fire(&app, &work_orders[0], "START"))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| !answer["workOrder"].is_null());
    assert_eq!((won.len(), lost.len()), (1, 7));
    assert!(lost.iter().all(|answer| answer["userErrors"][0]["code"] == json!("TRANSITION_NOT_ALLOWED")));
    assert_eq!(app.check_invariants().await.work_orders[0].version, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completion_and_a_cancellation_of_the_order_agree_on_one_end() {
    let one = TestApp::start_with(4).await;
    let other = TestApp::beside(&one).await;
    for _ in 0..ROUNDS {
        let (id, work_orders) = one.create(samples::order(1)).await;
        one.move_work_order(&work_orders[0], "START").await;
        let cancel = json!({"id": id, "event": "CANCEL"});
        let (completed, cancelled) = tokio::join!(
            fire(&one, &work_orders[0], "COMPLETE"),
            other.mutate("orderTransition", cancel, "order { status } userErrors { code }")
        );
        let outcome = (completed["workOrder"].is_null(), cancelled["order"].is_null());
        assert!(matches!(outcome, (true, false) | (false, true)), "{completed} {cancelled}");
    }
    let stored = one.check_invariants().await;
    for order in &stored.orders {
        let work_orders = stored.work_orders.iter().filter(|it| it.order_id == order.id).count();
        // Completed: executed, no return. Cancelled: one return, and the order waits for it.
        let expected = if work_orders == 1 { "EXECUTED" } else { "IN_PROGRESS" };
        assert_eq!(order.status, expected);
    }
}
