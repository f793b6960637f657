//! A server that is told to stop finishes what it has begun.

use std::net::SocketAddr;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    event::{WATCH, cursor},
    harness::{Socket, TestApp, samples::order, socket::Word, wait::within, wire},
};

/// The whole server, until the token is cancelled.
async fn serve(app: &TestApp) -> (SocketAddr, CancellationToken, JoinHandle<anyhow::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let server = tokio::spawn(waybill::serve::run(app.app.clone(), listener, stop.clone()));
    (address, stop, server)
}

/// Sends all but the body of a mutation, and returns once the server waits for that.
async fn begin_request(address: SocketAddr, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         expect: 100-continue\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let expected = b"HTTP/1.1 100 Continue\r\n\r\n";
    let mut line = vec![0; expected.len()];
    within("the server's consent", stream.read_exact(&mut line)).await.unwrap();
    assert_eq!(line, expected);
    stream
}

#[tokio::test]
async fn requests_in_flight_finish_and_sockets_are_told_to_come_back() {
    let app = TestApp::start_with(2).await;
    let (address, stop, server) = serve(&app).await;
    let mut subscriber = Socket::open(address).await;
    subscriber.subscribe("1", WATCH, json!({"after": cursor(0)})).await;
    let mut idle = Socket::open(address).await;
    wire::post(address, "{ viewer { tenantId } }", &json!({})).await.unwrap();
    app.create(order(1)).await;
    assert_eq!(subscriber.events("1", 4).await.len(), 4);
    let document = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { status } } }";
    let body = json!({"query": document, "variables": {"input": order(2)}}).to_string();
    let mut in_flight = begin_request(address, &body).await;

    stop.cancel();
    assert_eq!(subscriber.closed().await, (1001, "The server is stopping".to_owned()));
    assert_eq!(idle.closed().await, (1001, "The server is stopping".to_owned()));
    drop((subscriber, idle));
    assert!(!server.is_finished());
    in_flight.write_all(body.as_bytes()).await.unwrap();
    let (status, answer) = within("the answer", wire::read_answer(&mut in_flight)).await.unwrap();
    assert_eq!(
        (status, answer.as_str()),
        (200, r#"{"data":{"orderCreate":{"order":{"status":"IN_PROGRESS"}}},"extensions":{"cost":3}}"#)
    );
    within("the end of the server", server).await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
    assert_eq!(app.check_invariants().await.counts(), [2, 3, 9, 0, 0]);
}

#[tokio::test]
async fn a_stream_ends_without_a_last_word_so_that_its_client_comes_back() {
    let app = TestApp::start_with(2).await;
    let (address, stop, server) = serve(&app).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let query = "/graphql?query=subscription%7BorderEvents%7Bid%7D%7D";
    let head = format!("GET {query} HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut read = String::new();
    let id = format!(":\nid: {}\n\n", cursor(0));
    while !read.contains(&id) {
        let mut bytes = [0; 4096];
        let length = within("the stream", stream.read(&mut bytes)).await.unwrap();
        assert_ne!(length, 0, "{read}");
        read.push_str(std::str::from_utf8(&bytes[..length]).unwrap());
    }
    stop.cancel();
    let mut rest = String::new();
    within("the end of the stream", stream.read_to_string(&mut rest)).await.unwrap();
    // The end of the body, and nothing in it.
    assert_eq!(rest, "0\r\n\r\n");
    within("the end of the server", server).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_idle_server_stops_at_once_and_twice_is_no_more_than_once() {
    let app = TestApp::start().await;
    let (address, stop, server) = serve(&app).await;
    wire::post(address, "{ viewer { tenantId } }", &json!({})).await.unwrap();
    // A connection that is kept alive, and nothing on it.
    let _connection = TcpStream::connect(address).await.unwrap();
    let begun = std::time::Instant::now();
    stop.cancel();
    stop.cancel();
    within("the end of the server", server).await.unwrap().unwrap();
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_mutation_on_a_socket_is_answered_before_the_socket_is_closed() {
    // The kind of the operation decides, not a word in its text.
    for remark in ["", "# no subscription\n"] {
        let app = TestApp::start().await;
        let (address, stop, server) = serve(&app).await;
        let mut socket = Socket::open(address).await;
        // It waits for the only connection that can write.
        let other =
            app.app.database.write_transaction(&waybill::store::Tenant::new("default"), 0).await.unwrap();
        let document = format!(
            "{remark}mutation($input: OrderCreateInput!) {{ orderCreate(input: $input) {{ order {{ status }} }} }}"
        );
        socket.subscribe("1", &document, json!({"input": order(1)})).await;
        // It is being worked on once this is answered, or before.
        socket.is_silent().await;
        stop.cancel();
        other.rollback().await.unwrap();
        let data = json!({"orderCreate": {"order": {"status": "IN_PROGRESS"}}});
        let answer = json!({"data": data, "extensions": {"cost": 3}});
        assert_eq!(socket.word("1").await, Word::Next(answer));
        assert_eq!(socket.word("1").await, Word::Complete);
        assert_eq!(socket.closed().await, (1001, "The server is stopping".to_owned()));
        drop(socket);
        within("the end of the server", server).await.unwrap().unwrap();
    }
}
