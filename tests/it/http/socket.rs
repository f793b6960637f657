//! The protocol `graphql-transport-ws`, and how a conversation is ended that does not keep to it.

use std::time::Instant;

use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, Message};

use crate::harness::{
    Socket, TestApp,
    samples::order,
    socket::{self, Word},
};

fn closed(code: u16, reason: &str) -> (u16, String) {
    (code, reason.to_owned())
}

#[tokio::test]
async fn a_socket_needs_the_protocol() {
    let app = TestApp::start().await;
    let address = app.listen().await;
    for protocol in [None, Some("graphql-ws"), Some("mqtt, soap")] {
        let stream = TcpStream::connect(address).await.unwrap();
        match Socket::handshake(stream, socket::request(address, protocol)).await {
            Err(tungstenite::Error::Http(response)) => {
                assert_eq!(response.status().as_u16(), 400, "{protocol:?}");
            }
            other => panic!("{protocol:?}: {other:?}"),
        }
    }
    let stream = TcpStream::connect(address).await.unwrap();
    let request = socket::request(address, Some("soap, graphql-transport-ws"));
    let (_, response) = Socket::handshake(stream, request).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "graphql-transport-ws");
}

#[tokio::test]
async fn a_ping_is_answered_with_its_payload_even_before_the_conversation_begins() {
    let app = TestApp::start().await;
    let mut socket = Socket::connect(app.listen().await).await;
    socket.say(json!({"type": "ping"})).await;
    assert_eq!(socket.hear().await, json!({"type": "pong"}));
    socket.say(json!({"type": "ping", "payload": {"a": [1, null]}})).await;
    assert_eq!(socket.hear().await, json!({"type": "pong", "payload": {"a": [1, null]}}));
    socket.say(json!({"type": "pong", "payload": {}})).await;
    socket.send(Message::Ping("here".into())).await;
    let pong = socket.receive().await.unwrap().unwrap();
    assert_eq!(pong, Message::Pong("here".into()));
    socket.say(json!({"type": "connection_init", "payload": {"token": "any"}})).await;
    assert_eq!(socket.hear().await, json!({"type": "connection_ack"}));
}

