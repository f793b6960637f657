//! The order follows its work orders, in the transaction of the change that caused it.

use chrono::Duration;
use serde_json::json;

use crate::harness::{TestApp, samples};

async fn end(app: &TestApp, id: &str, event: &str) {
    if event != "CANCEL" {
        app.move_work_order(id, "START").await;
    }
    app.move_work_order(id, event).await;
}

#[tokio::test]
async fn an_order_is_executed_once_when_its_last_work_order_settles() {
    let app = TestApp::start().await;
    let (id, work_orders) = app.create(samples::order(3)).await;
    let document =
        format!("{{ order(id: \"{id}\") {{ status phase outcome version statusExplanation updatedAt }} }}");
    end(&app, &work_orders[2], "COMPLETE").await;
    end(&app, &work_orders[0], "COMPLETE").await;
    app.move_work_order(&work_orders[1], "START").await;
    let waits = format!("waits for 1 of 3 work orders: {} IN_PROGRESS", work_orders[1]);
    assert_eq!(
        app.run(&document).await.data()["order"],
        json!({
            "status": "IN_PROGRESS", "phase": "ACTIVE", "outcome": null, "version": 3, "statusExplanation": waits,
            "updatedAt": "2026-03-01T08:00:00Z"
        })
    );
    app.advance(Duration::minutes(1));
    let complete = json!({"id": work_orders[1], "event": "COMPLETE"});
    // The answer shows the order as it is after the same transaction.
    let payload =
        app.change("workOrderTransition", complete, "cursor workOrder { order { status version } }").await;
    assert_eq!(payload["workOrder"]["order"], json!({"status": "EXECUTED", "version": 4}));
    assert_eq!(
        app.run(&document).await.data()["order"],
        json!({
            "status": "EXECUTED", "phase": "SETTLED", "outcome": "SUCCEEDED", "version": 4,
            "statusExplanation": "ended SUCCEEDED: 3 of 3 work orders succeeded", "updatedAt": "2026-03-01T08:01:00Z"
        })
    );
    let log = app.log().await;
    assert_eq!(
        log[log.len() - 2..],
        ["WORK_ORDER_STATUS_CHANGED COMPLETED", "ORDER_STATUS_CHANGED EXECUTED"]
    );
    assert_eq!(log.iter().filter(|event| event.ends_with("EXECUTED")).count(), 1);
    app.check_invariants().await;
}

#[tokio::test]
async fn the_outcome_is_that_of_all_forward_work_orders() {
    let app = TestApp::start().await;
    for (ends, outcome) in [
        (["COMPLETE", "COMPLETE"], "SUCCEEDED"),
        (["COMPLETE", "FAIL"], "PARTIALLY_SUCCEEDED"),
        (["CANCEL", "COMPLETE"], "PARTIALLY_SUCCEEDED"),
        (["FAIL", "FAIL"], "FAILED"),
        (["CANCEL", "FAIL"], "FAILED"),
        (["CANCEL", "CANCEL"], "CANCELLED"),
    ] {
        // Services move nothing, so that no return holds the order open.
        let mut input = samples::order(0);
        input["workOrders"] = json!([{"type": "PHYSICAL_SERVICE"}, {"type": "DIGITAL_SERVICE"}]);
        let (id, work_orders) = app.create(input).await;
        end(&app, &work_orders[0], ends[0]).await;
        end(&app, &work_orders[1], ends[1]).await;
        let document = format!("{{ order(id: \"{id}\") {{ status outcome }} }}");
        let expected = json!({"status": "EXECUTED", "outcome": outcome});
        assert_eq!(app.run(&document).await.data()["order"], expected, "{ends:?}");
    }
    app.check_invariants().await;
}

#[tokio::test]
async fn an_order_that_waits_for_its_release_is_not_executed_by_cancelled_work_orders() {
    let app = TestApp::start().await;
    let (id, work_orders) =
        app.create(samples::with(samples::order(1), "readyToProcess", json!(false))).await;
    app.move_work_order(&work_orders[0], "CANCEL").await;
    let document = format!("{{ order(id: \"{id}\") {{ status outcome version }} }}");
    let expected = json!({"status": "CREATED", "outcome": null, "version": 2});
    assert_eq!(app.run(&document).await.data()["order"], expected);
}
