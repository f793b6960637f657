//! `lifecycle` and `lifecycleUpdate`.

use chrono::Duration;
use futures_util::future::join_all;
use serde_json::{Value, json};
use waybill::{access::Caller, store::Tenant};

use super::{FIELDS, input, push, set, show, state, transition};
use crate::harness::{TestApp, samples};

/// A refused update, which must change nothing.
async fn refuse(app: &TestApp, input: Value) -> Vec<Value> {
    let before = [show(app, "ORDER").await, show(app, "WORK_ORDER").await];
    let selection = "lifecycle { version } userErrors { __typename code message path
        ... on VersionConflict { currentVersion } }";
    let payload = app.mutate("lifecycleUpdate", input, selection).await;
    assert_eq!(payload["lifecycle"], Value::Null, "{payload:#}");
    assert_eq!([show(app, "ORDER").await, show(app, "WORK_ORDER").await], before);
    payload["userErrors"].as_array().unwrap().clone()
}

#[tokio::test]
async fn version_1_is_built_in() {
    let app = TestApp::start().await;
    let orders = show(&app, "ORDER").await;
    assert_eq!(
        json!([
            orders["version"],
            orders["initial"],
            orders["createdAt"],
            orders["createdBy"],
            orders["rollUp"]
        ]),
        json!([1, "INITIATED", null, null,
            [{"quantifier": "ALL", "phase": "SETTLED", "outcome": null, "event": "EXECUTE"}]])
    );
    assert_eq!(
        orders["transitions"][3],
        json!({
            "event": "CANCEL", "code": "E-604", "from": ["INITIATED", "CREATED", "IN_PROGRESS"], "to": "CLOSED",
            "outcome": "CANCELLED"
        })
    );
    let work_orders = show(&app, "WORK_ORDER").await;
    assert_eq!(
        json!([work_orders["owner"], work_orders["states"][3], work_orders["rollUp"]]),
        json!(["WORK_ORDER",
            {"name": "COMPLETED", "phase": "SETTLED", "outcome": "SUCCEEDED", "cancellable": false}, []])
    );
}

#[tokio::test]
async fn a_lifecycle_comes_into_force_as_a_new_version() {
    let app = TestApp::start().await;
    app.advance(Duration::hours(1));
    let mut wanted = input(&app, "WORK_ORDER").await;
    push(&mut wanted, "states", state("AT_DOOR", "ACTIVE"));
    push(
        &mut wanted,
        "transitions",
        json!({"event": "ARRIVE", "code": "W-9", "from": ["IN_PROGRESS"], "to": "AT_DOOR"}),
    );
    push(&mut wanted, "transitions", transition("COMPLETE", &["AT_DOOR"], "COMPLETED"));
    wanted["expectedVersion"] = json!(1);
    let payload = app.change("lifecycleUpdate", wanted.clone(), &format!("lifecycle {{ {FIELDS} }}")).await;
    let set = &payload["lifecycle"];
    assert_eq!(*set, show(&app, "WORK_ORDER").await);
    assert_eq!(
        json!([set["version"], set["createdAt"], set["createdBy"], set["states"][6], set["transitions"][7]]),
        json!([2, "2026-03-01T09:00:00Z", "local",
            {"name": "AT_DOOR", "phase": "ACTIVE", "outcome": null, "cancellable": true},
            {"event": "ARRIVE", "code": "W-9", "from": ["IN_PROGRESS"], "to": "AT_DOOR", "outcome": null}])
    );
    // The order's is another one.
    assert_eq!(show(&app, "ORDER").await["version"], json!(1));

    // What is in force already is no new version, whatever is expected.
    wanted["expectedVersion"] = json!(2);
    assert_eq!(super::set(&app, wanted.clone()).await, 2);
    let errors = refuse(&app, samples::with(wanted, "expectedVersion", json!(1))).await;
    assert_eq!(
        json!(errors),
        json!([{
            "__typename": "VersionConflict", "code": "CONFLICT", "path": ["expectedVersion"], "currentVersion": 2,
            "message": "expected version 1, but it is at version 2: read it again and decide anew"
        }])
    );
}

#[tokio::test]
async fn rules_that_are_left_out_are_those_that_are_built_in() {
    let app = TestApp::start().await;
    let mut wanted = input(&app, "ORDER").await;
    wanted.as_object_mut().unwrap().remove("rollUp");
    assert_eq!(set(&app, wanted.clone()).await, 1);
    wanted["rollUp"] = json!([]);
    assert_eq!(set(&app, wanted).await, 2);
    assert_eq!(show(&app, "ORDER").await["rollUp"], json!([]));
}

