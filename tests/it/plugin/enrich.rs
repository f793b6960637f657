//! Plugins that change orders.

use serde_json::{Value, json};

use super::{gate, gate::events, order_of, plugin, run_statuses, runs, workflow};
use crate::harness::{PluginServer, TestApp, samples::order};

fn enrich(patch: &Value) -> String {
    json!({"verdict": "ENRICH", "patch": patch, "reasons": [{"code": "FOUND", "message": "in the register"}]})
        .to_string()
}

#[tokio::test]
async fn a_patch_is_carried_out_as_the_plugin_and_the_order_goes_on() {
    let app = TestApp::start().await;
    app.define("ORDER", &[("tier", "STRING"), ("weight", "NUMBER")]).await;
    app.define("WORK_ORDER", &[("zone", "STRING")]).await;
    let server = PluginServer::start().await;
    gate(&app, "register", &server).await;
    let (id, work_orders) = app.create(order(2)).await;
    let patch = json!({
        "clientName": "Acme", "destination": {"address": {"line2": "2nd floor"}},
        "consignee": {"email": "ada@example.com"}, "customAttributes": {"tier": "gold"},
        "workOrders": {work_orders[1].clone(): {"description": "heavy", "customAttributes": {"zone": "N"}}},
    });
    server.answer(200, enrich(&patch));
    assert_eq!(app.settle().await, 1);
    let selection = "status version updatedBy clientName consignee { name email } customAttributes
        destination { address { line1 line2 } } workOrders { description customAttributes version }";
    let enriched = order_of(&app, &id, selection).await;
    assert_eq!(
        enriched,
        json!({
            "status": "IN_PROGRESS", "version": 4, "updatedBy": "plugin:register", "clientName": "Acme",
            "consignee": {"name": order(1)["consignee"]["name"], "email": "ada@example.com"},
            "customAttributes": {"tier": "gold"},
            "destination": {"address": {"line1": "12 MG Road", "line2": "2nd floor"}},
            "workOrders": [
                {"description": order(2)["workOrders"][0]["description"], "customAttributes": {}, "version": 1},
                {"description": "heavy", "customAttributes": {"zone": "N"}, "version": 2},
            ],
        })
    );
    assert_eq!(
        events(&app, 3).await,
        [
            "ORDER_UPDATED plugin:register 2",
            "WORK_ORDER_UPDATED plugin:register 2",
            "PLUGIN_RUN_FINISHED PASSED plugin:register 2",
            "ORDER_STATUS_CHANGED VALIDATE CREATED plugin:register 3",
            "ORDER_STATUS_CHANGED START IN_PROGRESS plugin:register 4",
        ]
    );
    let document = "{ pluginRuns { nodes { steps { verdict patch reasons { code } } } } }";
    let step = app.run(document).await.data()["pluginRuns"]["nodes"][0]["steps"][0].clone();
    let mut shown = patch;
    shown["consignee"] = json!("***");
    assert_eq!(step, json!({"verdict": "ENRICH", "patch": shown, "reasons": [{"code": "FOUND"}]}));
    app.check_invariants().await;
}

#[tokio::test]
async fn a_patch_that_cannot_be_carried_out_fails_the_step_and_names_the_path() {
    let app = TestApp::start().await;
    app.define("ORDER", &[("weight", "NUMBER")]).await;
    let server = PluginServer::start().await;
    let (plugin_id, _) = plugin(&app, "register", json!({"url": server.url})).await;
    workflow(&app, "register", &plugin_id, "HOLD").await;
    let unknown = "wo_01h00000000000000000000000";
    for (patch, paths) in [
        (json!({"status": "CLOSED"}), vec!["patch.status"]),
        (json!({"clientId": "other", "clientName": "x".repeat(256)}), vec!["patch.clientId"]),
        (json!({"clientName": "x".repeat(256)}), vec!["patch.clientName"]),
        (json!({"customAttributes": {"weight": "heavy"}}), vec!["patch.customAttributes.weight"]),
        (json!({"customAttributes": {"colour": "red"}}), vec!["patch.customAttributes.colour"]),
        (
            json!({"destination": {"address": {"country": "XX"}}, "workOrders": {unknown: {}}}),
            vec!["patch.destination.address.country", "patch.workOrders.wo_01h00000000000000000000000"],
        ),
        (json!({"workOrders": []}), vec!["patch.workOrders"]),
    ] {
        let (id, _) = app.create(order(1)).await;
        let before = order_of(&app, &id, "version clientName customAttributes").await;
        server.answer(200, enrich(&patch));
        assert_eq!(app.settle().await, 1);
        assert_eq!(order_of(&app, &id, "version clientName customAttributes").await, before, "{patch}");
        let run = runs(&app).await.pop().unwrap();
        assert_eq!(run["status"], json!("HELD"));
        let step = &run["steps"][0];
        let error = step["attempts"][0]["error"].as_str().unwrap();
        assert_eq!((&step["verdict"], &step["reasons"][0]["message"]), (&json!(null), &json!(error)));
        for path in paths {
            assert!(error.contains(&format!("{path}: ")), "{error}");
        }
    }
}

