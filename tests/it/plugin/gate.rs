//! Workflows that gate intake: the order waits for all of them, and one rejection ends it.

use serde_json::json;

use super::{NO, gate, order_of, pass, run_statuses, settle_late, workflow};
use crate::harness::{
    PluginServer, TestApp,
    samples::{order, with},
};

const STATE: &str = "status phase outcome statusExplanation version workOrders { status outcome version }";

/// Type, state, reason, note, actor and version of the events after the first `skip`.
pub(super) async fn events(app: &TestApp, skip: usize) -> Vec<String> {
    let document = "{ orderEvents(first: 100) { nodes {
        type transition toStatus reasonCode note actor entityVersion workOrderId
    } } }";
    let events = app.run(document).await.data()["orderEvents"]["nodes"].as_array().unwrap().clone();
    let line = |event: &serde_json::Value| {
        let fields = ["type", "transition", "toStatus", "reasonCode", "note", "actor"];
        let fields = fields.iter().filter_map(|field| event[*field].as_str()).collect::<Vec<_>>();
        format!("{} {}", fields.join(" "), event["entityVersion"])
    };
    events.iter().skip(skip).map(line).collect()
}

#[tokio::test]
async fn an_order_waits_for_its_plugin_and_a_pass_lets_it_in() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    gate(&app, "checker", &server).await;
    let (id, work_orders) = app.create(order(2)).await;
    let waiting = json!({"status": "CREATED", "outcome": null, "version": 1});
    assert_eq!(
        order_of(&app, &id, STATE).await,
        json!({
            "status": "INITIATED", "phase": "PENDING", "outcome": null, "version": 1,
            "statusExplanation": "waits for 1 plugin run that gates intake",
            "workOrders": [waiting, waiting],
        })
    );
    assert_eq!(run_statuses(&app).await, ["checker QUEUED"]);
    for (mutation, id, event) in [
        ("workOrderTransition", &work_orders[0], "START"),
        ("orderTransition", &id, "VALIDATE"),
        ("orderTransition", &id, "CLOSE"),
    ] {
        let problems = app.refusals(mutation, json!({"id": id, "event": event})).await;
        let code = if event == "CLOSE" { "TRANSITION_NOT_ALLOWED event" } else { "BLOCKED event" };
        assert_eq!(problems, [code], "{event}");
    }
    assert!(server.calls().is_empty());

    assert_eq!(app.settle().await, 1);
    assert_eq!(order_of(&app, &id, "status version statusExplanation").await["status"], json!("IN_PROGRESS"));
    assert_eq!(run_statuses(&app).await, ["checker PASSED"]);
    assert_eq!(
        events(&app, 0).await,
        [
            "ORDER_CREATED INITIATED local 1",
            "WORK_ORDER_CREATED CREATED local 1",
            "WORK_ORDER_CREATED CREATED local 1",
            "PLUGIN_RUN_FINISHED PASSED plugin:checker 1",
            "ORDER_STATUS_CHANGED VALIDATE CREATED plugin:checker 2",
            "ORDER_STATUS_CHANGED START IN_PROGRESS plugin:checker 3",
        ]
    );
    app.check_invariants().await;
    assert_eq!((app.settle().await, server.calls().len()), (0, 1));
    app.move_work_order(&work_orders[0], "START").await;
}

#[tokio::test]
async fn an_order_that_passed_still_waits_for_its_release() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    gate(&app, "checker", &server).await;
    let (id, _) = app.create(with(order(1), "readyToProcess", json!(false))).await;
    assert_eq!(app.settle().await, 1);
    assert_eq!(
        order_of(&app, &id, "status statusExplanation").await,
        json!({"status": "CREATED", "statusExplanation": "waits for its release: readyToProcess is false"})
    );
}