#[tokio::test]
async fn every_problem_is_named_and_nothing_changes() {
    let app = TestApp::start().await;
    let mut bad = input(&app, "ORDER").await;
    bad["transitions"].as_array_mut().unwrap().retain(|it| it["event"] != "EXECUTE");
    push(&mut bad, "states", state("ISLAND", "ACTIVE"));
    push(&mut bad, "states", state("PING", "ACTIVE"));
    push(&mut bad, "states", state("PONG", "ACTIVE"));
    push(&mut bad, "transitions", transition("PLAY", &["IN_PROGRESS"], "PING"));
    push(&mut bad, "transitions", transition("HIT", &["PING"], "PONG"));
    push(&mut bad, "transitions", transition("HIT", &["PONG"], "PING"));
    push(&mut bad, "transitions", transition("REOPEN", &["CLOSED"], "CREATED"));
    let errors = refuse(&app, bad).await;
    let told: Vec<String> = errors
        .iter()
        .map(|it| {
            let path: Vec<_> = it["path"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
            format!(
                "{} {}: {}",
                it["code"].as_str().unwrap(),
                path.join("."),
                it["message"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "INVALID transitions.8.to: \"REOPEN\" leads out of the SETTLED state \"CLOSED\" into another phase: what has \
             ended stays so",
            "REQUIRED transitions: no transition has the event EXECUTE: it is how an order whose work is done goes on",
            "INVALID rollUp.0.event: no transition has the event \"EXECUTE\"",
            "INVALID states.3: no way leads from the initial state to \"EXECUTED\"",
            "INVALID states.5: no way leads from the initial state to \"ISLAND\"",
            "INVALID states.5: no way leads out of \"ISLAND\", which is not SETTLED: what comes here stays for ever",
            "INVALID states.6: no way leads from \"PING\" to a SETTLED state: what comes here goes round for ever",
            "INVALID states.7: no way leads from \"PONG\" to a SETTLED state: what comes here goes round for ever",
        ]
    );
    let mut rules = input(&app, "WORK_ORDER").await;
    rules["rollUp"] = json!([{"quantifier": "ALL", "phase": "SETTLED", "event": "START"}]);
    let errors = refuse(&app, rules).await;
    assert_eq!(json!([errors.len(), errors[0]["path"]]), json!([1, ["rollUp"]]));
    for empty in [json!({"owner": "ORDER", "initial": "", "states": [], "transitions": []})] {
        assert!(!refuse(&app, empty).await.is_empty());
    }
}

#[tokio::test]
async fn another_tenant_keeps_its_own() {
    let app = TestApp::start().await;
    let mut wanted = input(&app, "ORDER").await;
    wanted["rollUp"] = json!([]);
    set(&app, wanted).await;
    let stranger = Caller { tenant: Tenant::new("other"), ..Caller::local() };
    let document = "{ lifecycle(owner: ORDER) { version } }";
    let data = app.execute_as(stranger, document, json!({})).await.data();
    assert_eq!(data["lifecycle"]["version"], json!(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_updates_at_once_each_version_is_one() {
    let one = TestApp::start_with(4).await;
    let other = TestApp::beside(&one).await;
    let base = input(&one, "WORK_ORDER").await;
    let calls = (0..6).map(|index| {
        let mut wanted = base.clone();
        push(&mut wanted, "transitions", transition(&format!("OWN_{index}"), &["IN_PROGRESS"], "ON_HOLD"));
        let selection = "lifecycle { version } userErrors { code ... on VersionConflict { currentVersion } }";
        [&one, &other][index % 2].mutate("lifecycleUpdate", wanted, selection)
    });
    let answers = join_all(calls).await;
    let mut versions: Vec<_> =
        answers.iter().filter_map(|answer| answer["lifecycle"]["version"].as_i64()).collect();
    versions.sort_unstable();
    let won = i64::try_from(versions.len()).unwrap();
    assert!(won >= 1);
    assert_eq!(versions, (2..2 + won).collect::<Vec<_>>(), "{answers:#?}");
    for lost in answers.iter().filter(|answer| answer["lifecycle"].is_null()) {
        assert_eq!(lost["userErrors"][0]["code"], json!("CONFLICT"), "{lost}");
    }
    assert_eq!(show(&one, "WORK_ORDER").await["version"], json!(1 + won));
}
