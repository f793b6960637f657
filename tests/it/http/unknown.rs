//! Callers of whom nothing is known yet: they cost little, for a short time, and take nothing from those who are known.

use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::interval,
};
use tokio_tungstenite::tungstenite::{self, Message};
use waybill::config::{AccessConfig, Config, Limits};

use super::{VIEWER, get, post_json};
use crate::{
    access::issuer::Key,
    harness::{
        PluginServer, Socket, TestApp,
        samples::order,
        socket::{self, Word},
        text,
        wait::{until, within},
        wire,
    },
    plugin::{plugin, workflow},
};

const SECRET: &[u8] = b"a secret of at least thirty-two bytes";

fn access() -> AccessConfig {
    AccessConfig { jwt_secret: Some(SECRET.to_vec().into()), ..AccessConfig::default() }
}

/// A token of a caller with every scope, which has another claim of so many bytes.
fn token(tenant: &str, subject: &str, padding: usize) -> String {
    let claims = json!({
        "tenant": tenant, "sub": subject, "scope": "admin", "exp": 1_772_355_600, "more": "x".repeat(padding),
    });
    Key::Secret(SECRET.to_vec()).token(&json!({"alg": "HS256"}), &claims)
}

/// What the first message of a caller says.
fn init(token: &str) -> Value {
    json!({"type": "connection_init", "payload": {"authorization": format!("Bearer {token}")}})
}

/// A socket on which a caller has begun to talk.
async fn open(address: std::net::SocketAddr, tenant: &str, subject: &str) -> Socket {
    let mut socket = Socket::connect(address).await;
    socket.say(init(&token(tenant, subject, 0))).await;
    assert_eq!(socket.hear().await, json!({"type": "connection_ack"}));
    socket
}

/// The value of a metric without labels, or with these.
fn metric(app: &TestApp, name: &str) -> u64 {
    let text = app.app.metrics.text(&waybill::metrics::Now::default()).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    line.unwrap_or("0").parse().unwrap()
}

/// The code with which a socket was closed; none where the goodbye was lost because the server had not read everything.
async fn close_code(socket: &mut Socket) -> Option<u16> {
    loop {
        match socket.receive().await {
            Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
            Some(Err(_)) | None => return None,
            Some(Ok(_)) => {}
        }
    }
}

const UNAUTHENTICATED: &str = r#"waybill_unauthenticated_total{transport="websocket"}"#;

#[tokio::test]
async fn a_socket_takes_little_before_it_is_known_whose_it_is() {
    let app = TestApp::start_closed(access()).await;
    let address = app.listen().await;
    let mut neighbour = open(address, "acme", "alice").await;
    let long = format!(r#"{{"type": "connection_init", "payload": {{"x": "{}"}}}}"#, "x".repeat(20 * 1024));
    let ping = json!({"type": "ping", "payload": {"x": "x".repeat(1024)}}).to_string();
    for (messages, expected) in [(vec![Message::text(long)], 1), (vec![Message::text(ping); 20], 2)] {
        let mut socket = Socket::connect(address).await;
        for message in messages {
            if socket.try_send(message).await.is_err() {
                break;
            }
        }
        let code = close_code(&mut socket).await;
        assert!(matches!(code, None | Some(1009)), "{code:?}");
        until("the end to be counted", async || (metric(&app, UNAUTHENTICATED) == expected).then_some(()))
            .await;
    }
    neighbour.is_silent().await;
}

#[tokio::test]
async fn once_it_is_known_a_socket_takes_as_much_as_any() {
    let app = TestApp::start_closed(access()).await;
    let address = app.listen().await;
    let mut socket = Socket::connect(address).await;
    socket.say(init(&token("acme", "alice", 4096))).await;
    assert_eq!(socket.hear().await, json!({"type": "connection_ack"}));
    for id in ["1", "2"] {
        let padding = json!({"padding": "x".repeat(1024 * 1024)});
        socket.subscribe(id, "{ viewer { subject } }", padding).await;
        let Word::Next(payload) = socket.word(id).await else { panic!("it was refused") };
        assert_eq!(payload["data"], json!({"viewer": {"subject": "alice"}}));
        assert_eq!(socket.word(id).await, Word::Complete);
    }
}

#[tokio::test]
async fn a_socket_that_sends_byte_by_byte_ends_as_soon_as_one_that_is_silent() {
    let app = TestApp::start_closed(access()).await;
    let address = app.listen().await;
    let mut neighbour = open(address, "acme", "alice").await;
    let begun = Instant::now();
    let stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /graphql HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         sec-websocket-protocol: graphql-transport-ws\r\n\r\n"
    );
    let (mut reading, mut writing) = stream.into_split();
    writing.write_all(request.as_bytes()).await.unwrap();
    let dribble = tokio::spawn(async move {
        // A frame of 8 MiB that never ends, and that would be text.
        let head = [0x81, 0xff, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0];
        let mut ticks = interval(Duration::from_millis(100));
        for byte in head.into_iter().chain(std::iter::repeat(b'x')) {
            ticks.tick().await;
            if writing.write_all(&[byte]).await.is_err() {
                return;
            }
        }
    });
    let mut heard = Vec::new();
    // The connection may end with a reset, because what was sent last was not read.
    drop(within("the end of the connection", reading.read_to_end(&mut heard)).await);
    let took = begun.elapsed();
    assert!((9..15).contains(&took.as_secs()), "{took:?}");
    assert!(String::from_utf8_lossy(&heard).contains("Connection initialisation timeout"), "{heard:?}");
    within("the end of the client", dribble).await.unwrap();
    assert_eq!(metric(&app, UNAUTHENTICATED), 1);
    neighbour.is_silent().await;
}