#[tokio::test]
async fn a_rejection_closes_the_order_with_the_first_reason() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    gate(&app, "checker", &server).await;
    server.answer(
        200,
        json!({"verdict": "REJECT", "reasons": [
            {"code": "NO_SERVICE", "message": "nobody goes there", "path": "destination.address.postalCode"},
            {"code": "SECOND", "message": "and it is raining"},
        ]})
        .to_string(),
    );
    let (id, _) = app.create(order(2)).await;
    assert_eq!(app.settle().await, 1);
    let cancelled = json!({"status": "CANCELLED", "outcome": "CANCELLED", "version": 2});
    assert_eq!(
        order_of(&app, &id, STATE).await,
        json!({
            "status": "CLOSED", "phase": "SETTLED", "outcome": "REJECTED", "version": 2,
            "statusExplanation": "ended REJECTED: nobody goes there (NO_SERVICE)",
            "workOrders": [cancelled, cancelled],
        })
    );
    assert_eq!(
        events(&app, 3).await[..2],
        [
            "PLUGIN_RUN_FINISHED REJECTED NO_SERVICE nobody goes there plugin:checker 1",
            "ORDER_STATUS_CHANGED REJECT CLOSED NO_SERVICE nobody goes there plugin:checker 2",
        ]
    );
    let rest = &events(&app, 5).await;
    assert_eq!(rest.len(), 2);
    assert!(
        rest.iter().all(|event| event.starts_with("WORK_ORDER_STATUS_CHANGED CANCEL CANCELLED")),
        "{rest:?}"
    );
    let run = &super::runs(&app).await[0];
    assert_eq!(run["status"], json!("REJECTED"));
    assert_eq!(run["steps"][0]["verdict"], json!("REJECT"));
    assert_eq!(
        run["steps"][0]["reasons"],
        json!([
            {"code": "NO_SERVICE", "message": "nobody goes there", "path": "destination.address.postalCode"},
            {"code": "SECOND", "message": "and it is raining", "path": null},
        ])
    );
    app.check_invariants().await;
}

#[tokio::test]
async fn answers_by_status_alone_count_as_well() {
    for (status, body, order_status, reason) in [
        (409, "", "CLOSED", json!("REJECTED")),
        (422, NO, "CLOSED", json!("NO_SERVICE")),
        (200, "", "IN_PROGRESS", json!(null)),
        (204, "", "IN_PROGRESS", json!(null)),
        (201, "thank you", "IN_PROGRESS", json!(null)),
        (200, "{\"verdict\": null}", "IN_PROGRESS", json!(null)),
    ] {
        let app = TestApp::start().await;
        let server = PluginServer::start().await;
        gate(&app, "checker", &server).await;
        server.answer(status, body);
        let (id, _) = app.create(order(1)).await;
        assert_eq!(app.settle().await, 1);
        let found = order_of(&app, &id, "status").await;
        assert_eq!(found, json!({"status": order_status}), "{status} {body}");
        let document = "{ orderEvents(where: {types: [PLUGIN_RUN_FINISHED]}) { nodes { reasonCode } } }";
        let finished = app.run(document).await.data();
        assert_eq!(finished["orderEvents"]["nodes"], json!([{"reasonCode": reason}]), "{status} {body}");
    }
}

#[tokio::test]
async fn two_workflows_must_both_pass() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (first, _) = gate(&app, "first", &server).await;
    let (second, _) = gate(&app, "second", &server).await;
    let (id, _) = app.create(order(1)).await;
    let explanation = async || order_of(&app, &id, "statusExplanation").await["statusExplanation"].clone();
    assert_eq!(explanation().await, json!("waits for 2 plugin runs that gate intake"));
    let lease = super::claim_and_die(&app).await;
    let runs = app.stored().await.runs;
    settle_late(&app, &runs[1], lease, &second, pass()).await;
    assert_eq!(explanation().await, json!("waits for 1 plugin run that gates intake"));
    assert_eq!(order_of(&app, &id, "status version").await, json!({"status": "INITIATED", "version": 1}));
    settle_late(&app, &runs[0], lease, &first, pass()).await;
    assert_eq!(order_of(&app, &id, "status").await, json!({"status": "IN_PROGRESS"}));
    assert_eq!(
        app.log().await[2..],
        [
            "PLUGIN_RUN_FINISHED PASSED",
            "PLUGIN_RUN_FINISHED PASSED",
            "ORDER_STATUS_CHANGED CREATED",
            "ORDER_STATUS_CHANGED IN_PROGRESS",
        ]
    );
    app.check_invariants().await;
}

#[tokio::test]
async fn a_disabled_plugin_is_not_asked_and_the_policy_decides() {
    for (policy, status, run) in
        [("REJECT", "CLOSED", "off FAILED"), ("CONTINUE", "IN_PROGRESS", "off PASSED")]
    {
        let app = TestApp::start().await;
        let server = PluginServer::start().await;
        let input = json!({"name": "off", "http": {"url": server.url}, "enabled": false});
        let payload = app.change("pluginCreate", input, "plugin { id }").await;
        workflow(&app, "off", payload["plugin"]["id"].as_str().unwrap(), policy).await;
        let (id, _) = app.create(order(1)).await;
        assert_eq!(app.settle().await, 1);
        assert_eq!(order_of(&app, &id, "status").await, json!({"status": status}));
        assert_eq!(run_statuses(&app).await, [run]);
        assert!(server.calls().is_empty());
        let attempts = super::runs(&app).await[0]["steps"][0]["attempts"].clone();
        assert_eq!(attempts[0]["error"], json!("the plugin is disabled"));
    }
}
