//! A plugin's request as it is sent.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::Sha256;

use super::{plugin, workflow};
use crate::event::cursor;
use crate::harness::{
    Call, PluginServer, TestApp,
    samples::{order, with},
    text,
};

/// The clock of the tests, 2026-03-01T08:00:00Z, in seconds.
const NOW: i64 = 1_772_352_000;

/// The signature of Standard Webhooks, computed anew from the secret as it was shown.
fn signature(secret: &str, call: &Call) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    let header = |name: &str| call.headers[name].to_str().unwrap();
    mac.update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    mac.update(&call.raw);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// The call that a plugin at an endpoint gets for an order, its secret, and the ids of order, work order and workflow.
async fn called(
    app: &TestApp,
    server: &PluginServer,
    http: serde_json::Value,
) -> (Call, String, [String; 3]) {
    app.define("ORDER", &[("tier", "STRING"), ("weight", "NUMBER")]).await;
    let (plugin_id, secret) = plugin(app, "checker", http).await;
    let workflow_id = workflow(app, "checker", &plugin_id, "REJECT").await;
    let input = with(order(1), "customAttributes", json!({"tier": "gold", "weight": 12.50}));
    let (id, work_orders) = app.create(input).await;
    assert_eq!(app.settle().await, 1);
    let mut calls = server.calls();
    assert_eq!(calls.len(), 1);
    (calls.remove(0), secret, [id, work_orders[0].clone(), workflow_id])
}

#[tokio::test]
async fn the_headers_identify_and_sign_the_request() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let headers =
        json!([{"name": "X-Token", "value": "tok-12345"}, {"name": "authorization", "value": "Bearer a"}]);
    let (call, secret, _) = called(&app, &server, json!({"url": server.url, "headers": headers})).await;
    let run = app.stored().await.runs.remove(0).id.to_string();
    assert_eq!(call.method, "POST");
    assert_eq!(call.query, None);
    for (name, value) in [
        ("x-token", "tok-12345"),
        ("authorization", "Bearer a"),
        ("content-type", "application/json"),
        ("webhook-id", &format!("{run}/check")),
        ("idempotency-key", &format!("{run}/check")),
        ("webhook-timestamp", &NOW.to_string()),
        ("webhook-signature", &signature(&secret, &call)),
    ] {
        let found: Vec<_> = call.headers.get_all(name).iter().collect();
        assert_eq!(found, [value], "{name}");
    }
    let trace = call.headers["traceparent"].to_str().unwrap();
    let parts: Vec<_> = trace.split('-').map(str::len).collect();
    assert!(parts == [2, 32, 16, 2] && trace.starts_with("00-") && trace.ends_with("-01"), "{trace}");
}

#[tokio::test]
async fn the_body_is_the_whole_document_in_the_words_of_the_contract() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let http = json!({"url": server.url, "method": "PUT", "callbackTimeoutMs": 2_000});
    let (call, _, [order_id, work_order_id, workflow_id]) = called(&app, &server, http).await;
    assert_eq!(call.method, "PUT");
    let event = &app.stored().await.events[0];
    let run = app.stored().await.runs.remove(0);
    assert_eq!(
        call.body["event"],
        json!({
            "id": event.id.to_string(), "cursor": cursor(1), "type": "ORDER_CREATED",
            "orderId": order_id, "workOrderId": null, "fromStatus": null, "toStatus": "INITIATED",
            "transition": null, "reasonCode": null, "note": null, "actor": "local", "changes": null,
            "entityVersion": 1, "occurredAt": "2026-03-01T08:00:00Z", "recordedAt": "2026-03-01T08:00:00Z",
        })
    );
    let url = format!("http://127.0.0.1:8080/plugin-callbacks/{}", run.id);
    let mut sent = call.body["run"].clone();
    let token = text(&sent.as_object_mut().unwrap().remove("callbackToken").unwrap());
    assert!(token.len() > 100 && !token.contains("default"), "{token}");
    assert_eq!(
        sent,
        json!({
            "id": run.id.to_string(), "workflow": workflow_id, "step": "check", "attempt": 1,
            "deadline": "2026-03-01T08:00:02Z", "callbackUrl": url,
        })
    );
    assert_eq!(call.body["workOrder"], json!(null));
    let mut sent = call.body["order"].clone();
    let work_orders = sent["workOrders"].take();
    assert_eq!(
        sent,
        json!({
            "id": order_id, "clientId": "acme", "clientName": null, "clientOrderId": "A-1001", "type": null,
            "domain": null, "batchId": null, "readyToProcess": true, "workOrderFlow": "START_TOGETHER",
            "consignee": order(1)["consignee"], "destination": sent["destination"], "summary": null,
            "status": "INITIATED", "phase": "PENDING", "outcome": null,
            "customAttributes": {"tier": "gold", "weight": 12.50}, "workOrders": null, "lifecycleVersion": 1,
            "version": 1, "createdAt": "2026-03-01T08:00:00Z", "createdBy": "local",
            "updatedAt": "2026-03-01T08:00:00Z", "updatedBy": "local",
        })
    );
    let address = &sent["destination"]["address"];
    assert_eq!(
        (text(&address["line1"]), text(&address["postalCode"])),
        ("12 MG Road".into(), "560001".into())
    );
    assert_eq!(work_orders.as_array().unwrap().len(), 1);
    for (field, value) in [
        ("id", json!(work_order_id)),
        ("sequence", json!(1)),
        ("type", json!("MOVE_CONTAINERS")),
        ("direction", json!("FORWARD")),
        ("status", json!("CREATED")),
        ("phase", json!("PENDING")),
        ("version", json!(1)),
    ] {
        assert_eq!(work_orders[0][field], value, "{field}");
    }
    assert_eq!(work_orders[0]["pickup"]["location"]["facilityId"], json!("WH-7"));
    assert_eq!(work_orders[0]["containers"][0]["weight"]["value"], json!("12.50"));
    // Names and values are those that a query for the same fields gives.
    let document = format!(
        "{{ order(id: {order_id:?}) {{ consignee {{ name phone {{ countryCode number isMobile }} }} }} }}"
    );
    let shown = app.run(&document).await.data();
    assert_eq!(sent["consignee"]["phone"], shown["order"]["consignee"]["phone"]);
}

#[tokio::test]
async fn a_get_sends_ids_in_the_query_and_no_body() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let http = json!({"url": format!("{}?strict=1", server.url), "method": "GET"});
    let (call, secret, [order_id, ..]) = called(&app, &server, http).await;
    let run = app.stored().await.runs.remove(0).id.to_string();
    assert_eq!(call.method, "GET");
    assert!(call.raw.is_empty());
    let query = format!("strict=1&orderId={order_id}&runId={run}&trigger=ORDER_INITIATED");
    assert_eq!(call.query.as_deref(), Some(query.as_str()));
    assert!(!call.headers.contains_key("content-type"));
    assert_eq!(call.headers["idempotency-key"], format!("{run}/check").as_str());
    assert_eq!(call.headers["webhook-signature"], signature(&secret, &call).as_str());
}
