//! `workOrderTransition`: a work order's life, and what is refused.

use chrono::Duration;
use serde_json::{Value, json};

use crate::harness::{TestApp, samples};

const STATE: &str = "status phase outcome attempts version";

/// Fires an event and gives the work order after it.
async fn fire(app: &TestApp, id: &str, event: &str) -> Value {
    let selection = format!("workOrder {{ {STATE} }}");
    app.change("workOrderTransition", json!({"id": id, "event": event}), &selection).await["workOrder"]
        .clone()
}

#[tokio::test]
async fn a_work_order_lives_its_whole_life() {
    let app = TestApp::start().await;
    let (_, work_orders) = app.create(samples::order(1)).await;
    let id = &work_orders[0];
    for (version, (event, status, phase, outcome, attempts)) in (2..).zip([
        ("START", "IN_PROGRESS", "ACTIVE", json!(null), 0),
        ("HOLD", "ON_HOLD", "ACTIVE", json!(null), 0),
        ("RESUME", "IN_PROGRESS", "ACTIVE", json!(null), 0),
        ("ATTEMPT_FAILED", "IN_PROGRESS", "ACTIVE", json!(null), 1),
        ("ATTEMPT_FAILED", "IN_PROGRESS", "ACTIVE", json!(null), 2),
        ("COMPLETE", "COMPLETED", "SETTLED", json!("SUCCEEDED"), 2),
    ]) {
        let expected = json!({
            "status": status, "phase": phase, "outcome": outcome, "attempts": attempts, "version": version
        });
        assert_eq!(fire(&app, id, event).await, expected, "{event}");
    }
    let document = format!(
        "{{ workOrder(id: \"{id}\") {{ events {{ nodes {{ type fromStatus toStatus transition entityVersion }} }} }} }}"
    );
    let data = app.run(&document).await.data();
    let events = data["workOrder"]["events"]["nodes"].as_array().unwrap();
    let told: Vec<_> = events
        .iter()
        .map(|it| json!([it["transition"], it["fromStatus"], it["toStatus"], it["entityVersion"]]))
        .collect();
    assert_eq!(
        json!(told),
        json!([
            [null, null, "CREATED", 1],
            ["START", "CREATED", "IN_PROGRESS", 2],
            ["HOLD", "IN_PROGRESS", "ON_HOLD", 3],
            ["RESUME", "ON_HOLD", "IN_PROGRESS", 4],
            ["ATTEMPT_FAILED", "IN_PROGRESS", "IN_PROGRESS", 5],
            ["ATTEMPT_FAILED", "IN_PROGRESS", "IN_PROGRESS", 6],
            ["COMPLETE", "IN_PROGRESS", "COMPLETED", 7],
        ])
    );
    assert!(events[1..].iter().all(|event| event["type"] == json!("WORK_ORDER_STATUS_CHANGED")));
    app.check_invariants().await;
}

#[tokio::test]
async fn what_leads_nowhere_is_not_allowed() {
    let app = TestApp::start().await;
    let (_, work_orders) = app.create(samples::order(4)).await;
    fire(&app, &work_orders[1], "START").await;
    fire(&app, &work_orders[2], "START").await;
    fire(&app, &work_orders[2], "HOLD").await;
    fire(&app, &work_orders[3], "CANCEL").await;
    for (index, event, status, allowed) in [
        (0, "COMPLETE", "CREATED", "START, CANCEL"),
        (0, "ATTEMPT_FAILED", "CREATED", "START, CANCEL"),
        (1, "START", "IN_PROGRESS", "HOLD, ATTEMPT_FAILED, COMPLETE, FAIL, CANCEL"),
        (1, "RESUME", "IN_PROGRESS", "HOLD, ATTEMPT_FAILED, COMPLETE, FAIL, CANCEL"),
        (2, "COMPLETE", "ON_HOLD", "RESUME, FAIL, CANCEL"),
        (2, "HOLD", "ON_HOLD", "RESUME, FAIL, CANCEL"),
        (3, "START", "CANCELLED", "nothing"),
        (3, "CANCEL", "CANCELLED", "nothing"),
        (1, "TELEPORT", "IN_PROGRESS", "HOLD, ATTEMPT_FAILED, COMPLETE, FAIL, CANCEL"),
    ] {
        let errors =
            app.refuse("workOrderTransition", json!({"id": work_orders[index], "event": event})).await;
        let message = format!("{event} cannot happen in the state {status}; allowed there: {allowed}");
        assert_eq!(
            json!(errors),
            json!([{
                "__typename": "TransitionBlocked", "code": "TRANSITION_NOT_ALLOWED", "path": ["event"],
                "currentStatus": status, "blockedBy": [], "message": message
            }])
        );
    }
}

