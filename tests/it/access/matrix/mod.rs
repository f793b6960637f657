//! Who is answered what, for everything that the schema has.
//!
//! The tests walk the schema and no list of names. Every field of the three roots is asked for, and every other field that
//! stands in [`waybill::graphql::guard::SCOPES`], the latter by the shortest way from each root and by each field that finds
//! anything by its id. A field that is added is asked for without anybody remembering it; one that needs a value of a new
//! kind stops the test, which says what to teach it.
//!
//! What is crossed with what:
//!
//! - Each field with each transport that carries it, and with each caller: one without scopes, one of another tenant, one
//!   for each scope, one with all but one of those that are needed, one with just those, and an admin.
//! - Each field with each shape of a document (see [`shape::Shape`]), and with each order of `operationName`s in which a
//!   caller without scopes may begin. Both are spread over the transports: what a document needs is worked out in the same
//!   place for all of them. Values stand in the document and in variables by turns.
//! - Each of these documents is new to the server, with two lives: in one, those come first who may not send it; in the
//!   other, those who may. Afterwards they take turns, so that whatever is kept of a document was made by one and is met by
//!   the other.
//!
//! Whoever may not ask is refused, and nothing is done: all rows of all tables are compared, and how often plugins were
//! asked. Whoever may is not refused, so that a server that refuses everything does not pass; most mutations must change
//! something then, so that a comparison means something. A field that is skipped needs its scopes all the same.

mod attack;
mod door;
mod expected;
mod fingerprint;
mod kept;
mod limits;
mod schema;
mod shape;
mod target;
mod values;
mod visit;
mod world;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use waybill::graphql::guard::SCOPES;

use self::{
    door::Transport,
    expected::Naming,
    fingerprint::Fingerprint,
    schema::Schema,
    shape::Shape,
    visit::{shapes, try_every_field},
};
use crate::harness::{TestApp, samples};

#[tokio::test]
async fn no_order_of_names_opens_a_field_by_post() {
    try_every_field(Transport::Post).await;
}

#[tokio::test]
async fn no_order_of_names_opens_a_field_by_get() {
    try_every_field(Transport::Get).await;
}

#[tokio::test]
async fn no_order_of_names_opens_a_field_in_a_batch() {
    try_every_field(Transport::Batch).await;
}

#[tokio::test]
async fn no_order_of_names_opens_a_field_in_a_persisted_document() {
    try_every_field(Transport::Persisted).await;
}

#[tokio::test]
async fn no_order_of_names_opens_a_field_in_a_trusted_document() {
    try_every_field(Transport::Trusted).await;
}

#[tokio::test]
async fn no_order_of_names_opens_a_field_on_a_stream() {
    try_every_field(Transport::Stream).await;
}

#[tokio::test]
async fn no_order_of_names_opens_a_field_on_a_stream_of_a_browser() {
    try_every_field(Transport::BrowserStream).await;
}

#[tokio::test]
async fn no_order_of_names_opens_a_field_on_a_socket() {
    try_every_field(Transport::Socket).await;
}

#[test]
fn nothing_in_the_schema_is_left_out() {
    let schema = Schema::read();
    let targets = target::all(&schema);
    let asked: BTreeSet<_> = targets.iter().map(target::Target::key).collect();
    for root in target::ROOTS {
        for field in schema.fields(root) {
            let key = format!("{root}.{}", field.name.node);
            assert!(asked.contains(&key), "{key} is not asked for");
        }
    }
    let mut ways = BTreeMap::<_, Vec<_>>::new();
    for target in &targets {
        ways.entry(target.key()).or_default().push(target.way());
    }
    for (key, scopes) in SCOPES {
        let ways = ways.get(*key).unwrap_or_else(|| panic!("nothing leads to {key}"));
        let is_root = target::ROOTS.contains(&key.split('.').next().unwrap());
        assert!(is_root || ways.len() > 2, "{key}, which needs {scopes:?}, is reached by {ways:?} alone");
    }
    let (mut found, mut begun) = (HashSet::new(), HashSet::new());
    for (number, target) in targets.iter().enumerate() {
        for transport in Transport::ALL {
            for (turn, shape) in shapes(target.root, number, transport) {
                assert!(found.insert((number, shape)));
                begun.insert((number, Naming::ALL[turn % Naming::ALL.len()]));
            }
        }
    }
    assert_eq!(found.len(), targets.len() * Shape::ALL.len());
    assert_eq!(begun.len(), targets.len() * Naming::ALL.len());
}

#[tokio::test]
async fn whatever_is_written_shows_in_the_rows() {
    let app = TestApp::start().await;
    let fingerprint = Fingerprint::of(&app).await;
    let before = fingerprint.rows().await;
    assert_eq!(fingerprint.rows().await, before);
    let (id, _) = app.create(samples::order(1)).await;
    let created = fingerprint.rows().await;
    assert!(
        fingerprint::difference(&before, &created).iter().any(|row| row.contains("A-1001")),
        "{created:?}"
    );
    app.mutate("orderUpdate", serde_json::json!({"id": id, "domain": "elsewhere"}), "userErrors { code }")
        .await;
    assert!(fingerprint.rows().await != created);
}
