//! The event log: its query, its subscriptions, and that no reader misses or repeats anything.

mod about;
mod commit_order;
mod lag;
mod processes;
mod query;
mod resume;
mod retention;
mod snippets;
mod subscription;
mod written;

pub(crate) use processes::hear_each_other;

use entity::event;
use serde_json::{Value, json};
use waybill::{events::Cursor, store::Tenant};

use crate::harness::{Socket, TestApp};

/// A subscription to everything from a cursor on.
pub(crate) const WATCH: &str = "subscription($after: String) { orderEvents(after: $after) { id cursor } }";

/// The cursor of a position in the log of the only tenant that HTTP knows.
pub(crate) fn cursor(position: i64) -> String {
    Cursor(position).encode(&Tenant::new("default"))
}

/// The positions that the cursors of some events stand for.
pub(crate) fn positions(events: &[Value]) -> Vec<i64> {
    let tenant = Tenant::new("default");
    let position = |event: &Value| Cursor::decode(&tenant, event["cursor"].as_str().unwrap()).unwrap().0;
    events.iter().map(position).collect()
}

/// Id and cursor of every event in the log.
pub(crate) async fn whole_log(app: &TestApp) -> Vec<Value> {
    let events = app.check_invariants().await.events;
    let seen = |event: &event::Model| json!({"id": event.id.to_string(), "cursor": cursor(event.position)});
    events.iter().map(seen).collect()
}

/// Watches everything after a position.
async fn watch(address: std::net::SocketAddr, after: i64) -> Socket {
    let mut socket = Socket::open(address).await;
    socket.subscribe("1", WATCH, json!({"after": cursor(after)})).await;
    socket
}
