//! API keys: made, shown once, good until they expire or are revoked.

use std::time::Instant;

use axum::http::StatusCode;
use chrono::Duration;
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};
use waybill::{
    access::{Caller, Scope},
    config::AccessConfig,
    store::Tenant,
};

use super::caller;
use crate::harness::{Socket, TestApp, samples, wait::until};

const VIEWER: &str = "{ viewer { tenantId subject scopes } }";

/// What lets nobody in but those with a key.
fn by_keys() -> AccessConfig {
    AccessConfig {
        api_keys: true,
        recheck_every: std::time::Duration::from_millis(20),
        ..AccessConfig::default()
    }
}

/// Makes a key as an admin of the tenant, and gives its id and text.
async fn make(app: &TestApp, input: Value) -> (String, String) {
    let created = create(app, input).await;
    assert_eq!(created["userErrors"], json!([]));
    (created["id"].as_str().unwrap().to_owned(), created["key"].as_str().unwrap().to_owned())
}

async fn create(app: &TestApp, input: Value) -> Value {
    let document = "mutation M($input: ApiKeyCreateInput!) {
        apiKeyCreate(input: $input) { id key userErrors { code path } } }";
    let reply = app.execute_as(caller(&[Scope::Admin]), document, json!({"input": input})).await;
    reply.data()["apiKeyCreate"].clone()
}

async fn revoke(app: &TestApp, as_whom: Caller, id: &str) -> Value {
    let document =
        "mutation M($id: ID!) { apiKeyRevoke(input: {id: $id}) { deletedId userErrors { code path } } }";
    app.execute_as(as_whom, document, json!({"id": id})).await.data()["apiKeyRevoke"].clone()
}

