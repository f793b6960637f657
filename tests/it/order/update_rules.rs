//! `orderUpdate`: what it refuses, and who wins when several write at once.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{TestApp, samples};

#[tokio::test]
async fn consignee_and_destination_change_only_while_the_order_is_pending() {
    let app = TestApp::start().await;
    let (id, work_orders) = app.create(samples::order(1)).await;
    let given = samples::order(1);
    let contact = samples::with(given["consignee"].clone(), "email", json!("a@example.com"));
    let place = samples::with(given["destination"].clone(), "facilityId", json!("S"));
    for status in ["IN_PROGRESS", "EXECUTED"] {
        if status == "EXECUTED" {
            app.move_work_order(&work_orders[0], "START").await;
            app.move_work_order(&work_orders[0], "COMPLETE").await;
        }
        for (field, value) in [("consignee", &contact), ("destination", &place)] {
            let input = json!({"id": id, field: value, "clientName": "would change too"});
            assert_eq!(app.refusals("orderUpdate", input).await, [format!("BLOCKED {field}")], "{status}");
        }
        // What stands there already is no change.
        let input = json!({"id": id, "consignee": given["consignee"], "destination": given["destination"]});
        app.change("orderUpdate", input, "cursor").await;
        // Other fields do not mind.
        app.change("orderUpdate", json!({"id": id, "batchId": status}), "cursor").await;
    }
}

#[tokio::test]
async fn bad_changes_are_refused_with_code_and_path() {
    let app = TestApp::start().await;
    app.define("ORDER", &[("a", "STRING"), ("b", "STRING")]).await;
    let input = samples::with(samples::order(1), "customAttributes", json!({"a": "x".repeat(30_000)}));
    let (id, work_orders) = app.create(samples::with(input, "readyToProcess", json!(false))).await;
    for (field, value, expected) in [
        ("id", json!(work_orders[0]), "INVALID id"),
        ("id", json!("ord_x"), "INVALID id"),
        ("id", json!(""), "INVALID id"),
        ("id", json!("ord_00000000000000000000000000"), "NOT_FOUND id"),
        ("consignee", Value::Null, "REQUIRED consignee"),
        ("destination", Value::Null, "REQUIRED destination"),
        ("consignee", json!({"name": ""}), "REQUIRED consignee.name"),
        ("destination", json!({}), "REQUIRED destination"),
        ("clientName", json!("x".repeat(256)), "INVALID clientName"),
        ("type", json!("\u{0}"), "INVALID type"),
        ("summary", json!({"totalItems": -1}), "INVALID summary.totalItems"),
        ("customAttributes", Value::Null, "INVALID customAttributes"),
        ("customAttributes", json!([]), "INVALID customAttributes"),
        ("customAttributes", json!({"b": "x".repeat(10_000)}), "LIMIT_EXCEEDED customAttributes"),
        ("customAttributes", json!({"": 1}), "INVALID customAttributes."),
        ("idempotencyKey", json!(""), "INVALID idempotencyKey"),
        ("expectedVersion", json!(0), "CONFLICT expectedVersion"),
    ] {
        let input = samples::with(json!({"id": id, "batchId": "new"}), field, value);
        let errors = app.refusals("orderUpdate", input.clone()).await;
        assert_eq!(errors, [expected], "{input}");
    }
}

#[tokio::test]
async fn an_id_of_another_kind_is_told_apart() {
    let app = TestApp::start().await;
    let (_, work_orders) = app.create(samples::order(1)).await;
    let errors = app.refuse("orderUpdate", json!({"id": work_orders[0], "batchId": "b"})).await;
    assert_eq!(
        errors[0]["message"],
        json!("expected the id of an order (ord_…), got an id with the prefix \"wo\"")
    );
}

#[tokio::test]
async fn another_version_than_expected_is_a_conflict() {
    let app = TestApp::start().await;
    let (id, _) = app.create(samples::order(1)).await;
    app.change("orderUpdate", json!({"id": id, "batchId": "a", "expectedVersion": 3}), "cursor").await;
    for expected in [3, 5, -1] {
        let input = json!({"id": id, "batchId": "b", "expectedVersion": expected});
        let errors = app.refuse("orderUpdate", input).await;
        let message =
            format!("expected version {expected}, but it is at version 4: read it again and decide anew");
        let conflict = json!([{
            "__typename": "VersionConflict", "code": "CONFLICT", "path": ["expectedVersion"], "currentVersion": 4,
            "message": message
        }]);
        assert_eq!(json!(errors), conflict);
    }
    // It binds an update that would change nothing, too.
    let input = json!({"id": id, "batchId": "a", "expectedVersion": 3});
    assert_eq!(app.refusals("orderUpdate", input).await, ["CONFLICT expectedVersion"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_different_fields_all_win() {
    let one = TestApp::start_with(4).await;
    for index in 0..8 {
        one.define("ORDER", &[(&format!("key{index}"), "NUMBER")]).await;
    }
    let other = TestApp::beside(&one).await;
    let (id, _) = one.create(samples::order(1)).await;
    let mut changes = vec![
        json!({"clientName": "N"}),
        json!({"type": "T"}),
        json!({"domain": "D"}),
        json!({"batchId": "B"}),
    ];
    changes.extend((0..8).map(|index| json!({"customAttributes": {format!("key{index}"): index}})));
    let calls = changes.iter().enumerate().map(|(index, changes)| {
        let input = samples::with(changes.clone(), "id", json!(id));
        [&one, &other][index % 2].change("orderUpdate", input, "cursor")
    });
    join_all(calls).await;
    let document =
        format!("{{ order(id: \"{id}\") {{ clientName type domain batchId customAttributes version }} }}");
    let attributes: serde_json::Map<String, Value> =
        (0..8).map(|index| (format!("key{index}"), json!(index))).collect();
    assert_eq!(
        one.run(&document).await.data()["order"],
        json!({
            "clientName": "N", "type": "T", "domain": "D", "batchId": "B", "customAttributes": attributes,
            "version": 15
        })
    );
    one.check_invariants().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_writers_that_expect_one_version_one_wins() {
    let one = TestApp::start_with(4).await;
    let other = TestApp::beside(&one).await;
    let (id, _) = one.create(samples::order(1)).await;
    let calls = (0..8).map(|index| {
        let input = json!({"id": id, "batchId": index.to_string(), "expectedVersion": 3});
        let selection = "order { batchId } userErrors { code ... on VersionConflict { currentVersion } }";
        [&one, &other][index % 2].mutate("orderUpdate", input, selection)
    });
    let answers = join_all(calls).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| !answer["order"].is_null());
    assert_eq!((won.len(), lost.len()), (1, 7), "{answers:#?}");
    for answer in lost {
        assert_eq!(answer["userErrors"], json!([{"code": "CONFLICT", "currentVersion": 4}]));
    }
    let stored = one.check_invariants().await;
    assert_eq!(stored.orders[0].batch_id.as_deref(), won[0]["order"]["batchId"].as_str());
    assert_eq!(stored.orders[0].version, 4);
}
