//! What is sent, how, and in which order.

use serde_json::{Value, json};
use waybill::outbound::SigningSecret;

use super::{change, deliveries, endpoint_at, sent, standing, start};
use crate::{
    event::cursor,
    harness::{Call, PluginServer, TestApp, samples::order},
};

fn signatures(call: &Call) -> Vec<String> {
    call.headers["webhook-signature"].to_str().unwrap().split(' ').map(ToOwned::to_owned).collect()
}

/// The signature of a call under a secret.
fn signed(call: &Call, secret: &str) -> String {
    let id = call.headers["webhook-id"].to_str().unwrap();
    let timestamp = call.headers["webhook-timestamp"].to_str().unwrap().parse().unwrap();
    SigningSecret::parse(secret).unwrap().sign(id, timestamp, &call.raw)
}

#[tokio::test]
async fn an_event_is_sent_in_its_envelope_and_signed() {
    let (app, server) = (TestApp::start().await, PluginServer::start().await);
    let (_, secret) = endpoint_at(&app, &server.url).await;
    let (id, work_orders) = app.create(order(1)).await;
    let input = json!({"id": work_orders[0], "event": "START", "reasonCode": "R", "note": "off"});
    app.change("workOrderTransition", input, "cursor").await;
    assert_eq!(app.deliver().await, 5);
    let document = "{ orderEvents { nodes { id cursor type orderId workOrderId fromStatus toStatus transition
        reasonCode note actor changes entityVersion occurredAt recordedAt } } }";
    let log = app.run(document).await.data()["orderEvents"]["nodes"].clone();
    let types = [
        "order.created",
        "work_order.created",
        "order.status_changed",
        "order.status_changed",
        "work_order.status_changed",
    ];
    let calls = server.calls();
    for (index, (call, kind)) in calls.iter().zip(types).enumerate() {
        let event = &log[index];
        let envelope = json!({
            "specversion": "1.0", "id": event["id"], "source": "/waybill/default", "type": format!("waybill.{kind}"),
            "subject": id, "time": event["occurredAt"], "sequence": event["cursor"],
            "datacontenttype": "application/json", "data": event,
        });
        assert_eq!(call.body, envelope);
        assert_eq!(call.method, "POST");
        assert_eq!(call.headers["content-type"], "application/cloudevents+json; charset=utf-8");
        assert_eq!(call.headers["webhook-id"].to_str().unwrap(), event["id"].as_str().unwrap());
        assert_eq!(call.headers["webhook-timestamp"], "1772352000");
        assert_eq!(signatures(call), [signed(call, &secret)]);
    }
    assert_eq!(calls.len(), 5);
}

#[tokio::test]
async fn deliveries_are_recorded_and_found() {
    let (app, server, id) = start().await;
    server.answer(200, "").answer(500, "no");
    app.create(order(1)).await;
    app.deliver().await;
    let document =
        "query($id: ID!, $status: WebhookDeliveryStatus) { node(id: $id) { ... on WebhookEndpoint {
        deliveries(status: $status) { count { value } edges { cursor node {
            id status attempts lastStatusCode lastError nextAttemptAt deliveredAt event { cursor }
        } } } } } }";
    let shown = app.execute(document, json!({"id": id})).await.data()["node"]["deliveries"].clone();
    let short = |edge: &Value| {
        let mut node = edge["node"].clone();
        let id = node["id"].take();
        assert!(id.as_str().unwrap().starts_with("whd_"));
        assert_eq!(node["event"]["cursor"], edge["cursor"]);
        node
    };
    let pending = |position: i64| {
        json!({
            "id": null, "status": "PENDING", "attempts": 0, "lastStatusCode": null, "lastError": null,
            "nextAttemptAt": null, "deliveredAt": null, "event": {"cursor": cursor(position)},
        })
    };
    let mut failing = pending(2);
    failing["attempts"] = json!(1);
    failing["lastStatusCode"] = json!(500);
    failing["lastError"] = json!("the endpoint answered 500");
    failing["nextAttemptAt"] = shown["edges"][2]["node"]["nextAttemptAt"].clone();
    assert!(failing["nextAttemptAt"].as_str().unwrap().starts_with("2026-03-01T08:00:05"), "{failing}");
    let delivered = json!({
        "id": null, "status": "DELIVERED", "attempts": 1, "lastStatusCode": 200, "lastError": null,
        "nextAttemptAt": null, "deliveredAt": "2026-03-01T08:00:00Z", "event": {"cursor": cursor(1)},
    });
    let edges: Vec<_> = shown["edges"].as_array().unwrap().iter().map(short).collect();
    assert_eq!(edges, [pending(4), pending(3), failing, delivered]);
    let of = |status: &str| json!({"id": id, "status": status});
    for (status, count) in [("PENDING", 3), ("DELIVERED", 1), ("FAILED", 0)] {
        let found = app.execute(document, of(status)).await.data()["node"]["deliveries"].clone();
        assert_eq!(found["count"]["value"], json!(count), "{status}");
        assert_eq!(found["edges"].as_array().unwrap().len(), count);
    }
    // One by its id.
    let delivery = &shown["edges"][0]["node"]["id"];
    let found = app.execute("query($id: ID!) { node(id: $id) { id } }", json!({"id": delivery})).await.data();
    assert_eq!(found["node"]["id"], *delivery);
}

