//! Tokens: which are taken, which are not, and until when.

use axum::http::{Request, StatusCode};
use chrono::Duration;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use waybill::config::{AccessConfig, KeySource};

use super::issuer::{Key, KeyServer, set};
use crate::harness::{Socket, TestApp, samples, socket, sse::EventStream};

const SECRET: &[u8] = b"a secret of at least thirty-two bytes";
/// When the clock of tests stands still.
const NOW: i64 = 1_772_352_000;
const VIEWER: &str = "{ viewer { tenantId subject scopes } }";

fn secret() -> Key {
    Key::Secret(SECRET.to_vec())
}

/// What tests are let in with.
fn by_secret() -> AccessConfig {
    AccessConfig {
        jwt_secret: Some(SECRET.to_vec().into()),
        recheck_every: std::time::Duration::from_millis(20),
        ..AccessConfig::default()
    }
}

/// Claims that are good for an hour.
fn claims() -> Value {
    json!({"tenant": "acme", "sub": "alice", "scope": "orders:read orders:write openid", "exp": NOW + 3600})
}

/// A token of the secret, good for so many seconds.
fn token(scope: &str, seconds: i64) -> String {
    let claims = samples::with(claims(), "exp", json!(NOW + seconds));
    secret().token(&json!({"alg": "HS256"}), &samples::with(claims, "scope", json!(scope)))
}

async fn viewer(app: &TestApp, token: &str) -> Value {
    let (status, reply) = app.execute_with(token, VIEWER, json!({})).await;
    assert_eq!(status, StatusCode::OK, "{reply:?}");
    reply.data()["viewer"].clone()
}

