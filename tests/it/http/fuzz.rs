//! Documents, variables, requests and frames that nobody would send on purpose: whatever comes, nothing panics, nothing
//! fails that the caller could not mend, and nothing from within shows.
//!
//! A short run by default. `WAYBILL_FUZZ_SECONDS=600 cargo test --test it -- http::fuzz` goes on for so long, each of the
//! two; `WAYBILL_FUZZ_SEED` chooses where to begin. A failure names its seed.

use std::{
    collections::HashMap,
    env,
    time::{Duration, Instant},
};

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition},
};
use axum::{body::Body, http::Request};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::ask_router;
use crate::harness::{Socket, TestApp, samples::order};

/// What no answer may hold, whatever was asked.
const INTERNALS: [&str; 12] = [
    "panicked",
    "SELECT ",
    "INSERT ",
    "UPDATE ",
    "sqlx",
    "sea_orm",
    "SQLite",
    "constraint",
    ".rs:",
    "/src/",
    "RUST_",
    "\"INTERNAL\"",
];
const ROUNDS: u64 = 400;
const CONVERSATIONS: u64 = 25;
const STRINGS: [&str; 12] = [
    "",
    "x",
    "ord_01h00000000000000000000000",
    "wo_",
    "PENDING",
    "2026-03-01T08:00:00Z",
    "49.90",
    "\u{0}",
    "ä🚚\u{202e}",
    "'; DROP TABLE platform_order; --",
    "{\"$serde_json::private::RawValue\":\"1\"}",
    "/////////////////////////",
];

/// How long to go on, or else how often.
struct Course {
    until: Option<Instant>,
    first: u64,
    rounds: u64,
}

impl Course {
    fn new(rounds: u64) -> Self {
        let number = |name| env::var(name).ok().and_then(|text| text.parse().ok());
        let seconds: Option<u64> = number("WAYBILL_FUZZ_SECONDS");
        let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        Self { until, first: number("WAYBILL_FUZZ_SEED").unwrap_or(1), rounds }
    }

    fn seeds(self) -> impl Iterator<Item = u64> {
        let Self { until, first, rounds } = self;
        (first..).take_while(move |seed| match until {
            Some(until) => Instant::now() < until,
            None => *seed < first + rounds,
        })
    }
}

/// The schema, as far as it takes to write documents.
struct Vocabulary {
    fields: HashMap<String, Vec<FieldDefinition>>,
    inputs: HashMap<String, Vec<InputValueDefinition>>,
    values: HashMap<String, Vec<String>>,
    ids: Vec<String>,
}

