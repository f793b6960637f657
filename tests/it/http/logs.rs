//! What the log tells of requests, and what it never does.

use std::{
    io,
    sync::{Arc, LazyLock, Mutex},
};

use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use super::{post, post_json};
use crate::harness::{Socket, TestApp, samples::order};

/// Log lines that are kept.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Kept {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Kept {
    /// Begins to keep the lines of this test, in the format for machines.
    fn start(filter: &str) -> (Self, tracing::subscriber::DefaultGuard) {
        // With a single subscriber, a place in the code that another test's thread comes to first would count as one that
        // nobody listens to, for all threads.
        static SECOND: LazyLock<tracing::Dispatch> =
            LazyLock::new(|| tracing::Dispatch::new(tracing_subscriber::registry()));
        LazyLock::force(&SECOND);
        let kept = Self::default();
        let lines =
            tracing_subscriber::fmt().with_env_filter(EnvFilter::new(filter)).with_writer(kept.clone());
        let subscriber = lines.json().flatten_event(true).with_span_list(false).finish();
        (kept, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn a_failure_is_logged_with_its_request_tenant_and_operation() {
    let (kept, _guard) = Kept::start("info");
    let app = TestApp::start().await;
    let db = sea_orm::Database::connect(&app.database.url).await.unwrap();
    db.execute_unprepared("ALTER TABLE platform_order RENAME TO gone").await.unwrap();
    db.close().await.unwrap();
    let body = json!({"query": "query Orders { orders { nodes { id } } }"}).to_string();
    post(&app, &[("content-type", "application/json"), ("x-request-id", "the-broken-one")], body).await;
    let text = kept.text();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed: Vec<_> = lines.iter().filter(|line| line["message"] == "a request failed").collect();
    assert_eq!(failed.len(), 1, "{text}");
    assert_eq!(failed[0]["request.id"], "the-broken-one");
    let span = json!({
        "name": "operation", "request.id": "the-broken-one", "tenant.id": "default", "operation.name": "Orders",
    });
    assert_eq!(failed[0]["span"], span);
}

#[tokio::test]
async fn no_contact_is_logged_whatever_becomes_of_it() {
    let (kept, _guard) = Kept::start("debug");
    let app = TestApp::start().await;
    let mut input = order(1);
    input["consignee"] = json!({
        "name": "Zacharias Quandt", "email": "zacharias@quandt.example",
        "phone": {"countryCode": "+49", "number": "1715550123"},
    });
    let personal = ["Zacharias", "Quandt", "quandt.example", "1715550123"];
    let (id, _) = app.create(input.clone()).await;
    let create = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
    let mut wrong = input.clone();
    wrong["consignee"]["email"] = json!("zacharias@quandt.example@");
    let mut misfit = input.clone();
    misfit["consignee"]["phone"] = json!("1715550123");
    for input in [wrong, misfit] {
        post_json(&app, json!({"query": create, "variables": {"input": input}}).to_string()).await;
    }
    post_json(&app, r#"{"query": "{ orders(after: \"Zacharias Quandt\") { nodes { id } } }"}"#).await;
    post_json(&app, r#"{"query": "{ Zacharias(name: \"Quandt\") }", "variables": {"n": "1715550123"}"#).await;
    let read = "query($id: ID!) { order(id: $id) { consignee { name email phone { number } } } }";
    let reply = app.execute(read, json!({"id": id})).await.data();
    assert_eq!(reply["order"]["consignee"]["name"], "Zacharias Quandt");
    let mut socket = Socket::open(app.listen().await).await;
    socket.subscribe("1", read, json!({"id": id})).await;
    socket.subscribe("2", "{ Zacharias }", json!({"name": "Quandt"})).await;
    socket.say(json!({"type": "ping", "payload": {"name": "Quandt"}})).await;
    for _ in 0..4 {
        socket.hear().await;
    }
    let text = kept.text();
    assert!(text.contains("answered"), "nothing was logged: {text}");
    for line in text.lines() {
        assert!(personal.iter().all(|datum| !line.contains(datum)), "{line}");
    }
}