/// Status, code and message of a refusal.
async fn refused(app: &TestApp, token: &str) -> String {
    let (status, reply) = app.execute_with(token, VIEWER, json!({})).await;
    let (code, message) = reply.error();
    assert_eq!((status, code.as_str()), (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"), "{message}");
    message
}

#[tokio::test]
async fn a_token_says_whose_data_is_seen_and_what_may_be_done() {
    let app = TestApp::start_closed(by_secret()).await;
    let header = json!({"alg": "HS256", "typ": "JWT"});
    let expected = json!({"tenantId": "acme", "subject": "alice", "scopes": ["orders:read", "orders:write"]});
    assert_eq!(viewer(&app, &secret().token(&header, &claims())).await, expected);
    for (scope, scopes, expected) in [
        (json!("admin"), Value::Null, json!(["admin"])),
        (Value::Null, json!(["pii:read", "unknown"]), json!(["pii:read"])),
        (json!(["config:read"]), json!("config:write"), json!(["config:read", "config:write"])),
        (Value::Null, Value::Null, json!([])),
    ] {
        let claims = samples::with(samples::with(claims(), "scope", scope), "scopes", scopes);
        assert_eq!(viewer(&app, &secret().token(&header, &claims)).await["scopes"], expected, "{claims}");
    }
    let fraction = samples::with(claims(), "exp", json!(NOW as f64 + 0.5));
    viewer(&app, &secret().token(&header, &fraction)).await;
    let made = waybill::access::mint(
        &SECRET.to_vec().into(),
        &super::caller(&[waybill::access::Scope::PiiRead]),
        (app.app.clock.now(), app.app.clock.now() + Duration::hours(1)),
        None,
        None,
    );
    let expected = json!({"tenantId": "default", "subject": "carl", "scopes": ["pii:read"]});
    assert_eq!(viewer(&app, &made.unwrap()).await, expected);
}

#[tokio::test]
async fn a_token_that_is_not_to_be_trusted_is_refused_and_nothing_happens() {
    let access = AccessConfig {
        jwt_audience: Some("waybill".to_owned()),
        jwt_issuer: Some("https://issuer.example".to_owned()),
        ..by_secret()
    };
    let app = TestApp::start_closed(access).await;
    let header = json!({"alg": "HS256"});
    let good = samples::with(claims(), "aud", json!(["other", "waybill"]));
    let good = samples::with(good, "iss", json!("https://issuer.example"));
    let sign = |claims: &Value| secret().token(&header, claims);
    let with = |field: &str, value: Value| sign(&samples::with(good.clone(), field, value));
    let without = |field: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(field);
        sign(&claims)
    };
    viewer(&app, &sign(&good)).await;

    let signed = sign(&good);
    let (message, _) = signed.rsplit_once('.').unwrap();
    let unsigned = format!("{message}.");
    let none = secret().token(&json!({"alg": "none"}), &good);
    let (none, _) = none.rsplit_once('.').unwrap();
    let other = Key::Secret(b"another secret of thirty-two bytes!!".to_vec()).token(&header, &good);
    for (token, expected) in [
        (with("exp", json!(NOW)), "the token has expired"),
        (with("exp", json!(NOW - 1)), "the token has expired"),
        (with("nbf", json!(NOW + 1)), "the token is not good yet"),
        (unsigned, "the token's signature is wrong"),
        (format!("{none}."), "the token is not one that is known here"),
        (other, "the token's signature is wrong"),
        (with("aud", json!("other")), "the token is for another audience"),
        (without("aud"), "the token does not say of whom or for whom it is"),
        (with("iss", json!("https://evil.example")), "the token is of another issuer"),
        (without("iss"), "the token does not say of whom or for whom it is"),
        (without("exp"), "the token lacks one of tenant, sub and exp, or has them in another form"),
        (
            with("exp", json!("9999999999")),
            "the token lacks one of tenant, sub and exp, or has them in another form",
        ),
        (with("nbf", json!("0")), "the token lacks one of tenant, sub and exp, or has them in another form"),
        (without("tenant"), "the token lacks one of tenant, sub and exp, or has them in another form"),
        (
            with("tenant", json!("")),
            "tenant and sub of a token have 1 to 255 characters, none of them a control",
        ),
        (
            with("sub", json!("a\nb")),
            "tenant and sub of a token have 1 to 255 characters, none of them a control",
        ),
        (
            secret().token(&json!({"alg": "HS512"}), &good),
            "tokens are signed by HS256, RS256, ES256 or EdDSA here",
        ),
        (Key::rsa().token(&json!({"alg": "RS256"}), &good), "tokens are signed by HS256 here"),
        (
            secret().token(&json!({"alg": "HS256", "crit": ["exp"]}), &good),
            "the token asks for extensions that are not known here",
        ),
        ("x".repeat(9_000), "the token is too long"),
        ("nonsense".to_owned(), "the token is not one that is known here"),
        ("a.b.c".to_owned(), "the token is not one that is known here"),
    ] {
        assert_eq!(refused(&app, &token).await, expected, "{token}");
        let create = "mutation M($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
        let (status, _) = app.execute_with(&token, create, json!({"input": samples::order(1)})).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(app.stored().await.counts(), [0; 5]);
}

#[tokio::test]
async fn a_caller_without_a_token_is_asked_for_one() {
    let app = TestApp::start_closed(by_secret()).await;
    for (name, value) in [("x-nothing", "x"), ("authorization", "Basic YTpi"), ("authorization", "Bearer")] {
        let request =
            Request::post("/graphql").header("content-type", "application/json").header(name, value);
        let body = json!({"query": "{ __typename }"}).to_string();
        let response =
            app.router.clone().oneshot(request.body(axum::body::Body::from(body)).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{name}: {value}");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
    }
    // Whoever looks after the process is no caller, and a host's name tells nothing where a token does.
    let get = |path: &str| {
        Request::get(path).header("host", "waybill.example").body(axum::body::Body::empty()).unwrap()
    };
    for path in ["/healthz", "/readyz", "/"] {
        assert_eq!(app.send(get(path)).await.0, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn the_algorithm_follows_from_the_key() {
    let keys = [Key::rsa(), Key::ec(), Key::ed()];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let symmetric = Key::Secret(SECRET.to_vec());
    let mut all: Vec<_> = keys.iter().map(|key| key.public(key.algorithm())).collect();
    all.push(symmetric.public("oct"));
    std::fs::write(&path, set(&all).to_string()).unwrap();
    let access = AccessConfig { jwks: Some(KeySource::File(path)), ..by_secret() };
    let app = TestApp::start_closed(access).await;
    for key in &keys {
        viewer(&app, &key.token_of(key.algorithm(), &claims())).await;
        // Without an id, there is but one that fits.
        viewer(&app, &key.token(&json!({"alg": key.algorithm()}), &claims())).await;
        for other in keys.iter().filter(|other| other.algorithm() != key.algorithm()) {
            let header = json!({"alg": other.algorithm(), "kid": key.algorithm()});
            assert_eq!(
                refused(&app, &key.token(&header, &claims())).await,
                "the token was signed by a key that is not known here"
            );
        }
    }
    // What everybody can read is no secret: neither a public key, nor a symmetric one in the set.
    let public = keys[0].public("RS256")["n"].as_str().unwrap().to_owned();
    for secret in [public.into_bytes(), b"short".to_vec()] {
        let token = Key::Secret(secret).token_of("RS256", &claims());
        assert_eq!(refused(&app, &token).await, "the token's signature is wrong");
    }
    let header = json!({"alg": "RS256", "kid": "oct"});
    assert_eq!(
        refused(&app, &symmetric.token(&header, &claims())).await,
        "the token was signed by a key that is not known here"
    );
    let forged = Key::ed().token_of("EdDSA", &claims());
    assert_eq!(refused(&app, &forged).await, "the token's signature is wrong");
}

#[tokio::test]
async fn a_key_that_is_not_known_yet_is_asked_for_once_in_a_while() {
    let (old, new) = (Key::ec(), Key::ed());
    let server = KeyServer::start(&set(&[old.public("old")])).await;
    let url = format!("http://{}/keys", server.address).parse().unwrap();
    let access = AccessConfig { jwks: Some(KeySource::Url(url)), ..AccessConfig::default() };
    let app = TestApp::start_closed(access).await;
    viewer(&app, &old.token_of("old", &claims())).await;
    assert_eq!(server.asked(), 1);

    server.answer(200, &set(&[new.public("new")]));
    let unknown = "the token was signed by a key that is not known here";
    let tokens: Vec<_> = (0..20).map(|number| new.token_of(&format!("new-{number}"), &claims())).collect();
    let all = tokens.iter().map(|token| refused(&app, token));
    assert!(futures_util::future::join_all(all).await.iter().all(|message| message == unknown));
    assert_eq!(server.asked(), 1, "a moment ago");

    app.advance(Duration::seconds(11));
    viewer(&app, &new.token_of("new", &claims())).await;
    assert_eq!(server.asked(), 2);
    assert_eq!(
        refused(&app, &old.token_of("old", &claims())).await,
        unknown,
        "it is not in the set any more"
    );

    // An issuer that is away locks nobody out.
    for (status, keys) in [(500, json!({})), (200, json!({"keys": []})), (200, json!("nonsense"))] {
        server.answer(status, &keys);
        app.advance(Duration::seconds(11));
        assert_eq!(refused(&app, &old.token_of("other", &claims())).await, unknown);
        viewer(&app, &new.token_of("new", &claims())).await;
    }
    assert_eq!(server.asked(), 5);
}

#[tokio::test]
async fn a_token_of_another_tenant_finds_nothing() {
    let app = TestApp::start_closed(by_secret()).await;
    let create =
        "mutation M($input: OrderCreateInput!) { orderCreate(input: $input) { order { id createdBy } } }";
    let input = json!({"input": samples::order(1)});
    let (_, created) = app.execute_with(&token("orders:write", 60), create, input).await;
    let created = created.data()["orderCreate"]["order"].clone();
    assert_eq!(created["createdBy"], json!("alice"));
    let other = samples::with(claims(), "tenant", json!("other"));
    let other = secret().token(&json!({"alg": "HS256"}), &other);
    let document = "query Q($id: ID!) { order(id: $id) { id } orders { nodes { id } } }";
    let variables = json!({"id": created["id"]});
    let (_, found) = app.execute_with(&other, document, variables.clone()).await;
    assert_eq!(found.data(), json!({"order": null, "orders": {"nodes": []}}));
    let (_, found) = app.execute_with(&token("orders:read", 60), document, variables).await;
    assert_eq!(found.data()["order"]["id"], created["id"]);
}

#[tokio::test]
async fn a_token_that_was_good_a_moment_ago_expires_all_the_same() {
    let app = TestApp::start_closed(by_secret()).await;
    let token = token("orders:read", 2);
    viewer(&app, &token).await;
    app.advance(Duration::seconds(1));
    viewer(&app, &token).await;
    app.advance(Duration::seconds(1));
    assert_eq!(refused(&app, &token).await, "the token has expired");
}

#[tokio::test]
async fn a_socket_shows_its_token_first() {
    let app = TestApp::start_closed(by_secret()).await;
    let address = app.listen().await;
    let good = format!("Bearer {}", token("orders:read", 60));
    for payload in [json!({"authorization": good}), json!({"Authorization": good, "more": 1})] {
        let mut socket = Socket::connect(address).await;
        socket.say(json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(socket.hear().await, json!({"type": "connection_ack"}));
        socket.subscribe("1", "mutation { orderCancel(input: {id: \"x\"}) { cursor } }", json!({})).await;
        let refusal = socket.word("1").await;
        let forbidden = format!("{refusal:?}");
        assert!(forbidden.contains("FORBIDDEN") && forbidden.contains("orders:write"), "{forbidden}");
    }
    for (payload, reason) in [
        (Value::Null, "Say who is calling: {\"authorization\": \"Bearer ...\"}"),
        (json!({"authorization": good[7..]}), "Say who is calling: {\"authorization\": \"Bearer ...\"}"),
        (json!({"authorization": "Bearer nonsense"}), "the token is not one that is known here"),
        (json!({"authorization": format!("Bearer {}", token("orders:read", 0))}), "the token has expired"),
    ] {
        let mut socket = Socket::connect(address).await;
        socket.say(json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(socket.closed().await, (4403, reason.to_owned()));
    }
    let mut socket = Socket::connect(address).await;
    socket.subscribe("1", "subscription { orderEvents { id } }", json!({})).await;
    assert_eq!(socket.closed().await.0, 4401);
}

#[tokio::test]
async fn a_socket_may_show_its_token_in_the_request_for_it() {
    let app = TestApp::start_closed(by_secret()).await;
    let address = app.listen().await;
    let mut request = socket::request(address, Some("graphql-transport-ws"));
    let token = format!("Bearer {}", token("orders:read", 60));
    request.headers_mut().insert("authorization", token.parse().unwrap());
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut socket, _) = Socket::handshake(stream, request).await.unwrap();
    socket.say(json!({"type": "connection_init"})).await;
    assert_eq!(socket.hear().await, json!({"type": "connection_ack"}));
}

#[tokio::test]
async fn streams_end_when_their_token_expires() {
    let app = TestApp::start_closed(by_secret()).await;
    let address = app.listen().await;
    let (short, long) = (token("orders:read", 60), token("orders:read", 3600));
    let mut sockets = Vec::new();
    for token in [&short, &long] {
        let mut socket = Socket::connect(address).await;
        let payload = json!({"authorization": format!("Bearer {token}")});
        socket.say(json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(socket.hear().await, json!({"type": "connection_ack"}));
        socket.subscribe("1", "subscription { orderEvents { id cursor } }", json!({})).await;
        sockets.push(socket);
    }
    let open = async |token: &str| {
        let request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("accept", "text/event-stream")
            .header("authorization", format!("Bearer {token}"));
        let body = json!({"query": "subscription { orderEvents { id cursor } }"}).to_string();
        EventStream::of(&app, request.body(body.into()).unwrap()).await
    };
    let (mut short_stream, mut long_stream) = (open(&short).await, open(&long).await);
    short_stream.begun().await;
    long_stream.begun().await;

    app.advance(Duration::seconds(61));
    let (code, reason) = sockets[0].closed().await;
    assert_eq!((code, reason.as_str()), (4403, "The token has expired, or was revoked"));
    let last = short_stream.shown().await.unwrap();
    assert!(last.data.contains("UNAUTHENTICATED"), "{last:?}");
    assert_eq!(short_stream.shown().await.map(|event| event.kind), Some("complete".to_owned()));
    assert_eq!(short_stream.shown().await, None);

    let (status, _) = app
        .execute_with(
            &token("orders:write", 3600),
            "mutation M($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }",
            json!({"input": samples::order(1)}),
        )
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(sockets[1].events("1", 4).await.len(), 4);
    assert_eq!(long_stream.events(4).await.len(), 4);
}
