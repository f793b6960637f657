//! Orders under lifecycles that a tenant wrote.

use serde_json::{Value, json};

use super::{input, push, set, state, transition};
use crate::harness::{TestApp, samples, wait::until};

/// Work orders that come to a door, where nothing is cancelled any more.
async fn set_door(app: &TestApp) {
    let mut work_orders = input(app, "WORK_ORDER").await;
    push(&mut work_orders, "states", json!({"name": "AT_DOOR", "phase": "ACTIVE", "cancellable": false}));
    push(&mut work_orders, "transitions", transition("ARRIVE", &["IN_PROGRESS"], "AT_DOOR"));
    push(&mut work_orders, "transitions", transition("COMPLETE", &["AT_DOOR"], "COMPLETED"));
    push(&mut work_orders, "transitions", transition("FAIL", &["AT_DOOR"], "FAILED"));
    set(app, work_orders).await;
}

/// Orders that are billed before they end.
async fn set_billing(app: &TestApp) {
    let mut orders = input(app, "ORDER").await;
    push(&mut orders, "states", state("TO_BE_BILLED", "ACTIVE"));
    push(&mut orders, "transitions", transition("BILL", &["IN_PROGRESS"], "TO_BE_BILLED"));
    push(&mut orders, "transitions", transition("REOPEN", &["TO_BE_BILLED"], "IN_PROGRESS"));
    push(
        &mut orders,
        "transitions",
        json!({"event": "PAY", "code": "T-1", "from": ["TO_BE_BILLED"], "to": "EXECUTED"}),
    );
    orders["rollUp"] = json!([
        {"quantifier": "ALL", "phase": "SETTLED", "event": "BILL"},
        {"quantifier": "ANY", "phase": "PENDING", "event": "REOPEN"}
    ]);
    set(app, orders).await;
}

async fn read(app: &TestApp, id: &str, selection: &str) -> Value {
    app.run(&format!("{{ order(id: \"{id}\") {{ {selection} }} }}")).await.data()["order"].clone()
}

#[tokio::test]
async fn orders_at_work_keep_the_version_that_they_were_born_with() {
    let app = TestApp::start().await;
    let (old, old_work) = app.create(samples::order(1)).await;
    set_door(&app).await;
    set_billing(&app).await;
    let (new, new_work) = app.create(samples::order(1)).await;
    for (id, order, work_order) in [(&old, 1, 1), (&new, 2, 2)] {
        let versions = read(&app, id, "lifecycleVersion workOrders { lifecycleVersion }").await;
        assert_eq!(
            versions,
            json!({"lifecycleVersion": order, "workOrders": [{"lifecycleVersion": work_order}]})
        );
    }
    app.move_work_order(&old_work[0], "START").await;
    app.move_work_order(&new_work[0], "START").await;
    let errors = app.refuse("workOrderTransition", json!({"id": old_work[0], "event": "ARRIVE"})).await;
    assert_eq!(errors[0]["code"], json!("TRANSITION_NOT_ALLOWED"));
    app.move_work_order(&new_work[0], "ARRIVE").await;

    // Both on one page, each by its own.
    let selection = "statusExplanation availableTransitions { event code to allowed } workOrders { availableTransitions { event } }";
    let document = format!("{{ orders {{ nodes {{ {selection} }} }} }}");
    let page = app.run(&document).await.data();
    let [newest, oldest] = [&page["orders"]["nodes"][0], &page["orders"]["nodes"][1]];
    let events = |order: &Value| order["workOrders"][0]["availableTransitions"].clone();
    assert_eq!(events(newest), json!([{"event": "COMPLETE"}, {"event": "FAIL"}]));
    assert_eq!(
        events(oldest),
        json!([
            {"event": "HOLD"}, {"event": "ATTEMPT_FAILED"}, {"event": "COMPLETE"}, {"event": "FAIL"}, {"event": "CANCEL"}
        ])
    );
    assert_eq!(
        newest["availableTransitions"],
        json!([
            {"event": "CANCEL", "code": "E-604", "to": "CLOSED", "allowed": false},
            {"event": "EXECUTE", "code": "E-605", "to": "EXECUTED", "allowed": false},
            {"event": "BILL", "code": null, "to": "TO_BE_BILLED", "allowed": true},
        ])
    );
    app.move_work_order(&old_work[0], "COMPLETE").await;
    app.move_work_order(&new_work[0], "COMPLETE").await;
    assert_eq!(read(&app, &old, "status").await["status"], json!("EXECUTED"));
    assert_eq!(read(&app, &new, "status").await["status"], json!("TO_BE_BILLED"));
    app.check_invariants().await;
}

#[tokio::test]
async fn rules_and_events_of_a_tenants_own_drive_its_orders() {
    let app = TestApp::start().await;
    set_billing(&app).await;
    let (id, work_orders) = app.create(samples::order(1)).await;
    app.move_work_order(&work_orders[0], "START").await;
    app.move_work_order(&work_orders[0], "COMPLETE").await;
    let explained = read(&app, &id, "status statusExplanation").await;
    assert_eq!(
        explained,
        json!({
            "status": "TO_BE_BILLED",
            "statusExplanation": "waits for REOPEN or PAY: all its work orders are settled, and no rule of its lifecycle \
                                  moves it on"
        })
    );
    // More work comes, and takes the lifecycle of its siblings.
    set_door(&app).await;
    let added = json!({"orderId": id, "workOrder": samples::move_containers()});
    let payload =
        app.change("workOrderCreate", added, "workOrder { id lifecycleVersion order { status } }").await;
    let added = &payload["workOrder"];
    assert_eq!(json!([added["lifecycleVersion"], added["order"]["status"]]), json!([1, "IN_PROGRESS"]));
    let added = added["id"].as_str().unwrap();
    app.move_work_order(added, "START").await;
    app.move_work_order(added, "COMPLETE").await;
    app.change("orderTransition", json!({"id": id, "event": "PAY"}), "cursor").await;
    let order = read(&app, &id, "status phase outcome").await;
    assert_eq!(order, json!({"status": "EXECUTED", "phase": "SETTLED", "outcome": "SUCCEEDED"}));
    let transitions =
        app.run("{ orderEvents(first: 100) { nodes { transition workOrderId } } }").await.data();
    let fired: Vec<_> = transitions["orderEvents"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["workOrderId"].is_null())
        .filter_map(|it| it["transition"].as_str())
        .collect();
    assert_eq!(fired, ["VALIDATE", "START", "BILL", "REOPEN", "BILL", "PAY"]);
    app.check_invariants().await;
}

