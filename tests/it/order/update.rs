//! `orderUpdate`: what it changes.

use chrono::Duration;
use serde_json::{Value, json};

use crate::harness::{TestApp, samples, text};

const FIELDS: &str = "clientName type domain batchId consignee { name phone { number } email } \
                      destination { address { city } facilityId } summary { invoiceNumber totalCost { amount } } \
                      customAttributes version updatedAt updatedBy createdAt";

fn full() -> Value {
    let mut input = samples::with(samples::order(1), "readyToProcess", json!(false));
    input["clientName"] = json!("Acme");
    input["type"] = json!("PARCEL");
    input["domain"] = json!("retail");
    input["batchId"] = json!("b-1");
    input["summary"] = json!({"invoiceNumber": "I-1", "totalCost": {"amount": "49.90", "currency": "EUR"}});
    input["customAttributes"] = json!({"a": 1, "b": {"x": 1, "y": 2}, "c": [1, 2]});
    input
}

async fn show(app: &TestApp, id: &str) -> Value {
    app.run(&format!("{{ order(id: \"{id}\") {{ {FIELDS} }} }}")).await.data()["order"].clone()
}

/// The newest event, without its ids and times.
async fn newest(app: &TestApp) -> Value {
    let document =
        "{ orderEvents(last: 1) { nodes { type changes entityVersion fromStatus toStatus transition actor
        workOrderId } } }";
    app.run(document).await.data()["orderEvents"]["nodes"][0].clone()
}

async fn start() -> TestApp {
    let app = TestApp::start().await;
    let attributes = [
        ("a", "NUMBER"),
        ("b", "OBJECT"),
        ("c", "ARRAY"),
        ("d", "STRING"),
        ("gone", "STRING"),
        ("unset", "STRING"),
    ];
    app.define("ORDER", &attributes).await;
    app
}

#[tokio::test]
async fn each_field_changes_alone_and_stands_in_the_history() {
    let app = start().await;
    let (id, _) = app.create(full()).await;
    let mut version = 2;
    for (field, value, shown, changes) in [
        (
            "clientName",
            json!("Acme Ltd 🏭"),
            "/clientName",
            json!({"clientName": {"from": "Acme", "to": "Acme Ltd 🏭"}}),
        ),
        ("type", json!("PALLET"), "/type", json!({"type": {"from": "PARCEL", "to": "PALLET"}})),
        ("domain", json!("b2b"), "/domain", json!({"domain": {"from": "retail", "to": "b2b"}})),
        ("batchId", json!("b-2"), "/batchId", json!({"batchId": {"from": "b-1", "to": "b-2"}})),
        (
            "summary",
            json!({"totalCost": {"amount": "49.9", "currency": "EUR"}}),
            "/summary",
            json!({"summary": {
                "from": {"invoiceNumber": "I-1", "totalCost": {"amount": "49.90", "currency": "EUR"}},
                "to": {"totalCost": {"amount": "49.9", "currency": "EUR"}}
            }}),
        ),
        (
            "consignee",
            json!({"name": "Grace"}),
            "/consignee",
            json!({"consignee": {"from": "***", "to": "***"}}),
        ),
        (
            "destination",
            json!({"facilityId": "S-1"}),
            "/destination",
            json!({"destination": {
                "from": full()["destination"],
                "to": {"facilityId": "S-1"}
            }}),
        ),
    ] {
        let before = show(&app, &id).await;
        app.advance(Duration::minutes(1));
        let input = json!({"id": id, field: value});
        let payload =
            app.change("orderUpdate", input, &format!("order {{ {FIELDS} }} cursor idempotentReplay")).await;
        version += 1;
        let after = show(&app, &id).await;
        assert_eq!(payload["order"], after);
        assert_eq!(payload["idempotentReplay"], json!(false));
        let mut expected = before.clone();
        *expected.pointer_mut(shown).unwrap() = after.pointer(shown).unwrap().clone();
        expected["version"] = json!(version);
        expected["updatedAt"] = after["updatedAt"].clone();
        assert_eq!(after, expected, "only {field} changed");
        assert_ne!(after.pointer(shown), before.pointer(shown), "{field}");
        assert_ne!(after["updatedAt"], before["updatedAt"]);
        assert_eq!(
            newest(&app).await,
            json!({
                "type": "ORDER_UPDATED", "changes": changes, "entityVersion": version, "fromStatus": null,
                "toStatus": null, "transition": null, "actor": "local", "workOrderId": null
            })
        );
    }
    let order = show(&app, &id).await;
    assert_eq!(order["consignee"], json!({"name": "Grace", "phone": null, "email": null}));
    assert_eq!(order["destination"], json!({"address": null, "facilityId": "S-1"}));
    assert_eq!(order["summary"], json!({"invoiceNumber": null, "totalCost": {"amount": "49.9"}}));
    app.check_invariants().await;
}