#[tokio::test]
async fn few_sockets_may_be_unknown_at_the_same_time() {
    let limits = Limits { sockets: 20, ..Limits::default() };
    let app = TestApp::configured(Config { limits, access: access(), ..Config::default() }).await;
    let address = app.listen().await;
    let mut neighbour = open(address, "acme", "alice").await;
    let mut first = Socket::connect(address).await;
    let _second = Socket::connect(address).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let refused = Socket::handshake(stream, socket::request(address, Some("graphql-transport-ws"))).await;
    let Err(tungstenite::Error::Http(response)) = refused else { panic!("it was taken") };
    assert_eq!(response.status().as_u16(), 503);
    let body: Value = serde_json::from_slice(response.body().as_ref().unwrap()).unwrap();
    assert_eq!(
        body["errors"][0],
        json!({
            "message": "too many WebSockets wait for their connection_init; try again later",
            "extensions": {"code": "UNAVAILABLE"},
        })
    );
    assert_eq!(metric(&app, r#"waybill_sockets_refused_total{reason="unknown"}"#), 1);
    // Those who are known are not disturbed, and whoever becomes known makes room.
    neighbour.is_silent().await;
    first.say(init(&token("acme", "bob", 0))).await;
    assert_eq!(first.hear().await, json!({"type": "connection_ack"}));
    open(address, "globex", "carol").await.is_silent().await;
}

#[tokio::test]
async fn a_callback_is_read_only_with_its_token_and_within_ten_seconds() {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    server.answer(202, "");
    let (id, _) = plugin(&app, "slow", json!({"url": server.url, "callbackTimeoutMs": 60_000})).await;
    workflow(&app, "slow", &id, "REJECT").await;
    app.create(order(1)).await;
    app.settle().await;
    let run = server.calls()[0].body["run"].clone();
    let (url, good) = (text(&run["callbackUrl"]), text(&run["callbackToken"]));
    let path = url.strip_prefix("http://127.0.0.1:8080").unwrap();
    let address = app.listen().await;
    let post = async |token: &str| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\ncontent-length: 1000\r\n\
             connection: close\r\n\r\n{{"
        );
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let begun = Instant::now();
        let (mut reading, mut writing) = stream.into_split();
        let dribble = tokio::spawn(async move {
            let mut ticks = interval(Duration::from_millis(200));
            loop {
                ticks.tick().await;
                if writing.write_all(b" ").await.is_err() {
                    return;
                }
            }
        });
        let mut answer = vec![0; 4096];
        let length = within("the answer", reading.read(&mut answer)).await.unwrap();
        dribble.abort();
        (String::from_utf8_lossy(&answer[..length]).into_owned(), begun.elapsed())
    };
    let (answer, took) = post(&format!("{}AAAA", &good[..good.len() - 4])).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    let (answer, took) = post(&good).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.ends_with(r#"{"error":"the body did not arrive in time"}"#), "{answer}");
    assert!((9..20).contains(&took.as_secs()), "{took:?}");
    assert_eq!(metric(&app, r#"waybill_unauthenticated_total{transport="callback"}"#), 1);
    // The token was not used up.
    let url = url.replace("127.0.0.1:8080", &address.to_string());
    assert_eq!(wire::call_back(&url, &good, &json!({"verdict": "PASS"})).await.unwrap(), 204);
}

#[tokio::test]
async fn a_head_is_small() {
    let app = TestApp::start().await;
    let address = app.listen().await;
    for (size, expected) in [(16 * 1024, "200"), (40 * 1024, "431")] {
        let head = format!(
            "GET /healthz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nx-large: {}\r\n\r\n",
            "x".repeat(size)
        );
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = vec![0; 64];
        let length = within("the answer", stream.read(&mut answer)).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{size}: {answer}");
    }
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte_ends_in_time() {
    let limits = Limits { seconds: 1, ..Limits::default() };
    let app = TestApp::configured(Config { limits, ..Config::default() }).await;
    let bytes = stream::unfold(interval(Duration::from_millis(20)), async |mut ticks| {
        ticks.tick().await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ticks))
    });
    let answer = post_json(&app, Body::from_stream(bytes.boxed())).await;
    let message = "the body did not arrive in time";
    assert_eq!(answer.refusal(), (408, "TIMEOUT".to_owned(), message.to_owned()));
    assert_eq!(post_json(&app, VIEWER).await.status, 200);
}

#[tokio::test]
async fn requests_without_a_token_are_counted_and_their_bodies_not_read() {
    let app = TestApp::start_closed(access()).await;
    let body = || Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let json = ("content-type", "application/json");
    let (_, code, _) = super::post(&app, &[json], body()).await.refusal();
    assert_eq!(code, "UNAUTHENTICATED");
    let stream = [json, ("accept", "text/event-stream"), ("authorization", "Bearer nonsense")];
    assert_eq!(super::post(&app, &stream, body()).await.refusal().0, 401);
    assert_eq!(get(&app, "/graphql?query=%7Bviewer%7BtenantId%7D%7D").await.refusal().0, 401);
    let counted = |transport: &str| {
        metric(&app, &format!(r#"waybill_unauthenticated_total{{transport="{transport}"}}"#))
    };
    assert_eq!(["http", "sse", "websocket", "callback"].map(counted), [2, 1, 0, 0]);
}

#[tokio::test]
async fn sockets_are_shared_between_callers_and_tenants() {
    let limits = Limits { sockets: 8, ..Limits::default() };
    let app = TestApp::configured(Config { limits, access: access(), ..Config::default() }).await;
    let address = app.listen().await;
    let mut alices = Vec::new();
    for _ in 0..4 {
        alices.push(open(address, "acme", "alice").await);
    }
    let caller_is_full = "the caller has as many open WebSockets and streams as one may; close some";
    let tenant_is_full = "the tenant has as many open WebSockets and streams as one may; close some";
    let closed = async |subject| {
        let mut socket = Socket::connect(address).await;
        socket.say(init(&token("acme", subject, 0))).await;
        socket.closed().await
    };
    let stream = async |tenant, subject| {
        let authorization = format!("Bearer {}", token(tenant, subject, 0));
        let headers = [
            ("content-type", "application/json"),
            ("accept", "text/event-stream"),
            ("authorization", authorization.as_str()),
        ];
        let answer = super::post(&app, &headers, VIEWER).await;
        (answer.status, answer.text)
    };
    assert_eq!(closed("alice").await, (1013, caller_is_full.to_owned()));
    let (status, answer) = stream("acme", "alice").await;
    assert_eq!(status, 429);
    assert!(answer.contains(caller_is_full) && answer.contains("RATE_LIMITED"), "{answer}");
    // Another caller of the tenant has room, and a caller of another tenant.
    let bobs = [open(address, "acme", "bob").await, open(address, "acme", "bob").await];
    assert_eq!(closed("bob").await, (1013, tenant_is_full.to_owned()));
    assert_eq!(closed("carol").await, (1013, tenant_is_full.to_owned()));
    let mut neighbour = open(address, "globex", "alice").await;
    neighbour.is_silent().await;
    assert_eq!(stream("globex", "alice").await.0, 200);
    let refused =
        |reason: &str| metric(&app, &format!(r#"waybill_sockets_refused_total{{reason="{reason}"}}"#));
    assert_eq!(["caller", "tenant", "total"].map(refused), [2, 2, 0]);
    // The place of one that has gone is free again.
    drop((alices.pop(), bobs));
    until("room for another", async || (stream("acme", "alice").await.0 == 200).then_some(())).await;
}
