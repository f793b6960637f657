//! Idempotency keys on every mutation that takes one.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use waybill::{app::App, usecase::idempotency::Cleaner};

use crate::harness::{TestApp, samples, text};

/// Each mutation, with an input that can go through once, and how many events it records.
async fn mutations(app: &TestApp) -> Vec<(&'static str, Value, usize)> {
    let (id, work_orders) = app.create(samples::order(2)).await;
    let (cancelled, _) = app.create(samples::order(1)).await;
    let (rejected, _) = app.create(samples::order(1)).await;
    let unreleased = samples::with(samples::order(1), "readyToProcess", json!(false));
    let (unreleased, _) = app.create(unreleased).await;
    let (erased, _) = app.create(samples::order(1)).await;
    let add = json!({"orderId": id, "workOrder": samples::move_containers()});
    let mut all = vec![
        ("orderCreate", samples::order(1), 4),
        ("orderUpdate", json!({"id": id, "clientName": "New"}), 1),
        ("orderRelease", json!({"id": unreleased}), 1),
        ("orderCancel", json!({"id": cancelled, "reasonCode": "CHANGED_MIND"}), 3),
        ("orderEraseConsignee", json!({"id": erased}), 1),
        ("orderTransition", json!({"id": rejected, "event": "CANCEL"}), 3),
        ("workOrderCreate", add, 1),
        ("workOrderUpdate", json!({"id": work_orders[0], "description": "New"}), 1),
        ("workOrderTransition", json!({"id": work_orders[1], "event": "START"}), 1),
    ];
    for (mutation, input, _) in &mut all {
        input["idempotencyKey"] = json!(mutation);
    }
    all
}

fn entity(mutation: &str) -> &'static str {
    if mutation.starts_with("workOrder") { "workOrder" } else { "order" }
}

fn selection(mutation: &str) -> String {
    format!("{} {{ id }} cursor idempotentReplay userErrors {{ code message path }}", entity(mutation))
}

#[tokio::test]
async fn the_mutations_below_are_all_that_take_a_key() {
    let app = TestApp::start().await;
    let document = "{ __schema {
        types { name inputFields { name } }
        mutationType { fields { name args { type { ofType { name } } } } }
    } }";
    let schema = app.run(document).await.data()["__schema"].clone();
    let fields: BTreeMap<_, _> = schema["types"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (text(&it["name"]), it["inputFields"].to_string()))
        .collect();
    let takes_key = |mutation: &&Value| {
        let input = text(&mutation["args"][0]["type"]["ofType"]["name"]);
        fields[&input].contains("\"idempotencyKey\"")
    };
    let all = schema["mutationType"]["fields"].as_array().unwrap();
    let found: BTreeSet<_> = all.iter().filter(takes_key).map(|it| text(&it["name"])).collect();
    let tested = mutations(&app).await;
    assert_eq!(found, tested.iter().map(|(mutation, _, _)| (*mutation).to_owned()).collect());
}

#[tokio::test]
async fn each_gives_its_first_answer_again_and_writes_nothing() {
    let app = TestApp::start().await;
    for (mutation, input, _) in mutations(&app).await {
        let mut first = app.mutate(mutation, input.clone(), &selection(mutation)).await;
        assert_eq!(
            (&first["userErrors"], &first["idempotentReplay"]),
            (&json!([]), &json!(false)),
            "{mutation}"
        );
        let before = app.stored().await;
        first["idempotentReplay"] = json!(true);
        let again = app.mutate(mutation, input.clone(), &selection(mutation)).await;
        assert_eq!(again, first, "{mutation}");
        // An input that says no more than the defaults, and yet another one.
        let other = samples::with(input, "expectedVersion", json!(1));
        if mutation != "orderCreate" && mutation != "workOrderCreate" {
            assert_eq!(
                app.refusals(mutation, other).await,
                ["IDEMPOTENCY_MISMATCH idempotencyKey"],
                "{mutation}"
            );
        }
        assert_eq!(app.stored().await, before, "{mutation}");
    }
    app.check_invariants().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_happens_once_however_often_two_processes_are_asked_at_once() {
    let one = TestApp::start_with(4).await;
    let other = TestApp::beside(&one).await;
    for (mutation, input, events) in mutations(&one).await {
        let before = one.stored().await.events.len();
        let selection = selection(mutation);
        let apps = [&one, &other];
        let calls = (0..8).map(|index| apps[index % 2].mutate(mutation, input.clone(), &selection));
        let answers = join_all(calls).await;
        let first = answers.iter().filter(|answer| answer["idempotentReplay"] == json!(false)).count();
        assert_eq!(first, 1, "{mutation}: {answers:#?}");
        let entity = entity(mutation);
        for answer in &answers {
            assert_eq!(answer["userErrors"], json!([]), "{mutation}");
            assert_eq!(answer[entity], answers[0][entity], "{mutation}");
            assert_eq!(answer["cursor"], answers[0]["cursor"], "{mutation}");
        }
        assert_eq!(one.check_invariants().await.events.len(), before + events, "{mutation}");
    }
}

#[tokio::test]
async fn answers_are_forgotten_after_the_configured_time_and_no_earlier() {
    let mut app = TestApp::start().await;
    let mut config = (*app.app.config).clone();
    config.idempotency_keep = Duration::from_hours(48);
    app.app = App { config: config.into(), ..app.app.clone() };
    let cleaner = Cleaner::new(app.app.clone());
    let keyed = |key: &str| samples::with(samples::order(1), "idempotencyKey", json!(key));
    let selection = "order { id } idempotentReplay";
    let first = app.change("orderCreate", keyed("a"), selection).await;
    app.advance(chrono::Duration::hours(24));
    app.change("orderCreate", keyed("b"), selection).await;

    app.advance(chrono::Duration::hours(24));
    assert_eq!(cleaner.clean().await.unwrap(), 0);
    let again = app.change("orderCreate", keyed("a"), selection).await;
    assert_eq!((&again["order"], &again["idempotentReplay"]), (&first["order"], &json!(true)));

    app.advance(chrono::Duration::seconds(1));
    assert_eq!(cleaner.clean().await.unwrap(), 1);
    assert_eq!(cleaner.clean().await.unwrap(), 0);
    let kept: Vec<_> = app.stored().await.keys.into_iter().map(|it| it.key).collect();
    assert_eq!(kept, ["b"]);
    // It is a new request now.
    let anew = app.change("orderCreate", keyed("a"), selection).await;
    assert_ne!(anew["order"], first["order"]);
    assert_eq!(anew["idempotentReplay"], json!(false));
}

#[tokio::test]
async fn however_many_answers_are_too_old_all_of_them_go() {
    let app = TestApp::start().await;
    let count = 2_100;
    let keyed =
        |number: usize| samples::with(samples::order(1), "idempotencyKey", json!(format!("k{number}")));
    for first in (0..count).step_by(700) {
        let orders: Vec<_> = (first..first + 700).map(keyed).collect();
        let payload = app.mutate("ordersCreate", json!({"orders": orders}), "created").await;
        assert_eq!(payload["created"], json!(700));
    }
    app.advance(chrono::Duration::hours(25));
    assert_eq!(Cleaner::new(app.app.clone()).clean().await.unwrap(), count as u64);
    assert_eq!(app.stored().await.counts()[3], 0);
}