#[tokio::test]
async fn bad_input_is_refused_with_code_and_path() {
    let app = TestApp::start().await;
    let (order, work_orders) = app.create(samples::order(1)).await;
    for (field, value, expected) in [
        ("id", json!(order), "INVALID id"),
        ("id", json!("wo_!"), "INVALID id"),
        ("id", json!("wo_00000000000000000000000000"), "NOT_FOUND id"),
        ("event", json!("  "), "REQUIRED event"),
        ("event", json!("x".repeat(1 << 20)), "INVALID event"),
        ("reasonCode", json!("r".repeat(256)), "INVALID reasonCode"),
        ("note", json!("n".repeat(2_001)), "INVALID note"),
        ("note", json!("a\u{0}"), "INVALID note"),
        ("occurredAt", json!("2026-03-01T08:05:01Z"), "INVALID occurredAt"),
        ("idempotencyKey", json!("k".repeat(256)), "INVALID idempotencyKey"),
    ] {
        let input = samples::with(json!({"id": work_orders[0], "event": "START"}), field, value);
        assert_eq!(app.refusals("workOrderTransition", input).await, [expected], "{field}");
    }
}

#[tokio::test]
async fn another_version_than_expected_is_a_conflict() {
    let app = TestApp::start().await;
    let (_, work_orders) = app.create(samples::order(2)).await;
    // The version that counts is the work order's own.
    let start = json!({"id": work_orders[0], "event": "START", "expectedVersion": 1});
    app.change("workOrderTransition", start.clone(), "cursor").await;
    let errors = app.refuse("workOrderTransition", start).await;
    assert_eq!(errors[0]["__typename"], json!("VersionConflict"));
    assert_eq!((&errors[0]["code"], &errors[0]["currentVersion"]), (&json!("CONFLICT"), &json!(2)));
}

#[tokio::test]
async fn the_history_says_why_and_when_it_happened_out_there() {
    let app = TestApp::start().await;
    let (_, work_orders) = app.create(samples::order(1)).await;
    app.advance(Duration::minutes(10));
    for (event, occurred_at, expected) in [
        ("START", json!("2019-12-31T23:59:59.5-02:00"), "2020-01-01T01:59:59.500Z"),
        ("ATTEMPT_FAILED", json!("2026-03-01T08:15:00Z"), "2026-03-01T08:15:00Z"),
        ("ATTEMPT_FAILED", json!(null), "2026-03-01T08:10:00Z"),
        ("COMPLETE", json!("2026-03-01T08:01:00Z"), "2026-03-01T08:01:00Z"),
    ] {
        let input = json!({
            "id": work_orders[0], "event": event, "occurredAt": occurred_at, "reasonCode": "RC-1", "note": "bei Nachbar 🏠"
        });
        let payload = app.change("workOrderTransition", input, "cursor").await;
        let document = "{ orderEvents(last: 2) { nodes {
            cursor type transition reasonCode note occurredAt recordedAt actor } } }";
        let data = app.run(document).await.data();
        let [before, last] = [&data["orderEvents"]["nodes"][0], &data["orderEvents"]["nodes"][1]];
        let told = if event == "COMPLETE" { before } else { last };
        let expected = json!({
            "cursor": told["cursor"], "type": "WORK_ORDER_STATUS_CHANGED", "transition": event, "reasonCode": "RC-1",
            "note": "bei Nachbar 🏠", "occurredAt": expected, "recordedAt": "2026-03-01T08:10:00Z", "actor": "local"
        });
        assert_eq!(told, &expected);
        assert_eq!(payload["cursor"], last["cursor"]);
        if event == "COMPLETE" {
            // The order followed when its work order did, and has no reason of its own.
            let shown = [&last["transition"], &last["reasonCode"], &last["note"], &last["occurredAt"]];
            assert_eq!(json!(shown), json!(["EXECUTE", null, null, "2026-03-01T08:01:00Z"]));
        }
    }
}

#[tokio::test]
async fn available_transitions_say_what_can_be_fired_now() {
    let app = TestApp::start().await;
    let (_, work_orders) = app.create(samples::with(samples::order(1), "readyToProcess", json!(false))).await;
    let document = format!(
        "{{ workOrder(id: \"{}\") {{ availableTransitions {{ event code to allowed blockedBy }} blockedBy {{ id }} }} }}",
        work_orders[0]
    );
    let start = json!({
        "event": "START", "code": null, "to": "IN_PROGRESS", "allowed": false,
        "blockedBy": ["the order is CREATED and not active"]
    });
    let cancel =
        json!({"event": "CANCEL", "code": null, "to": "CANCELLED", "allowed": true, "blockedBy": []});
    assert_eq!(
        app.run(&document).await.data()["workOrder"],
        json!({"availableTransitions": [start, cancel], "blockedBy": []})
    );
}
