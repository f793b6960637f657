//! Endpoints are saved, changed, listed and deleted.

use entity::webhook_endpoint;
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};
use waybill::{access::Caller, store::Tenant, usecase::retention::Retention};

use super::{ENDPOINT, change, deliveries, endpoint_at, refused, show, start};
use crate::harness::{TestApp, samples::order, text};

const ALL: [&str; 8] = [
    "ORDER_CREATED",
    "ORDER_UPDATED",
    "ORDER_STATUS_CHANGED",
    "ORDER_CANCELLATION_CHANGED",
    "WORK_ORDER_CREATED",
    "WORK_ORDER_UPDATED",
    "WORK_ORDER_STATUS_CHANGED",
    "PLUGIN_RUN_FINISHED",
];

#[tokio::test]
async fn an_endpoint_is_saved_and_its_secret_shown_once() {
    let app = TestApp::start().await;
    let input = json!({
        "url": "https://hooks.example/waybill", "description": "billing",
        "eventTypes": ["ORDER_CREATED", "ORDER_STATUS_CHANGED", "ORDER_CREATED"],
    });
    let selection = format!("webhookEndpoint {{ {ENDPOINT} }} secret userErrors {{ code }}");
    let payload = app.mutate("webhookEndpointCreate", input, &selection).await;
    let id = text(&payload["webhookEndpoint"]["id"]);
    let saved = json!({
        "id": id, "url": "https://hooks.example/waybill", "description": "billing",
        "eventTypes": ["ORDER_CREATED", "ORDER_STATUS_CHANGED"], "enabled": true, "disabledReason": null,
    });
    assert_eq!(payload["webhookEndpoint"], saved);
    assert!(id.starts_with("whe_"), "{id}");
    let secret = text(&payload["secret"]);
    assert!(secret.starts_with("whsec_"), "{secret}");
    assert_eq!(show(&app, &id).await, saved);
    // At rest it is sealed.
    let db = sea_orm::Database::connect(&app.database.url).await.unwrap();
    let rows = webhook_endpoint::Entity::find().all(&db).await.unwrap();
    db.close().await.unwrap();
    assert_eq!(rows.len(), 1);
    assert!(!rows[0].secret.contains(&secret[6..]) && !rows[0].secret.contains("whsec"));
    // Another tenant sees nothing of it.
    let other = Caller { tenant: Tenant::new("other"), ..Caller::local() };
    let document = "query($id: ID!) { node(id: $id) { id } webhookEndpoints { nodes { id } } }";
    let seen = app.execute_as(other, document, json!({"id": id})).await.data();
    assert_eq!(seen, json!({"node": null, "webhookEndpoints": {"nodes": []}}));
}

#[tokio::test]
async fn endpoints_are_listed_page_by_page() {
    let app = TestApp::start().await;
    let mut ids = Vec::new();
    for index in 0..3 {
        ids.push(endpoint_at(&app, &format!("https://hooks.example/{index}")).await.0);
    }
    let document = "query($after: String) { webhookEndpoints(first: 2, after: $after) {
        nodes { id eventTypes } pageInfo { hasNextPage endCursor } count { value exact }
    } }";
    let first = app.execute(document, json!({})).await.data()["webhookEndpoints"].clone();
    let node = |id: &String| json!({"id": id, "eventTypes": ALL});
    assert_eq!(first["nodes"], json!(ids[..2].iter().map(node).collect::<Vec<_>>()));
    assert_eq!(first["count"], json!({"value": 3, "exact": true}));
    let after = first["pageInfo"]["endCursor"].clone();
    let second = app.execute(document, json!({"after": after})).await.data()["webhookEndpoints"].clone();
    assert_eq!(second["nodes"], json!(ids[2..].iter().map(node).collect::<Vec<_>>()));
    assert_eq!(second["pageInfo"]["hasNextPage"], json!(false));
}

#[tokio::test]
async fn what_cannot_be_called_is_not_saved() {
    let app = TestApp::start().await;
    for url in [
        "",
        "hooks.example",
        "ftp://hooks.example/",
        "https://user:secret@hooks.example/",
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://0x0a000001/",
    ] {
        assert_eq!(
            refused(&app, "webhookEndpointCreate", json!({"url": url})).await,
            ["INVALID url"],
            "{url}"
        );
    }
    let input = json!({"url": "ftp://x", "description": "x".repeat(2_001)});
    let problems = refused(&app, "webhookEndpointCreate", input).await;
    assert_eq!(problems, ["INVALID description", "INVALID url"]);
    assert_eq!(list(&app).await, json!([]));
}