async fn refused(app: &TestApp, key: &str) -> String {
    let (status, reply) = app.execute_with(key, VIEWER, json!({})).await;
    let (code, message) = reply.error();
    assert_eq!((status, code.as_str()), (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"), "{message}");
    message
}

async fn is_taken(app: &TestApp, key: &str) -> bool {
    app.execute_with(key, VIEWER, json!({})).await.0 == StatusCode::OK
}

async fn listed(app: &TestApp) -> Value {
    let document = "{ apiKeys { id name scopes expiresAt revokedAt lastUsedAt createdAt createdBy } }";
    app.execute_as(caller(&[Scope::Admin]), document, json!({})).await.data()["apiKeys"].clone()
}

#[tokio::test]
async fn a_key_lets_its_bearer_in_as_the_tenant_with_its_scopes() {
    let app = TestApp::start_closed(by_keys()).await;
    let input = json!({"name": "Dashboard", "scopes": ["orders:read", "pii:read"], "expiresAt": "2026-04-01T00:00:00Z"});
    let (id, key) = make(&app, input).await;
    assert!(id.starts_with("key_") && key.starts_with("wbk_") && key.len() == 47, "{id} {key}");
    let (_, viewer) = app.execute_with(&key, VIEWER, json!({})).await;
    let expected =
        json!({"tenantId": "default", "subject": "key:Dashboard", "scopes": ["orders:read", "pii:read"]});
    assert_eq!(viewer.data()["viewer"], expected);
    let (status, reply) = app.execute_with(&key, "{ plugins { nodes { id } } }", json!({})).await;
    assert_eq!((status, reply.error().0.as_str()), (StatusCode::OK, "FORBIDDEN"));
    assert_eq!(
        listed(&app).await,
        json!([{
            "id": id, "name": "Dashboard", "scopes": ["orders:read", "pii:read"], "revokedAt": null,
            "expiresAt": "2026-04-01T00:00:00Z", "lastUsedAt": "2026-03-01T08:00:00Z",
            "createdAt": "2026-03-01T08:00:00Z", "createdBy": "carl",
        }])
    );
}

#[tokio::test]
async fn what_is_kept_of_a_key_does_not_tell_it() {
    let app = TestApp::start_closed(by_keys()).await;
    let (_, key) = make(&app, json!({"name": "k", "scopes": ["admin"]})).await;
    let store = sea_orm::Database::connect(&app.database.url).await.unwrap();
    let rows = entity::api_key::Entity::find().all(&store).await.unwrap();
    store.close().await.unwrap();
    let kept = format!("{rows:?}");
    assert!(!kept.contains(&key[4..]) && rows[0].hash.len() == 32, "{kept}");
    assert!(!format!("{:?}", app.app.access).contains(&key[4..]));
}

#[tokio::test]
async fn a_key_that_is_wrong_expired_or_revoked_is_refused() {
    let app = TestApp::start_closed(by_keys()).await;
    let soon = json!({"name": "soon", "scopes": ["orders:read"], "expiresAt": "2026-03-01T08:01:00Z"});
    let (_, soon) = make(&app, soon).await;
    let (id, key) = make(&app, json!({"name": "k", "scopes": ["orders:read"]})).await;
    assert!(is_taken(&app, &soon).await && is_taken(&app, &key).await);
    let other = format!("{}{}", &key[..46], if key.ends_with('A') { 'B' } else { 'A' });
    for wrong in [other.as_str(), &key[..46], "wbk_", &format!("{key}x")] {
        assert_eq!(refused(&app, wrong).await, "there is no such API key", "{wrong}");
    }
    assert_eq!(revoke(&app, caller(&[Scope::Admin]), &id).await, json!({"deletedId": id, "userErrors": []}));
    assert_eq!(refused(&app, &key).await, "the API key was revoked");
    app.advance(Duration::minutes(1));
    assert_eq!(refused(&app, &soon).await, "the API key has expired");
    let again = revoke(&app, caller(&[Scope::Admin]), &id).await;
    assert_eq!(again, json!({"deletedId": null, "userErrors": [{"code": "NOT_FOUND", "path": ["id"]}]}));
}

#[tokio::test]
async fn another_process_refuses_a_revoked_key_within_seconds() {
    let app = TestApp::start_closed(by_keys()).await;
    let other = TestApp::closed_beside(&app, by_keys()).await;
    let (id, key) = make(&app, json!({"name": "k", "scopes": ["orders:read"]})).await;
    assert!(is_taken(&other, &key).await);
    revoke(&app, caller(&[Scope::Admin]), &id).await;
    let begun = Instant::now();
    until("the refusal", async || (!is_taken(&other, &key).await).then_some(())).await;
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(refused(&other, &key).await, "the API key was revoked");
}

#[tokio::test]
async fn open_streams_of_a_revoked_key_end() {
    let app = TestApp::start_closed(by_keys()).await;
    let address = app.listen().await;
    let (id, key) = make(&app, json!({"name": "k", "scopes": ["orders:read"]})).await;
    let (_, other) = make(&app, json!({"name": "other", "scopes": ["orders:read"]})).await;
    let mut sockets = Vec::new();
    for key in [key, other] {
        let mut socket = Socket::connect(address).await;
        let payload = json!({"authorization": format!("Bearer {key}")});
        socket.say(json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(socket.hear().await, json!({"type": "connection_ack"}));
        socket.subscribe("1", "subscription { orderEvents { type } }", json!({})).await;
        sockets.push(socket);
    }
    revoke(&app, caller(&[Scope::Admin]), &id).await;
    assert_eq!(sockets[0].closed().await.0, 4403);
    let document = "mutation M($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
    app.execute_as(caller(&[Scope::OrdersWrite]), document, json!({"input": samples::order(1)})).await.data();
    assert_eq!(sockets[1].events("1", 4).await[0]["type"], json!("ORDER_CREATED"));
}

#[tokio::test]
async fn a_key_that_makes_no_sense_is_refused_with_every_problem() {
    let app = TestApp::start_closed(by_keys()).await;
    for (input, expected) in [
        (json!({"name": "", "scopes": []}), "REQUIRED name, REQUIRED scopes"),
        (
            json!({"name": "a\nb", "scopes": ["admin", "root"], "expiresAt": "2026-03-01T08:00:00Z"}),
            "INVALID name, INVALID scopes.1, INVALID expiresAt",
        ),
    ] {
        let created = create(&app, input.clone()).await;
        let errors = created["userErrors"].as_array().unwrap().iter().map(|error| {
            let path: Vec<_> =
                error["path"].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
            format!("{} {}", error["code"].as_str().unwrap(), path.join("."))
        });
        assert_eq!(errors.collect::<Vec<_>>().join(", "), expected, "{input}");
        assert_eq!((&created["id"], &created["key"]), (&Value::Null, &Value::Null));
    }
    assert_eq!(listed(&app).await, json!([]));
}

#[tokio::test]
async fn keys_are_an_admins_and_its_tenants() {
    let app = TestApp::start_closed(by_keys()).await;
    let (id, key) = make(&app, json!({"name": "k", "scopes": ["config:write", "orders:write"]})).await;
    for document in [
        "{ apiKeys { id } }",
        "mutation { apiKeyCreate(input: {name: \"x\", scopes: [\"admin\"]}) { key } }",
        "mutation { apiKeyRevoke(input: {id: \"x\"}) { deletedId } }",
    ] {
        let (status, reply) = app.execute_with(&key, document, json!({})).await;
        assert_eq!((status, reply.error().0.as_str()), (StatusCode::OK, "FORBIDDEN"), "{document}");
    }
    let other = Caller { tenant: Tenant::new("other"), ..caller(&[Scope::Admin]) };
    let refused = json!({"deletedId": null, "userErrors": [{"code": "NOT_FOUND", "path": ["id"]}]});
    assert_eq!(revoke(&app, other, &id).await, refused);
    assert!(is_taken(&app, &key).await);
}
