//! What plugins say is bounded, wherever it is shown or stored, and the same on every store.

use futures_util::StreamExt as _;
use serde_json::{Map, Value, json};
use waybill::access::Caller;

use super::{defer::call_back, order_of, plugin, run_statuses, runs, workflow};
use crate::{
    harness::{PluginServer, TestApp, samples::order, text, wait::within},
    webhook::endpoint_at,
};

const NUL_ERROR: &str = "it contains a NUL character; any other Unicode text is fine";

/// How a run ends, and its order's status then, where a step of that policy has no verdict.
const POLICIES: [(&str, &str, &str); 3] =
    [("REJECT", "FAILED", "CLOSED"), ("CONTINUE", "PASSED", "IN_PROGRESS"), ("HOLD", "HELD", "INITIATED")];

fn enrich(patch: &Value) -> String {
    json!({"verdict": "ENRICH", "patch": patch}).to_string()
}

/// Patches with a NUL somewhere, and the places that are named.
fn patches(work_order: &str) -> Vec<(Value, String)> {
    let place = |path: &str| format!("patch.{path}: {NUL_ERROR}");
    vec![
        (json!({"a\0b": 1}), place("a\u{fffd}b")),
        (json!({"clientName": "A\0"}), place("clientName")),
        (json!({"consignee": {"\0": 1}}), place("consignee.\u{fffd}")),
        (json!({"customAttributes": {"\0": "x"}}), place("customAttributes.\u{fffd}")),
        (json!({"customAttributes": {"tier": "\0"}}), place("customAttributes.tier")),
        (
            json!({"customAttributes": {"box": {"a": ["b", {"c\0": 1}]}}}),
            place("customAttributes.box.a.1.c\u{fffd}"),
        ),
        (json!({"workOrders": {"wo\0": {}}}), place("workOrders.wo\u{fffd}")),
        (
            json!({"workOrders": {work_order: {"description": "\0"}}}),
            place(&format!("workOrders.{work_order}.description")),
        ),
    ]
}

/// What the step of the newest run has come to: its only attempt's error, and its reasons.
async fn last_step(app: &TestApp) -> (Value, Value) {
    let step = runs(app).await.pop().unwrap()["steps"][0].clone();
    assert_eq!((&step["verdict"], step["attempts"].as_array().unwrap().len()), (&Value::Null, 1));
    (step["attempts"][0]["error"].clone(), step["reasons"].clone())
}

fn failed(error: &str) -> (Value, Value) {
    (json!(error), json!([{"code": "PLUGIN_FAILED", "message": error, "path": null}]))
}

async fn define(app: &TestApp) {
    app.define("ORDER", &[("tier", "STRING"), ("box", "OBJECT")]).await;
}

#[tokio::test]
async fn the_policy_decides_about_a_patch_with_nul_and_the_plugin_is_asked_once() {
    for (policy, run, status) in POLICIES {
        let app = TestApp::start().await;
        define(&app).await;
        let server = PluginServer::start().await;
        let (id, _) = plugin(&app, "odd", json!({"url": server.url, "maxAttempts": 1})).await;
        workflow(&app, "odd", &id, policy).await;
        for count in 1.. {
            let (order_id, work_orders) = app.create(order(1)).await;
            let Some((patch, error)) = patches(&work_orders[0]).into_iter().nth(count - 1) else { break };
            server.answer(200, enrich(&patch));
            assert_eq!(app.settle().await, 1);
            assert_eq!(last_step(&app).await, failed(&error), "{patch}");
            let shown = order_of(&app, &order_id, "status clientName customAttributes").await;
            assert_eq!(
                shown,
                json!({"status": status, "clientName": null, "customAttributes": {}}),
                "{patch}"
            );
            app.advance(chrono::Duration::hours(1));
            assert_eq!((app.settle().await, server.calls().len()), (0, count), "{patch}");
        }
        let mut statuses = run_statuses(&app).await;
        assert_eq!((statuses.len(), statuses.pop()), (9, Some("odd QUEUED".to_owned())));
        assert!(statuses.iter().all(|status| *status == format!("odd {run}")), "{statuses:?}");
        app.check_invariants().await;
    }
}