#[tokio::test]
async fn several_fields_are_one_fact() {
    let app = start().await;
    let (id, _) = app.create(full()).await;
    let input =
        json!({"id": id, "clientName": "N", "type": null, "customAttributes": {"a": 2}, "domain": "retail"});
    app.change("orderUpdate", input, "cursor").await;
    let event = newest(&app).await;
    assert_eq!(
        event["changes"],
        json!({
            "clientName": {"from": "Acme", "to": "N"}, "type": {"from": "PARCEL", "to": null},
            "customAttributes.a": {"from": 1, "to": 2}
        })
    );
    assert_eq!(event["entityVersion"], json!(3));
    app.check_invariants().await;
}

#[tokio::test]
async fn null_clears_and_absence_leaves() {
    let app = start().await;
    let (id, _) = app.create(full()).await;
    let input =
        json!({"id": id, "clientName": null, "type": null, "domain": null, "batchId": null, "summary": null});
    app.change("orderUpdate", input, "cursor").await;
    let order = show(&app, &id).await;
    for field in ["clientName", "type", "domain", "batchId", "summary"] {
        assert_eq!(order[field], Value::Null, "{field}");
    }
    assert_eq!(order["customAttributes"], full()["customAttributes"]);
    assert_eq!(order["consignee"]["name"], json!("Asha Rao"));
}

#[tokio::test]
async fn attributes_are_merged_key_by_key() {
    let app = start().await;
    let (id, _) = app.create(full()).await;
    let patch = json!({"a": null, "b": {"x": 9}, "d": "new", "unset": null});
    app.change("orderUpdate", json!({"id": id, "customAttributes": patch}), "cursor").await;
    assert_eq!(show(&app, &id).await["customAttributes"], json!({"b": {"x": 9}, "c": [1, 2], "d": "new"}));
    assert_eq!(
        newest(&app).await["changes"],
        json!({
            "customAttributes.a": {"from": 1, "to": null},
            "customAttributes.b": {"from": {"x": 1, "y": 2}, "to": {"x": 9}},
            "customAttributes.d": {"from": null, "to": "new"}
        })
    );
}

#[tokio::test]
async fn an_update_that_changes_nothing_adds_nothing() {
    let app = start().await;
    let (id, _) = app.create(full()).await;
    let before = app.stored().await;
    let head = app.run("{ eventCursor }").await.data()["eventCursor"].clone();
    app.advance(Duration::minutes(1));
    let mut same = full();
    for field in ["clientId", "clientOrderId", "readyToProcess", "workOrders"] {
        same.as_object_mut().unwrap().remove(field);
    }
    for changes in [
        json!({}),
        same,
        json!({"customAttributes": {}}),
        json!({"customAttributes": {"gone": null, "a": 1}}),
    ] {
        let input = samples::with(changes, "id", json!(id));
        let payload = app.change("orderUpdate", input, "cursor idempotentReplay order { version }").await;
        let expected =
            json!({"cursor": head, "idempotentReplay": false, "order": {"version": 2}, "userErrors": []});
        assert_eq!(payload, expected);
    }
    assert_eq!(app.stored().await, before);
}

#[tokio::test]
async fn the_cursor_resumes_right_after_the_write() {
    let app = start().await;
    let (id, _) = app.create(full()).await;
    let payload = app.change("orderUpdate", json!({"id": id, "clientName": "N"}), "cursor").await;
    app.change("orderUpdate", json!({"id": id, "clientName": "M"}), "cursor").await;
    let cursor = text(&payload["cursor"]);
    let document = format!("{{ orderEvents(after: \"{cursor}\") {{ nodes {{ changes }} }} }}");
    assert_eq!(
        app.run(&document).await.data()["orderEvents"]["nodes"],
        json!([{"changes": {"clientName": {"from": "N", "to": "M"}}}])
    );
}