impl Vocabulary {
    fn new(ids: Vec<String>) -> Self {
        let mut found = Self { fields: HashMap::new(), inputs: HashMap::new(), values: HashMap::new(), ids };
        for definition in parse_schema(waybill::graphql::sdl()).unwrap().definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = definition.node.name.node.to_string();
            match definition.node.kind {
                TypeKind::Object(object) => {
                    found.fields.insert(name, object.fields.into_iter().map(|field| field.node).collect());
                }
                TypeKind::Interface(interface) => {
                    found.fields.insert(name, interface.fields.into_iter().map(|field| field.node).collect());
                }
                TypeKind::InputObject(object) => {
                    found.inputs.insert(name, object.fields.into_iter().map(|field| field.node).collect());
                }
                TypeKind::Enum(values) => {
                    let values = values.values.into_iter().map(|value| value.node.value.node.to_string());
                    found.values.insert(name, values.collect());
                }
                TypeKind::Scalar | TypeKind::Union(_) => {}
            }
        }
        found
    }

    /// A document, mostly of the schema and now and then of nothing.
    fn document(&self, rng: &mut StdRng, root: &str) -> String {
        let kind = root.to_lowercase();
        let mut text = format!("{kind} {{ ");
        for _ in 0..rng.random_range(1..3) {
            self.field(rng, root, 0, &mut text);
        }
        text.push('}');
        match rng.random_range(0..12) {
            0 => text = corrupted(rng, &text),
            1 => text += " fragment F on Order { id ...F }",
            2 => text = format!("{{ a: {} ", text.repeat(2)),
            _ => {}
        }
        text
    }

    fn field(&self, rng: &mut StdRng, of: &str, depth: usize, text: &mut String) {
        let Some(field) = self.fields.get(of).and_then(|fields| fields.choose(rng)) else {
            return text.push_str("__typename ");
        };
        if rng.random_ratio(1, 10) {
            text.push_str(["a: ", "b: ", "a: b: ", "__x: "].choose(rng).unwrap());
        }
        text.push_str(&field.name.node);
        let mut arguments = Vec::new();
        for InputValueDefinition { name, ty, .. } in field.arguments.iter().map(|argument| &argument.node) {
            if !ty.node.nullable || rng.random_ratio(1, 4) {
                arguments.push(format!("{}: {}", name.node, self.literal(rng, &ty.node, 0)));
            }
        }
        if !arguments.is_empty() {
            text.extend(["(", &arguments.join(", "), ")"]);
        }
        if rng.random_ratio(1, 15) {
            text.push_str(
                [" @include(if: true)", " @skip(if: $v)", " @nothing", " @skip"].choose(rng).unwrap(),
            );
        }
        text.push(' ');
        let below = named(&field.ty.node);
        if self.fields.contains_key(below) {
            text.push_str("{ ");
            for _ in 0..rng.random_range(1..4) {
                if depth > 5 {
                    text.push_str("__typename ");
                } else if rng.random_ratio(1, 10) {
                    text.push_str("... on Order { id } ");
                } else {
                    self.field(rng, below, depth + 1, text);
                }
            }
            text.push_str("} ");
        }
    }

    fn literal(&self, rng: &mut StdRng, ty: &Type, depth: usize) -> String {
        if rng.random_ratio(1, 25) {
            let odd = ["null", "$v", "[]", "{}", "1e400", "-9999999999999999999", "\"\"", "[[[[1]]]]"];
            return (*odd.choose(rng).unwrap()).to_owned();
        }
        match &ty.base {
            BaseType::List(of) => {
                let members: Vec<_> =
                    (0..rng.random_range(0..3)).map(|_| self.literal(rng, of, depth + 1)).collect();
                format!("[{}]", members.join(", "))
            }
            BaseType::Named(name) => {
                if let Some(values) = self.values.get(name.as_str()) {
                    return values.choose(rng).unwrap().clone();
                }
                if let Some(fields) = self.inputs.get(name.as_str()) {
                    let is_given = |field: &&InputValueDefinition, rng: &mut StdRng| {
                        !field.ty.node.nullable || depth < 4 && rng.random_ratio(1, 3)
                    };
                    let given: Vec<_> = fields.iter().filter(|field| is_given(field, rng)).collect();
                    let fields: Vec<_> = given
                        .into_iter()
                        .map(|field| {
                            format!("{}: {}", field.name.node, self.literal(rng, &field.ty.node, depth + 1))
                        })
                        .collect();
                    return format!("{{{}}}", fields.join(", "));
                }
                match name.as_str() {
                    "Int" => [1, 0, -1, 20, 100, 2_147_483_647].choose(rng).unwrap().to_string(),
                    "Float" => "0.5".to_owned(),
                    "Boolean" => rng.random::<bool>().to_string(),
                    "ID" => json!(self.ids.choose(rng).unwrap()).to_string(),
                    _ => json!(STRINGS.choose(rng).unwrap()).to_string(),
                }
            }
        }
    }

    /// A request as it is sent, more or less.
    fn request(&self, rng: &mut StdRng) -> Value {
        let root = *["Query", "Query", "Mutation", "Subscription"].choose(rng).unwrap();
        let mut request = json!({"query": self.document(rng, root), "variables": {"v": anything(rng, 0)}});
        match rng.random_range(0..10) {
            0 => request["variables"] = anything(rng, 0),
            1 => request["operationName"] = anything(rng, 2),
            2 => request["extensions"] = anything(rng, 0),
            3 => request["query"] = anything(rng, 2),
            4 => {
                request["extensions"] =
                    json!({"persistedQuery": {"version": 1, "sha256Hash": anything(rng, 2)}});
            }
            _ => {}
        }
        request
    }
}

fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(of) => named(of),
    }
}

/// Any JSON.
fn anything(rng: &mut StdRng, depth: usize) -> Value {
    match rng.random_range(0..if depth > 3 { 5 } else { 7 }) {
        0 => Value::Null,
        1 => json!(rng.random::<bool>()),
        2 => json!(rng.random::<i64>()),
        3 => json!(rng.random::<f64>() * 1e300),
        4 => json!(STRINGS.choose(rng).unwrap()),
        5 => (0..rng.random_range(0..4)).map(|_| anything(rng, depth + 1)).collect(),
        _ => {
            (0..rng.random_range(0..4)).map(|index| (format!("k{index}"), anything(rng, depth + 1))).collect()
        }
    }
}

