//! Workflows that gate intake: the order waits for all of them, and one rejection ends it.

use serde_json::json;

use super::{NO, gate, order_of, pass, plugin, reject, run_statuses, settle_late, workflow};
use crate::harness::{
    PluginServer, TestApp,
    samples::{order, with},
};

const STATE: &str = "status phase outcome statusExplanation version workOrders { status outcome version }";

/// Type, state, reason, note, actor and version of the events after the first `skip`.
async fn events(app: &TestApp, skip: usize) -> Vec<String> {
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
    assert_eq!(
        order_of(&app, &id, "status version statusExplanation").await["status"],
        json!("IN_PROGRESS")
    );
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
        ]}),
    );
    let (id, _) = app.create(order(2)).await;
    assert_eq!(app.settle().await, 1);
    let cancelled = json!({"status": "CANCELLED", "outcome": "CANCELLED", "version": 2});
    assert_eq!(
        order_of(&app, &id, STATE).await,
        json!({
            "status": "CLOSED", "phase": "SETTLED", "outcome": "REJECTED", "version": 2,
            "statusExplanation": "ended REJECTED: it was not taken on",
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
    assert!(rest.iter().all(|event| event.starts_with("WORK_ORDER_STATUS_CHANGED CANCEL CANCELLED")), "{rest:?}");
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
async fn one_rejection_drops_the_other_run_and_its_late_answer_changes_nothing() {
    for late in [pass(), reject("TOO_LATE")] {
        let app = TestApp::start().await;
        let server = PluginServer::start().await;
        let (first, _) = gate(&app, "first", &server).await;
        let (second, _) = gate(&app, "second", &server).await;
        let (id, _) = app.create(order(1)).await;
        let lease = super::claim_and_die(&app).await;
        let runs = app.stored().await.runs;
        settle_late(&app, &runs[0], lease, &first, reject("NO")).await;
        assert_eq!(order_of(&app, &id, "status outcome").await, json!({"status": "CLOSED", "outcome": "REJECTED"}));
        assert_eq!(run_statuses(&app).await, ["first REJECTED", "second FAILED"]);
        assert_eq!(
            events(&app, 2).await,
            [
                "PLUGIN_RUN_FINISHED REJECTED NO no plugin:late 1",
                "ORDER_STATUS_CHANGED REJECT CLOSED NO no plugin:late 2",
                "WORK_ORDER_STATUS_CHANGED CANCEL CANCELLED NO no plugin:late 2",
                "PLUGIN_RUN_FINISHED FAILED ORDER_SETTLED plugin:late 2",
            ]
        );
        let before = app.check_invariants().await;
        settle_late(&app, &runs[1], lease, &second, late).await;
        assert_eq!(app.stored().await, before);
        app.advance(chrono::Duration::hours(1));
        assert_eq!((app.settle().await, server.calls().len()), (0, 0));
    }
}

#[tokio::test]
async fn a_run_that_was_dropped_while_it_waited_asks_nobody() {
    let app = TestApp::start().await;
    let (no, yes) = (PluginServer::start().await, PluginServer::start().await);
    gate(&app, "refuses", &no).await;
    gate(&app, "never asked", &yes).await;
    no.answer(422, NO);
    app.create(order(1)).await;
    app.settle().await;
    assert_eq!(run_statuses(&app).await, ["refuses REJECTED", "never asked FAILED"]);
    assert_eq!((no.calls().len(), yes.calls().len()), (1, 0));
}

#[tokio::test]
async fn a_callers_rejection_or_cancellation_drops_the_open_runs() {
    for (event, outcome) in [("REJECT", "REJECTED"), ("CANCEL", "CANCELLED")] {
        let app = TestApp::start().await;
        let server = PluginServer::start().await;
        let (plugin_id, _) = gate(&app, "checker", &server).await;
        let (id, _) = app.create(order(1)).await;
        let lease = super::claim_and_die(&app).await;
        let run = app.stored().await.runs.remove(0);
        let input = json!({"id": id, "event": event, "reasonCode": "MISTAKE", "note": "wrong client"});
        app.change("orderTransition", input, "order { status }").await;
        let found = order_of(&app, &id, "status outcome").await;
        assert_eq!(found, json!({"status": "CLOSED", "outcome": outcome}), "{event}");
        assert_eq!(run_statuses(&app).await, ["checker FAILED"]);
        let log = app.log().await;
        assert_eq!(log.last().map(String::as_str), Some("PLUGIN_RUN_FINISHED FAILED"), "{log:?}");
        assert!(log.contains(&"ORDER_STATUS_CHANGED CLOSED".to_owned()), "{log:?}");
        let before = app.check_invariants().await;
        settle_late(&app, &run, lease, &plugin_id, pass()).await;
        assert_eq!(app.stored().await, before, "{event}");
        app.advance(chrono::Duration::hours(1));
        assert_eq!((app.settle().await, server.calls().len()), (0, 0));
    }
}

#[tokio::test]
async fn no_run_exists_for_a_refused_mutation() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    gate(&app, "checker", &server).await;
    let keyed = with(order(1), "idempotencyKey", json!("once"));
    app.create(keyed.clone()).await;
    app.refusals("orderCreate", with(order(1), "workOrders", json!([]))).await;
    app.refusals("orderCreate", with(keyed.clone(), "clientId", json!("other"))).await;
    let bulk = json!({"orders": [order(1), with(order(1), "workOrders", json!([]))], "onError": "REJECT_ALL"});
    let payload = app.mutate("ordersCreate", bulk, "created failed results { userErrors { code } }").await;
    assert_eq!((&payload["created"], &payload["failed"]), (&json!(0), &json!(2)));
    assert_eq!(run_statuses(&app).await, ["checker QUEUED"]);
    // A replay stores none either, and each order of a bulk that goes through has its own.
    let payload = app.change("orderCreate", keyed, "idempotentReplay").await;
    assert_eq!(payload["idempotentReplay"], json!(true));
    assert_eq!(run_statuses(&app).await.len(), 1);
    app.mutate("ordersCreate", json!({"orders": [order(1), order(2)]}), "created").await;
    assert_eq!(run_statuses(&app).await.len(), 3);
    assert_eq!((app.settle().await, server.calls().len()), (3, 3));
    assert_eq!(app.check_invariants().await.counts()[0], 3);
}

#[tokio::test]
async fn a_disabled_plugin_is_not_asked_and_the_policy_decides() {
    for (policy, status, run) in [("REJECT", "CLOSED", "off FAILED"), ("CONTINUE", "IN_PROGRESS", "off PASSED")] {
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

#[tokio::test]
async fn runs_are_listed_by_order_workflow_and_status() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (plugin_id, _) = plugin(&app, "checker", json!({"url": server.url})).await;
    let first = workflow(&app, "first", &plugin_id, "REJECT").await;
    workflow(&app, "second", &plugin_id, "REJECT").await;
    let (early, _) = app.create(order(1)).await;
    app.settle().await;
    let (late, _) = app.create(order(1)).await;
    let list = async |filter: &str| {
        let document = format!(
            "{{ pluginRuns(where: {filter}) {{ nodes {{ workflow {{ name }} order {{ id }} status }} count {{ value }} }} }}"
        );
        let runs = app.run(&document).await.data()["pluginRuns"].clone();
        let nodes = runs["nodes"].as_array().unwrap();
        assert_eq!(runs["count"]["value"], json!(nodes.len()));
        let line = |run: &serde_json::Value| {
            let order = if run["order"]["id"] == json!(early) { "early" } else { "late" };
            format!("{order} {} {}", run["workflow"]["name"].as_str().unwrap(), run["status"].as_str().unwrap())
        };
        nodes.iter().map(line).collect::<Vec<_>>()
    };
    // Newest first.
    assert_eq!(
        list("{}").await,
        ["late second QUEUED", "late first QUEUED", "early second PASSED", "early first PASSED"]
    );
    assert_eq!(list("{status: [QUEUED]}").await, ["late second QUEUED", "late first QUEUED"]);
    assert_eq!(list("{status: []}").await, Vec::<String>::new());
    let of_first = list(&format!("{{workflowId: {first:?}}}")).await;
    assert_eq!(of_first, ["late first QUEUED", "early first PASSED"]);
    let of_both = list(&format!("{{workflowId: {first:?}, orderId: {late:?}}}")).await;
    assert_eq!(of_both, ["late first QUEUED"]);
    let own = order_of(&app, &early, "pluginRuns { nodes { status } }").await;
    assert_eq!(own["pluginRuns"]["nodes"], json!([{"status": "PASSED"}, {"status": "PASSED"}]));
}