#[tokio::test]
async fn a_patch_with_nul_is_no_better_as_a_callback_or_from_an_expression() {
    for (policy, run, status) in POLICIES {
        let app = TestApp::start().await;
        let server = PluginServer::start().await;
        let (id, _) = plugin(&app, "odd", json!({"url": server.url, "maxAttempts": 1})).await;
        workflow(&app, "odd", &id, policy).await;
        server.answer(202, "");
        let (order_id, _) = app.create(order(1)).await;
        app.settle().await;
        let told = server.calls()[0].body["run"].clone();
        let answer = enrich(&json!({"a\0b": 1}));
        let taken = call_back(&app, &told, told["callbackToken"].as_str(), &answer).await;
        assert_eq!(taken, (204, String::new()));
        assert_eq!(last_step(&app).await, failed(&format!("patch.a\u{fffd}b: {NUL_ERROR}")));
        assert_eq!(run_statuses(&app).await, [format!("odd {run}")]);
        assert_eq!(order_of(&app, &order_id, "status").await, json!({"status": status}));
        app.advance(chrono::Duration::hours(1));
        assert_eq!((app.settle().await, server.calls().len()), (0, 1));

        let app = TestApp::start().await;
        let expression = r"{'verdict': 'ENRICH', 'patch': {'a\u0000b': 1}}";
        let payload = app
            .change("pluginCreate", json!({"name": "odd", "expression": expression}), "plugin { id }")
            .await;
        workflow(&app, "odd", &text(&payload["plugin"]["id"]), policy).await;
        let (order_id, _) = app.create(order(1)).await;
        assert_eq!(app.settle().await, 1);
        assert_eq!(last_step(&app).await, failed(&format!("patch.a\u{fffd}b: {NUL_ERROR}")));
        assert_eq!(run_statuses(&app).await, [format!("odd {run}")]);
        assert_eq!(order_of(&app, &order_id, "status").await, json!({"status": status}));
        app.advance(chrono::Duration::hours(1));
        assert_eq!(app.settle().await, 0);
    }
}

/// The note and reason code of each of an order's last two events.
async fn said(app: &TestApp, order_id: &str) -> Value {
    order_of(app, order_id, "events(last: 2) { nodes { reasonCode note } }").await["events"]["nodes"].clone()
}

#[tokio::test]
async fn reasons_are_cut_and_have_no_nul_wherever_they_are_told() {
    let app = TestApp::start_with(2).await;
    let server = PluginServer::start().await;
    let (id, _) = plugin(&app, "wordy", json!({"url": server.url})).await;
    app.create(order(1)).await;
    workflow(&app, "wordy", &id, "REJECT").await;
    let hook = PluginServer::start().await;
    endpoint_at(&app, &hook.url).await;
    let newest = app.run("{ orderEvents(last: 1) { nodes { cursor } } }").await.data();
    let newest = &newest["orderEvents"]["nodes"][0]["cursor"];
    let watch = format!("subscription {{ orderEvents(after: {newest}) {{ note }} }}");
    let (mut told, _) = app.subscribe_as(Caller::local(), &watch);
    let long = |unit: &str, chars: usize| unit.repeat(chars);
    let (code, message) = (format!("{}…", long("C", 63)), format!("{}…", long("ß", 1_999)));
    for (given, shown) in [
        (json!({"code": "A\0", "message": "m\0", "path": "p\0"}), ("A\u{fffd}", "m\u{fffd}", "p\u{fffd}")),
        (
            json!({"code": long("C", 10_000), "message": long("ß", 100_000), "path": long("ß", 20_000)}),
            (code.as_str(), message.as_str(), message.as_str()),
        ),
    ] {
        let sent_before = hook.calls().len();
        server.answer(200, json!({"verdict": "REJECT", "reasons": [given]}).to_string());
        let (order_id, _) = app.create(order(1)).await;
        assert_eq!(app.settle().await, 1);
        let step = runs(&app).await.pop().unwrap()["steps"][0].clone();
        assert_eq!(step["reasons"], json!([{"code": shown.0, "message": shown.1, "path": shown.2}]));
        let excerpt = text(&step["attempts"][0]["responseExcerpt"]);
        assert!(excerpt.len() <= 4_096 && excerpt.starts_with("{\"reasons\":["), "{excerpt}");
        // The end of the run, and the rejection.
        let expected = json!({"reasonCode": shown.0, "note": shown.1});
        assert_eq!(said(&app, &order_id).await, json!([expected, expected]));
        app.deliver().await;
        let sent: Vec<_> = hook.calls().drain(sent_before..).map(|call| call.body["data"].clone()).collect();
        let notes: Vec<_> = sent
            .iter()
            .filter(|data| data["orderId"] == json!(order_id))
            .map(|data| data["note"].clone())
            .collect();
        assert_eq!(notes, [json!(null), json!(null), json!(shown.1), json!(shown.1), json!(shown.1)]);
        for note in notes {
            let event = within("an event", told.next()).await.unwrap();
            assert_eq!(event["data"]["orderEvents"]["note"], note, "{event}");
        }
    }
    // Thousands of them: as many are kept as have room together.
    let one = json!({"code": "C", "message": long("m", 99)});
    server.answer(200, json!({"verdict": "REJECT", "reasons": vec![one.clone(); 2_000]}).to_string());
    let big = json!({"code": "C", "message": long("m", 1_999)});
    server.answer(200, json!({"verdict": "REJECT", "reasons": vec![big; 100]}).to_string());
    for count in [20, 8] {
        app.create(order(1)).await;
        assert_eq!(app.settle().await, 1);
        let step = runs(&app).await.pop().unwrap()["steps"][0].clone();
        assert_eq!(step["reasons"].as_array().unwrap().len(), count);
    }
    app.check_invariants().await;
}