#[tokio::test]
async fn whoever_speaks_another_language_is_shown_out() {
    let app = TestApp::start().await;
    let address = app.listen().await;
    for (message, reason) in [
        (Message::text("hello"), "Invalid message"),
        (Message::text("[]"), "Invalid message"),
        (Message::text(r#"{"type": "start", "id": "1"}"#), "Unknown message type"),
        (Message::text(r#"{"type": "subscribe", "payload": {"query": "{x}"}}"#), "Invalid id"),
        (Message::text(r#"{"type": "subscribe", "id": "1"}"#), "A subscribe message needs a payload"),
        (Message::text(r#"{"type": "ping", "payload": 1}"#), "The payload must be an object"),
        (Message::binary(vec![1, 2, 3]), "Messages are text"),
    ] {
        let mut socket = Socket::open(address).await;
        socket.send(message.clone()).await;
        assert_eq!(socket.closed().await, closed(4400, reason), "{message:?}");
    }
}

#[tokio::test]
async fn a_frame_that_is_none_ends_the_socket_and_nothing_else() {
    let app = TestApp::start().await;
    let address = app.listen().await;
    let mut other = Socket::open(address).await;
    let too_long_a_ping = [&[0x89, 0xfe, 1, 0, 0, 0, 0, 0][..], &[0; 256]].concat();
    for (bytes, expected) in [
        // A client masks what it sends.
        (&b"\x81\x02{}"[..], closed(1002, "Malformed frame")),
        (b"\xf1\x80\0\0\0\0", closed(1002, "Malformed frame")),
        (b"\x83\x80\0\0\0\0", closed(1002, "Malformed frame")),
        (b"\x80\x80\0\0\0\0", closed(1002, "Malformed frame")),
        (&too_long_a_ping, closed(1002, "Malformed frame")),
        (b"\x81\x81\0\0\0\0\xff", closed(1007, "Text must be UTF-8")),
    ] {
        let mut socket = Socket::open(address).await;
        socket.send_bytes(bytes).await;
        assert_eq!(socket.closed().await, expected, "{bytes:?}");
    }
    other.is_silent().await;
}

#[tokio::test]
async fn an_operation_before_the_beginning_is_unauthorized() {
    let app = TestApp::start().await;
    let mut socket = Socket::connect(app.listen().await).await;
    let document = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
    socket.subscribe("1", document, json!({"input": order(1)})).await;
    assert_eq!(socket.closed().await, closed(4401, "Unauthorized"));
    assert_eq!(app.stored().await.counts(), [0; 5]);
}

#[tokio::test]
async fn a_client_that_never_begins_is_shown_out_after_ten_seconds() {
    let app = TestApp::start().await;
    let begun = Instant::now();
    let mut socket = Socket::connect(app.listen().await).await;
    // Talking about something else does not help.
    socket.is_silent().await;
    assert_eq!(socket.closed().await, closed(4408, "Connection initialisation timeout"));
    assert!((9..20).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_second_beginning_is_too_many() {
    let app = TestApp::start().await;
    let mut socket = Socket::open(app.listen().await).await;
    socket.say(json!({"type": "connection_init"})).await;
    assert_eq!(socket.closed().await, closed(4429, "Too many initialisation requests"));
}

#[tokio::test]
async fn an_id_names_one_operation_at_a_time() {
    let app = TestApp::start().await;
    let address = app.listen().await;
    let mut socket = Socket::open(address).await;
    for _ in 0..3 {
        socket.subscribe("1", "{ viewer { tenantId } }", json!({})).await;
        assert_eq!(
            socket.word("1").await,
            Word::Next(json!({"data": {"viewer": {"tenantId": "default"}}, "extensions": {"cost": 2}}))
        );
        assert_eq!(socket.word("1").await, Word::Complete);
    }
    socket.subscribe("1", crate::event::WATCH, json!({})).await;
    socket.is_silent().await;
    socket.say(json!({"type": "complete", "id": "1"})).await;
    socket.subscribe("1", crate::event::WATCH, json!({})).await;
    socket.is_silent().await;
    socket.subscribe("1", "{ viewer { tenantId } }", json!({})).await;
    assert_eq!(socket.closed().await, closed(4409, "An operation with this id is running"));
}

#[tokio::test]
async fn an_operation_that_cannot_be_executed_is_an_error_and_its_id_is_free_again() {
    let app = TestApp::start().await;
    let mut socket = Socket::open(app.listen().await).await;
    for (payload, code) in [
        (json!({"query": "{ viewer"}), "GRAPHQL_PARSE_FAILED"),
        (json!({"query": "{ nothing }"}), "GRAPHQL_VALIDATION_FAILED"),
        (json!({"query": "subscription { nothing }"}), "GRAPHQL_VALIDATION_FAILED"),
        (json!({}), "BAD_USER_INPUT"),
        (json!({"query": 1}), "BAD_USER_INPUT"),
        (json!([{"query": "{ viewer { tenantId } }"}]), "BAD_USER_INPUT"),
    ] {
        socket.say(json!({"type": "subscribe", "id": "1", "payload": payload})).await;
        let Word::Error(errors) = socket.word("1").await else { panic!("{payload} was executed") };
        assert_eq!(errors.as_array().unwrap().len(), 1, "{errors:#}");
        assert_eq!(errors[0]["extensions"]["code"], json!(code), "{errors:#}");
    }
    socket.is_silent().await;
}

#[tokio::test]
async fn a_mutation_over_a_socket_is_like_any_other() {
    let app = TestApp::start().await;
    let mut socket = Socket::open(app.listen().await).await;
    let document = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { status } userErrors { code } } }";
    socket.subscribe("create", document, json!({"input": order(1)})).await;
    let payload = json!({"order": {"status": "IN_PROGRESS"}, "userErrors": []});
    assert_eq!(
        socket.word("create").await,
        Word::Next(json!({"data": {"orderCreate": payload}, "extensions": {"cost": 9}}))
    );
    assert_eq!(socket.word("create").await, Word::Complete);
    assert_eq!(app.check_invariants().await.counts(), [1, 1, 4, 0, 0]);
}

#[tokio::test]
async fn a_message_over_the_limit_ends_the_socket_and_nothing_else() {
    let app = TestApp::start().await;
    let address = app.listen().await;
    let mut other = Socket::open(address).await;
    let mut socket = Socket::open(address).await;
    let limit = app.app.config.limits.body_bytes;
    // The server hangs up before it has read it all, so that its goodbye may be lost on the way.
    if socket.try_send(Message::text(" ".repeat(limit + 1))).await.is_ok() {
        loop {
            match socket.receive().await {
                Some(Ok(Message::Close(frame))) => {
                    let frame = frame.unwrap();
                    assert_eq!(
                        (u16::from(frame.code), frame.reason.as_str()),
                        (1009, "The message is too long")
                    );
                    break;
                }
                Some(Err(_)) | None => break,
                Some(Ok(Message::Ping(_))) => {}
                Some(Ok(other)) => panic!("{other:?}"),
            }
        }
    }
    other.is_silent().await;
}

#[tokio::test]
async fn so_many_operations_run_on_one_socket_and_no_more() {
    let app = TestApp::start().await;
    let mut socket = Socket::open(app.listen().await).await;
    for index in 0..200 {
        socket
            .subscribe(&index.to_string(), crate::event::WATCH, json!({"after": crate::event::cursor(0)}))
            .await;
    }
    socket.subscribe("one more", "{ viewer { tenantId } }", json!({})).await;
    let Word::Error(errors) = socket.word("one more").await else { panic!("it was executed") };
    assert_eq!(errors[0]["extensions"]["code"], json!("QUERY_TOO_COMPLEX"));
    assert_eq!(errors[0]["message"], json!("200 operations run on this socket; end one, or open another"));
    // All of them work.
    app.create(order(1)).await;
    let mut heard = std::collections::HashMap::new();
    for _ in 0..200 * 4 {
        let message = socket.hear().await;
        assert_eq!(message["type"], json!("next"), "{message:#}");
        *heard.entry(message["id"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    assert_eq!(heard.len(), 200);
    assert!(heard.values().all(|count| *count == 4));
    socket.say(json!({"type": "complete", "id": "17"})).await;
    socket.subscribe("one more", "{ viewer { tenantId } }", json!({})).await;
    assert!(matches!(socket.word("one more").await, Word::Next(_)));
}

#[tokio::test]
async fn a_thousand_sockets_that_never_begin_take_nothing_from_others() {
    let app = TestApp::start().await;
    let address = app.listen().await;
    let mut other = Socket::open(address).await;
    other.subscribe("1", crate::event::WATCH, json!({})).await;
    other.is_silent().await;
    let mut silent: Vec<_> =
        stream::iter(0..1_000).map(|_| Socket::connect(address)).buffer_unordered(50).collect().await;
    let metrics = super::get(&app, "/metrics").await.text;
    assert!(metrics.contains("\nwaybill_sockets 1001\n"), "{metrics}");
    // Another caller is served as ever: by POST, on a socket, and by the subscription that it has.
    app.create(order(1)).await;
    assert_eq!(other.events("1", 4).await.len(), 4);
    let answer = crate::harness::wire::post(address, "{ viewer { tenantId } }", &json!({})).await.unwrap();
    assert_eq!(answer["data"]["viewer"]["tenantId"], json!("default"));
    Socket::open(address).await.is_silent().await;
    // Each of the silent is shown out.
    for socket in &mut silent {
        assert_eq!(socket.closed().await, closed(4408, "Connection initialisation timeout"));
    }
    other.is_silent().await;
}