#[tokio::test]
async fn a_patch_is_rebased_on_changes_of_other_fields_and_asked_anew_where_they_meet() {
    for (change, calls, expected) in [
        (
            json!({"batchId": "b-7"}),
            1,
            json!({"clientName": "Acme", "batchId": "b-7", "customAttributes": {"a": "1"}}),
        ),
        (
            json!({"customAttributes": {"b": "2"}}),
            1,
            json!({"clientName": "Acme", "batchId": null, "customAttributes": {"a": "1", "b": "2"}}),
        ),
        (
            json!({"clientName": "Bolt"}),
            2,
            json!({"clientName": "Bolt", "batchId": null, "customAttributes": {}}),
        ),
        (
            json!({"customAttributes": {"a": "9"}}),
            2,
            json!({"clientName": null, "batchId": null, "customAttributes": {"a": "9"}}),
        ),
    ] {
        let app = TestApp::start().await;
        app.define("ORDER", &[("a", "STRING"), ("b", "STRING")]).await;
        let server = PluginServer::start().await;
        gate(&app, "register", &server).await;
        let (id, _) = app.create(order(1)).await;
        // It puts its answer off, and meanwhile somebody changes the order.
        server.answer(202, "").answer(200, r#"{"verdict": "PASS"}"#);
        app.settle().await;
        let mut input = change.clone();
        input["id"] = json!(id);
        app.change("orderUpdate", input, "order { id }").await;
        let told = server.calls()[0].body["run"].clone();
        let patch = json!({"clientName": "Acme", "customAttributes": {"a": "1"}});
        let (status, _) =
            super::defer::call_back(&app, &told, told["callbackToken"].as_str(), &enrich(&patch)).await;
        assert_eq!(status, 204, "{change}");
        app.settle().await;
        assert_eq!(server.calls().len(), calls, "{change}");
        let order = order_of(&app, &id, "clientName batchId customAttributes").await;
        assert_eq!(order, expected, "{change}");
        assert_eq!(run_statuses(&app).await, ["register PASSED"]);
        if calls == 2 {
            let error = runs(&app).await[0]["steps"][0]["attempts"][0]["error"].clone();
            assert!(error.as_str().unwrap().ends_with("was changed after the plugin was asked"), "{error}");
        }
        app.check_invariants().await;
    }
}

#[tokio::test]
async fn after_intake_a_plugin_may_set_what_a_caller_may_set_then() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (plugin_id, _) = plugin(&app, "late", json!({"url": server.url})).await;
    let step = json!({"name": "check", "pluginId": plugin_id});
    let input = json!({"name": "late", "trigger": "ORDER_STATUS_CHANGED", "start": "check", "steps": [step]});
    app.change("pluginWorkflowCreate", input, "pluginWorkflow { id }").await;
    let (id, _) = app.create(order(1)).await;
    server
        .answer(200, enrich(&json!({"destination": {"facilityId": "hub-1"}})))
        .answer(200, enrich(&json!({"clientName": "Acme"})));
    assert_eq!(app.settle().await, 2);
    assert_eq!(run_statuses(&app).await, ["late FAILED", "late PASSED"]);
    let error = runs(&app).await[0]["steps"][0]["attempts"][0]["error"].clone();
    assert!(error.as_str().unwrap().starts_with("patch.destination: "), "{error}");
    let order = order_of(&app, &id, "clientName destination { facilityId }").await;
    assert_eq!(order, json!({"clientName": "Acme", "destination": {"facilityId": null}}));
}

#[tokio::test]
async fn plugins_that_set_off_one_another_are_stopped() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    for name in ["ping", "pong"] {
        let (plugin_id, _) = plugin(&app, name, json!({"url": server.url})).await;
        let step = json!({"name": "check", "pluginId": plugin_id});
        let input = json!({"name": name, "trigger": "ORDER_UPDATED", "start": "check", "steps": [step]});
        app.change("pluginWorkflowCreate", input, "pluginWorkflow { id }").await;
    }
    let (id, _) = app.create(order(1)).await;
    app.change("orderUpdate", json!({"id": id, "batchId": "0"}), "order { id }").await;
    // Each answer changes something; the first pair of runs is set off by the caller, and each run sets off the other
    // workflow.
    for count in 0..16 {
        server.answer(200, enrich(&json!({"batchId": count.to_string() + "x"})));
    }
    app.settle().await;
    let stored = app.check_invariants().await;
    assert_eq!(server.calls().len(), 16);
    let stopped: Vec<_> = stored.runs.iter().filter(|run| run.depth == 9).collect();
    assert_eq!(stopped.len(), 2);
    assert!(stopped.iter().all(|run| run.status.as_str() == "FAILED" && run.finished_at.is_some()));
    assert!(stored.runs.iter().all(|run| run.depth <= 9 && run.finished_at.is_some()));
    let guarded = stored.events.iter().filter(|event| event.reason_code.as_deref() == Some("LOOP_GUARD"));
    assert_eq!(guarded.count(), 2);
    // Which may not be retried.
    let payload =
        app.mutate("pluginRunRetry", json!({"id": stopped[0].id.to_string()}), "userErrors { code }").await;
    assert_eq!(payload["userErrors"], json!([{"code": "CONFLICT"}]));
}