/// The text with something taken out, doubled or put in.
fn corrupted(rng: &mut StdRng, text: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..rng.random_range(1..4) {
        let place = rng.random_range(0..=characters.len());
        match rng.random_range(0..4) {
            0 => characters.truncate(place),
            1 => drop(
                characters
                    .splice(place..place, ['{', '"', '\\', '$', '(', '\u{feff}', '#'].choose(rng).copied()),
            ),
            2 if place < characters.len() => drop(characters.remove(place)),
            _ => drop(characters.splice(place..place, "[".repeat(200).chars())),
        }
    }
    characters.into_iter().collect()
}

fn check(seed: u64, what: &str, sent: &str, status: u16, answer: &str) {
    let shown = INTERNALS.iter().find(|internal| answer.contains(**internal) && !sent.contains(**internal));
    assert!(
        status < 500 && shown.is_none(),
        "seed {seed}: {what}\n{sent}\nwas answered {status}, with {shown:?}:\n{answer}"
    );
}

async fn start() -> (TestApp, Vocabulary) {
    let app = TestApp::start_with(2).await;
    let (id, work_orders) = app.create(order(2)).await;
    let ids = [vec![id], work_orders, STRINGS[..4].iter().map(|text| (*text).to_owned()).collect()].concat();
    (app, Vocabulary::new(ids))
}

#[tokio::test]
async fn whatever_is_sent_over_http_is_answered_or_refused() {
    let (app, vocabulary) = start().await;
    for seed in Course::new(ROUNDS).seeds() {
        let rng = &mut StdRng::seed_from_u64(seed);
        let mut body = vocabulary.request(rng).to_string();
        let mut request = Request::post("/graphql");
        let mut media = "application/json";
        match rng.random_range(0..12) {
            0 => body = corrupted(rng, &body),
            1 => body = anything(rng, 0).to_string(),
            2 => {
                let query =
                    url::form_urlencoded::Serializer::new(String::new()).append_pair("query", &body).finish();
                request = Request::get(format!(
                    "/graphql?{query}&{}",
                    corrupted(rng, "variables=%7B%7D&extensions=")
                        .replace(|it: char| !it.is_ascii_graphic(), "")
                ));
            }
            3 => media = "text/plain",
            _ => {}
        }
        let accept =
            ["application/json", "application/graphql-response+json", "*/*;q=0.1, x"].choose(rng).unwrap();
        let Ok(request) =
            request.header("content-type", media).header("accept", *accept).body(Body::from(body.clone()))
        else {
            continue;
        };
        let answer = ask_router(app.router.clone(), request).await;
        check(seed, "a request", &body, answer.status, &answer.text);
    }
    app.check_invariants().await;
}

#[tokio::test]
async fn whatever_is_said_on_a_socket_is_answered_or_the_socket_closed() {
    let (app, vocabulary) = start().await;
    let address = app.listen().await;
    for seed in Course::new(CONVERSATIONS).seeds() {
        let rng = &mut StdRng::seed_from_u64(seed);
        let mut socket =
            if rng.random_ratio(1, 8) { Socket::connect(address).await } else { Socket::open(address).await };
        let mut sent = String::new();
        for number in 0..rng.random_range(1..12) {
            let id = (number % 4).to_string();
            let message = match rng.random_range(0..10) {
                0 => json!({"type": "complete", "id": id}),
                1 => json!({"type": "ping", "payload": anything(rng, 0)}),
                2 => json!({"type": anything(rng, 2), "id": anything(rng, 2), "payload": anything(rng, 0)}),
                3 => json!({"type": "connection_init"}),
                _ => {
                    json!({"type": "subscribe", "id": format!("{id}-{number}"), "payload": vocabulary.request(rng)})
                }
            };
            let text = message.to_string();
            let text = if rng.random_ratio(1, 20) { corrupted(rng, &text) } else { text };
            sent += &text;
            sent.push('\n');
            let message = if rng.random_ratio(1, 40) { Message::binary(text) } else { Message::text(text) };
            if socket.try_send(message).await.is_err() {
                break;
            }
        }
        // The answer to this comes last, unless the socket was closed before.
        let _ = socket.try_send(Message::text(r#"{"type": "ping", "payload": {"at": "the end"}}"#)).await;
        while let Some(Ok(message)) = socket.receive().await {
            match message {
                Message::Text(text) => {
                    check(seed, "a conversation", &sent, 200, &text);
                    if text.contains("the end") {
                        break;
                    }
                }
                Message::Close(Some(frame)) => {
                    let code = u16::from(frame.code);
                    assert!((4400..4500).contains(&code) || code == 1009, "seed {seed}: {frame:?}\n{sent}");
                    break;
                }
                _ => {}
            }
        }
    }
    // Whoever speaks properly is still heard.
    Socket::open(address).await.is_silent().await;
    app.check_invariants().await;
}