#[tokio::test]
async fn an_endpoint_is_sent_what_happens_from_its_creation_on_of_the_types_it_wants() {
    let (app, server) = (TestApp::start().await, PluginServer::start().await);
    app.create(order(1)).await;
    let (id, _) = endpoint_at(&app, &server.url).await;
    change(&app, &id, "eventTypes", json!(["WORK_ORDER_CREATED", "ORDER_STATUS_CHANGED"])).await;
    app.create(order(2)).await;
    assert_eq!(app.deliver().await, 4);
    assert_eq!(sent(&server.calls()), [6, 7, 8, 9]);
    assert_eq!(app.deliver().await, 0);
    change(&app, &id, "eventTypes", json!(["ORDER_CREATED"])).await;
    app.create(order(1)).await;
    app.deliver().await;
    assert_eq!(sent(&server.calls())[4..], [10]);
}

#[tokio::test]
async fn events_of_one_order_wait_for_each_other_and_those_of_others_do_not() {
    let (app, server, _) = start().await;
    server.answer(503, "");
    app.create(order(1)).await;
    app.deliver().await;
    assert_eq!(sent(&server.calls()), [1]);
    app.create(order(1)).await;
    app.deliver().await;
    assert_eq!(sent(&server.calls()), [1, 5, 6, 7, 8]);
    // The first one's turn comes again, and the others follow it.
    app.advance(super::seconds(6));
    app.deliver().await;
    assert_eq!(sent(&server.calls())[5..], [1, 2, 3, 4]);
    assert!(standing(&app).await.iter().all(|(_, status, _)| *status == "DELIVERED"));
}

#[tokio::test]
async fn after_a_rotation_both_secrets_sign_for_a_day() {
    let (app, server) = (TestApp::start().await, PluginServer::start().await);
    let (id, old) = endpoint_at(&app, &server.url).await;
    let new = super::text(&change(&app, &id, "rotateSecret", json!(true)).await["secret"]);
    let deliver = async || {
        app.create(order(1)).await;
        app.deliver().await;
        server.calls().pop().unwrap()
    };
    let call = deliver().await;
    assert_eq!(signatures(&call), [signed(&call, &new), signed(&call, &old)]);
    app.advance(chrono::Duration::days(1) - super::seconds(1));
    assert_eq!(signatures(&deliver().await).len(), 2);
    app.advance(super::seconds(1));
    let call = deliver().await;
    assert_eq!(signatures(&call), [signed(&call, &new)]);
}

#[tokio::test]
async fn what_a_dead_process_held_is_taken_over_and_what_it_says_later_does_not_count() {
    let (app, server, _) = start().await;
    app.create(order(1)).await;
    // Another process takes up what there is, and dies.
    let database = &app.app.database;
    let webhooks = waybill::store::queue::webhooks(database, app.app.clock.now()).await.unwrap();
    let (webhook, has_work) = webhooks[0].clone();
    assert!(has_work);
    server.answer(500, "");
    app.deliver().await;
    app.advance(super::seconds(6));
    let now = app.app.clock.now();
    let lease = app.app.ids.uuid();
    let held_until = now + super::seconds(30);
    let claim = async |limit| {
        waybill::store::queue::claim_deliveries(database, &webhook, now, held_until, lease, limit)
            .await
            .unwrap()
    };
    let held = claim(10).await;
    assert_eq!(held.iter().map(|held| (held.position, held.attempts)).collect::<Vec<_>>(), [(1, 2)]);
    assert_eq!(claim(10).await, []);
    assert_eq!(app.deliver().await, 0);
    app.advance(super::seconds(31));
    assert_eq!(app.deliver().await, 4);
    let before = deliveries(&app).await;
    // It was not dead, only slow.
    let late = waybill::usecase::webhook::Outcome {
        position: 1,
        order_id: held[0].order_id,
        status_code: None,
        verdict: waybill::domain::webhook::Verdict::Failed { error: "late".into() },
    };
    let caller = waybill::access::Caller::local();
    waybill::usecase::webhook::settle(&app.app, &caller, webhook.endpoint_id, lease, &[late]).await.unwrap();
    assert_eq!(deliveries(&app).await, before);
    assert_eq!(sent(&server.calls()), [1, 1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_delivers_by_itself_at_once() {
    let (app, server) = (TestApp::start_with(4).await, PluginServer::start().await);
    endpoint_at(&app, &server.url).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let worker = tokio::spawn(waybill::webhooks::Worker::new(app.app.clone()).run(stop.clone()));
    let mut expected = 0;
    for _ in 0..5 {
        app.create(order(1)).await;
        expected += 4;
        let arrived = async || (server.calls().len() >= expected).then_some(());
        crate::harness::wait::until("the deliveries", arrived).await;
    }
    let mut positions = sent(&server.calls());
    positions.sort_unstable();
    assert_eq!(positions, (1..=20).collect::<Vec<_>>());
    stop.cancel();
    crate::harness::wait::within("the end of the worker", worker).await.unwrap();
}