#[tokio::test]
async fn an_error_names_the_first_problems_of_a_patch_and_is_cut() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (id, _) = plugin(&app, "wordy", json!({"url": server.url})).await;
    workflow(&app, "wordy", &id, "REJECT").await;
    let unknown =
        "a plugin cannot set this: there is no such field, or it is not one that an update may change";
    let no_work_order = "the order has no such work order, or this is no object";
    let keys = |count: usize, chars: usize| -> Value {
        let key = |number: usize| (format!("{number:02}{}", "k".repeat(chars)), json!(1));
        Value::Object((0..count).map(key).collect())
    };
    let path = |number: usize| format!("patch.{number:02}{}…", "k".repeat(200 - 6 - 2 - 1));
    let all: Vec<_> = (0..30).map(|number| format!("{}: {unknown}", path(number))).collect();
    for (patch, error) in [
        (keys(1, 200_000), all[0].clone()),
        (keys(30, 8_000), format!("{}…", all.join("; ").chars().take(1_999).collect::<String>())),
        (
            json!({"workOrders": (0..10_000).map(|number| (format!("{number:04}"), json!(1))).collect::<Map<_, _>>()}),
            (0..20)
                .map(|number| format!("patch.workOrders.{number:04}: {no_work_order}"))
                .collect::<Vec<_>>()
                .join("; "),
        ),
    ] {
        server.answer(200, enrich(&patch));
        let (order_id, _) = app.create(order(1)).await;
        assert_eq!(app.settle().await, 1);
        assert_eq!(last_step(&app).await, failed(&error));
        let expected = json!({"reasonCode": "PLUGIN_FAILED", "note": error});
        assert_eq!(said(&app, &order_id).await, json!([expected, expected]));
    }
}

#[tokio::test]
async fn what_is_told_to_a_plugin_or_by_a_dry_run_is_cut_as_well() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (id, _) = plugin(&app, "wordy", json!({"url": server.url})).await;
    let (order_id, _) = app.create(order(1)).await;
    let input = json!({"pluginId": id, "orderId": order_id});
    let reasons = json!([{"code": "C\0", "message": "m".repeat(10_000)}]);
    server.answer(200, json!({"verdict": "REJECT", "reasons": reasons}).to_string());
    let tried = app.mutate("pluginTest", input.clone(), "verdict reasons { code message }").await;
    let message = format!("{}…", "m".repeat(1_999));
    assert_eq!(tried, json!({"verdict": "REJECT", "reasons": [{"code": "C\u{fffd}", "message": message}]}));
    let odd = json!({"verdict": format!("V\0{}", "v".repeat(100_000))}).to_string();
    server.answer(200, odd.clone()).answer(202, "");
    let tried = app.mutate("pluginTest", input, "verdict error").await;
    let verdict = format!("V\u{fffd}{}…", "v".repeat(61));
    let error = format!("the plugin's verdict {verdict:?} is none of PASS, REJECT, ENRICH and DEFER");
    assert_eq!(tried, json!({"verdict": null, "error": error}));

    workflow(&app, "wordy", &id, "REJECT").await;
    app.create(order(1)).await;
    app.settle().await;
    let told = server.calls().last().unwrap().body["run"].clone();
    let (status, body) = call_back(&app, &told, told["callbackToken"].as_str(), &odd).await;
    assert_eq!((status, serde_json::from_str::<Value>(&body).unwrap()), (422, json!({"error": error})));
    assert_eq!(run_statuses(&app).await, ["wordy WAITING"]);
}
