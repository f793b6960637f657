//! What callers ask about lifecycles.

mod document;
mod orders;
mod update;

use serde_json::{Value, json};

use crate::harness::TestApp;

const FIELDS: &str = "owner version initial states { name phase outcome cancellable }
    transitions { event code from to outcome } rollUp { quantifier phase outcome event } createdAt createdBy";

/// The lifecycle in force.
async fn show(app: &TestApp, owner: &str) -> Value {
    app.run(&format!("{{ lifecycle(owner: {owner}) {{ {FIELDS} }} }}")).await.data()["lifecycle"].clone()
}

/// The lifecycle in force, as an input.
async fn input(app: &TestApp, owner: &str) -> Value {
    let mut lifecycle = show(app, owner).await;
    let fields = lifecycle.as_object_mut().unwrap();
    for field in ["version", "createdAt", "createdBy"] {
        fields.remove(field);
    }
    if owner == "WORK_ORDER" {
        fields.remove("rollUp");
    }
    lifecycle
}

/// Adds a member to a list of an input.
fn push(input: &mut Value, list: &str, member: Value) {
    input[list].as_array_mut().unwrap().push(member);
}

fn state(name: &str, phase: &str) -> Value {
    json!({"name": name, "phase": phase})
}

fn transition(event: &str, from: &[&str], to: &str) -> Value {
    json!({"event": event, "from": from, "to": to})
}

/// Sets a lifecycle that must go through, and gives its version.
async fn set(app: &TestApp, input: Value) -> i64 {
    let payload = app.change("lifecycleUpdate", input, "lifecycle { version }").await;
    payload["lifecycle"]["version"].as_i64().unwrap()
}