async fn list(app: &TestApp) -> Value {
    app.run("{ webhookEndpoints { nodes { id } } }").await.data()["webhookEndpoints"]["nodes"].clone()
}

#[tokio::test]
async fn a_tenant_has_fifty_endpoints_and_no_more() {
    let app = TestApp::start().await;
    for index in 0..50 {
        endpoint_at(&app, &format!("https://hooks.example/{index}")).await;
    }
    let input = json!({"url": "https://hooks.example/"});
    assert_eq!(refused(&app, "webhookEndpointCreate", input).await, ["LIMIT_EXCEEDED "]);
}

#[tokio::test]
async fn a_change_leaves_what_it_does_not_name() {
    let app = TestApp::start().await;
    let (id, secret) = endpoint_at(&app, "https://hooks.example/a").await;
    let steps = [
        ("description", json!("billing"), "description", json!("billing")),
        ("eventTypes", json!(["ORDER_CREATED"]), "eventTypes", json!(["ORDER_CREATED"])),
        ("url", json!("https://hooks.example/b"), "url", json!("https://hooks.example/b")),
        ("enabled", json!(false), "enabled", json!(false)),
        ("description", json!(null), "description", json!(null)),
        ("eventTypes", json!(null), "eventTypes", json!(ALL)),
        ("enabled", json!(true), "enabled", json!(true)),
    ];
    let mut expected = show(&app, &id).await;
    for (field, value, shown, to) in steps {
        expected[shown] = to;
        let payload = change(&app, &id, field, value).await;
        assert_eq!((&payload["webhookEndpoint"], &payload["secret"]), (&expected, &json!(null)), "{field}");
        assert_eq!(show(&app, &id).await, expected, "{field}");
    }
    let rotated = change(&app, &id, "rotateSecret", json!(true)).await;
    assert_eq!(rotated["webhookEndpoint"], expected);
    assert!(text(&rotated["secret"]).starts_with("whsec_") && rotated["secret"] != json!(secret));
}

#[tokio::test]
async fn a_change_of_what_is_not_there_or_to_what_may_not_be_is_refused() {
    let app = TestApp::start().await;
    let (id, _) = endpoint_at(&app, "https://hooks.example/a").await;
    let before = show(&app, &id).await;
    for (input, code, path) in [
        (json!({"id": "whe_01h00000000000000000000000"}), "NOT_FOUND", "id"),
        (json!({"id": "ord_01h00000000000000000000000"}), "INVALID", "id"),
        (json!({"id": id, "url": "http://10.0.0.1/"}), "INVALID", "url"),
        (json!({"id": id, "description": "x".repeat(2_001)}), "INVALID", "description"),
    ] {
        let problems = refused(&app, "webhookEndpointUpdate", input.clone()).await;
        assert_eq!(problems, [format!("{code} {path}")], "{input}");
    }
    assert_eq!(show(&app, &id).await, before);
    for (id, code) in [("whe_01h00000000000000000000000", "NOT_FOUND"), ("x", "INVALID")] {
        let document = "mutation($id: ID!) { webhookEndpointDelete(input: {id: $id}) { deletedId userErrors { code path } } }";
        let payload = app.execute(document, json!({"id": id})).await.data();
        assert_eq!(
            payload["webhookEndpointDelete"],
            json!({"deletedId": null, "userErrors": [{"code": code, "path": ["id"]}]})
        );
    }
}

#[tokio::test]
async fn a_deleted_endpoint_is_sent_nothing_and_leaves_nothing_behind() {
    let (app, server, id) = start().await;
    app.create(order(1)).await;
    app.deliver().await;
    app.create(order(1)).await;
    let document =
        "mutation($id: ID!) { webhookEndpointDelete(input: {id: $id}) { deletedId userErrors { code } } }";
    let deleted = app.execute(document, json!({"id": id})).await.data()["webhookEndpointDelete"].clone();
    assert_eq!(deleted, json!({"deletedId": id, "userErrors": []}));
    assert_eq!((list(&app).await, show(&app, &id).await), (json!([]), json!(null)));
    app.deliver().await;
    assert_eq!(server.calls().len(), 4);
    let again = app.execute(document, json!({"id": id})).await.data()["webhookEndpointDelete"].clone();
    assert_eq!(again["userErrors"], json!([{"code": "NOT_FOUND"}]));
    assert_eq!(deliveries(&app).await.len(), 4);
    Retention::new(app.app.clone()).clean().await.unwrap();
    assert!(deliveries(&app).await.is_empty());
}