#[tokio::test]
async fn a_state_that_is_not_cancellable_refuses_the_cancellation() {
    let app = TestApp::start().await;
    set_door(&app).await;
    let (id, work_orders) = app.create(samples::order(2)).await;
    app.move_work_order(&work_orders[0], "START").await;
    app.move_work_order(&work_orders[0], "ARRIVE").await;
    let selection = "order { status version cancellation { status reasonCode settledAt failureReasonCode }
                     workOrders { status } } cursor";
    let input = json!({"id": id, "reasonCode": "CHANGED_MIND"});
    let payload = app.change("orderCancel", input.clone(), selection).await;
    assert_eq!(
        payload["order"],
        json!({
            "status": "IN_PROGRESS", "version": 4,
            "cancellation": {
                "status": "REFUSED", "reasonCode": "CHANGED_MIND", "settledAt": "2026-03-01T08:00:00Z",
                "failureReasonCode": "WORK_ORDER_NOT_CANCELLABLE"
            },
            "workOrders": [{"status": "AT_DOOR"}, {"status": "CREATED"}]
        })
    );
    assert_eq!(app.log().await.last().unwrap(), "ORDER_CANCELLATION_CHANGED REFUSED");
    // It may be asked again later.
    app.move_work_order(&work_orders[0], "FAIL").await;
    let again = json!({"id": id, "reasonCode": "STILL"});
    let payload = app.change("orderCancel", again, selection).await;
    assert_eq!(
        payload["order"]["cancellation"],
        json!({"status": "RETURNING", "reasonCode": "STILL", "settledAt": null, "failureReasonCode": null})
    );
    app.check_invariants().await;
}

#[tokio::test]
async fn an_order_state_that_is_not_cancellable_refuses_every_cancellation() {
    let app = TestApp::start().await;
    let mut orders = input(&app, "ORDER").await;
    orders["states"][2]["cancellable"] = json!(false);
    set(&app, orders).await;
    let (id, _) = app.create(samples::order(1)).await;
    let selection = "order { status cancellation { status failureReasonCode } }";
    let payload = app.change("orderCancel", json!({"id": id}), selection).await;
    assert_eq!(
        payload["order"],
        json!({
            "status": "IN_PROGRESS",
            "cancellation": {"status": "REFUSED", "failureReasonCode": "ORDER_NOT_CANCELLABLE"}
        })
    );
    app.check_invariants().await;
}

#[tokio::test]
async fn a_page_of_many_versions_takes_one_statement_more_at_most() {
    let app = TestApp::start().await;
    for index in 0..5 {
        let mut orders = input(&app, "ORDER").await;
        push(
            &mut orders,
            "transitions",
            transition(&format!("OWN_{index}"), &["IN_PROGRESS"], "IN_PROGRESS"),
        );
        set(&app, orders).await;
        app.create(samples::order(1)).await;
    }
    // A process that knows none of them yet.
    let other = TestApp::beside(&app).await;
    let document =
        "{ orders { nodes { statusExplanation availableTransitions { event } lifecycleVersion } } }";
    for expected in [3, 2] {
        let before = other.app.database.statements();
        let data = other.run(document).await.data();
        assert_eq!(other.app.database.statements() - before, expected);
        let versions: Vec<_> = data["orders"]["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| json!([it["lifecycleVersion"], it["availableTransitions"].as_array().unwrap().len()]))
            .collect();
        assert_eq!(json!(versions), json!([[6, 7], [5, 6], [4, 5], [3, 4], [2, 3]]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_sees_a_new_lifecycle_soon() {
    let one = TestApp::start_with(2).await;
    let other = TestApp::beside(&one).await;
    other.create(samples::order(1)).await;
    set_door(&one).await;
    until("an order under the new lifecycle", async || {
        let (id, _) = other.create(samples::order(1)).await;
        let version = read(&other, &id, "workOrders { lifecycleVersion }").await;
        (version["workOrders"][0]["lifecycleVersion"] == json!(2)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_return_lives_the_lifecycle_of_its_original() {
    let app = TestApp::start().await;
    set_door(&app).await;
    let (id, work_orders) = app.create(samples::order(1)).await;
    set_billing(&app).await;
    for event in ["START", "ARRIVE", "FAIL"] {
        app.move_work_order(&work_orders[0], event).await;
    }
    let order = read(&app, &id, "workOrders { id direction lifecycleVersion }").await;
    let back = &order["workOrders"][1];
    assert_eq!(json!([back["direction"], back["lifecycleVersion"]]), json!(["RETURN", 2]));
    for event in ["START", "ARRIVE", "COMPLETE"] {
        app.move_work_order(back["id"].as_str().unwrap(), event).await;
    }
    let order = read(&app, &id, "status outcome lifecycleVersion").await;
    assert_eq!(order, json!({"status": "EXECUTED", "outcome": "FAILED", "lifecycleVersion": 1}));
    app.check_invariants().await;
}
