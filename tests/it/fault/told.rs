//! What callers were told of their mutations, and whether the store keeps to it.

use std::collections::{BTreeMap, BTreeSet};

use entity::{id::OrderId, order};
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Server;
use crate::harness::{
    Stored, TestApp,
    samples::{self, with},
    text,
    wait::until,
    wire,
};

const WORK_ORDERS: usize = 3;
/// ORDER_CREATED, a WORK_ORDER_CREATED each, VALIDATE and START.
const EVENTS: usize = WORK_ORDERS + 3;
/// The version of an order that was created and not changed since: its own events.
const CREATED: i32 = 3;
/// What an order is found by in lists: the consignee's phone and the indexed attribute.
const ENTRIES: usize = 2;
/// How many orders go into a group.
const GROUP: usize = 5;
/// How many questions are asked at the same time.
const AT_ONCE: usize = 16;
/// The indexed attribute of an order that was not changed.
const TIER: &str = "silver";

const CREATE: &str = "mutation($input: OrderCreateInput!) { payload: orderCreate(input: $input) {
    order { id version workOrders { id } } cursor idempotentReplay userErrors { code message path }
} }";
const CREATE_MANY: &str =
    "mutation($input: OrdersCreateInput!) { payload: ordersCreate(input: $input) { results {
    order { id version workOrders { id } } cursor idempotentReplay userErrors { code message path }
} } }";
const UPDATE: &str = "mutation($input: OrderUpdateInput!) { payload: orderUpdate(input: $input) {
    order { id version workOrders { id } } cursor idempotentReplay userErrors { code message path }
} }";
const CANCEL: &str = "mutation($input: OrderCancelInput!) {
    payload: orderCancel(input: $input) { userErrors { code } }
}";
const DEFINE: &str = "mutation($input: AttributeDefinitionCreateInput!) {
    payload: attributeDefinitionCreate(input: $input) { userErrors { code message } }
}";

/// Where operations are sent.
pub(super) trait Service {
    /// Executes a document, and gives the whole answer.
    async fn send(&self, document: &str, input: Value) -> Value;
}

impl Service for TestApp {
    async fn send(&self, document: &str, input: Value) -> Value {
        self.execute(document, json!({"input": input})).await.0
    }
}

impl Service for Server {
    async fn send(&self, document: &str, input: Value) -> Value {
        wire::post(self.address, document, &json!({"input": input})).await.unwrap()
    }
}

/// A mutation that is tried while something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutation {
    /// An order.
    Create,
    /// The attributes of an order.
    Update,
    /// Several orders in one request.
    CreateMany,
    /// Several orders in requests of their own that come at the same time.
    CreateAtOnce,
}

/// What may have become of a mutation that was answered UNAVAILABLE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// It was not done.
    IsAbsent,
    /// It was done wholly or not at all: the store was told to keep it, and failed before it said that it had.
    IsWholeOrAbsent,
}

/// An order that was acknowledged.
#[derive(Clone, Debug)]
struct Known {
    id: String,
    version: i32,
    work_orders: BTreeSet<String>,
    cursor: Value,
}

/// What callers were told. Orders are known by their idempotency key, which is also the client's reference.
#[derive(Debug, Default)]
pub(super) struct Told {
    named: usize,
    orders: BTreeMap<String, Known>,
    /// The key of the acknowledged update of an order; none is updated twice.
    updates: BTreeMap<String, String>,
    unanswered: BTreeSet<String>,
    /// The key of the update of an order that was answered UNAVAILABLE.
    unanswered_updates: BTreeMap<String, String>,
    /// Answers that are neither an acknowledgement nor UNAVAILABLE.
    surprises: Vec<String>,
}

fn new_order(key: &str) -> Value {
    let order = with(samples::order(WORK_ORDERS), "clientOrderId", json!(key));
    let order = with(order, "customAttributes", json!({"tier": TIER}));
    with(order, "idempotencyKey", json!(key))
}

/// The update's key is its new value as well. Its remark is large, so that it needs room.
fn change(id: &str, key: &str) -> Value {
    let attributes = json!({"tier": key, "remark": "much to say ".repeat(150)});
    json!({"id": id, "customAttributes": attributes, "idempotencyKey": key})
}

/// What a store holds of each order.
#[derive(Default)]
struct Counted<'a> {
    work_orders: BTreeMap<OrderId, BTreeSet<String>>,
    events: BTreeMap<OrderId, usize>,
    entries: BTreeMap<Uuid, usize>,
    keys: BTreeMap<&'a str, Uuid>,
}

impl<'a> Counted<'a> {
    fn of(stored: &'a Stored) -> Self {
        let mut counted = Self::default();
        for work_order in &stored.work_orders {
            counted.work_orders.entry(work_order.order_id).or_default().insert(work_order.id.to_string());
        }
        for event in &stored.events {
            *counted.events.entry(event.order_id).or_default() += 1;
        }
        for entry in &stored.entries {
            *counted.entries.entry(entry.entity_id).or_default() += 1;
        }
        counted.keys = stored.keys.iter().map(|key| (key.key.as_str(), key.entity_id)).collect();
        counted
    }
}

impl Told {
    /// Defines the attributes that orders have here.
    pub(super) async fn begin(service: &impl Service) -> Self {
        for (key, indexed) in [("tier", true), ("remark", false)] {
            let input = json!({"owner": "ORDER", "key": key, "type": "STRING", "indexed": indexed});
            let answer = service.send(DEFINE, input).await;
            assert_eq!(answer["data"]["payload"]["userErrors"], json!([]), "{answer:#}");
        }
        Self::default()
    }

    fn name(&mut self) -> String {
        self.named += 1;
        format!("key-{:05}", self.named)
    }

    /// The payload of a mutation that was done.
    fn payload<'a>(&mut self, answer: &'a Value) -> Option<&'a Value> {
        if let Some(error) = answer.get("errors").map(|errors| &errors[0]) {
            if error["extensions"]["code"] != json!("UNAVAILABLE") {
                self.surprises.push(error.to_string());
            }
            return None;
        }
        Some(&answer["data"]["payload"])
    }

    fn hear_of_order(&mut self, key: &str, payload: Option<&Value>) -> bool {
        let is_done = payload.is_some_and(|payload| payload["userErrors"] == json!([]));
        if let Some(payload) = payload.filter(|_| is_done) {
            let order = &payload["order"];
            let work_orders = order["workOrders"].as_array().unwrap();
            let known = Known {
                id: text(&order["id"]),
                version: i32::try_from(order["version"].as_i64().unwrap()).unwrap(),
                work_orders: work_orders.iter().map(|work_order| text(&work_order["id"])).collect(),
                cursor: payload["cursor"].clone(),
            };
            self.orders.insert(key.to_owned(), known);
            self.unanswered.remove(key);
        } else {
            self.surprises.extend(payload.map(ToString::to_string));
            self.unanswered.insert(key.to_owned());
        }
        is_done
    }

    /// Creates an order; gives its key if that was done.
    pub(super) async fn create(&mut self, service: &impl Service) -> Option<String> {
        let key = self.name();
        let answer = service.send(CREATE, new_order(&key)).await;
        let payload = self.payload(&answer);
        self.hear_of_order(&key, payload).then_some(key)
    }

    /// Creates orders until one is done, which must not take long.
    pub(super) async fn go_on(&mut self, service: &impl Service) -> String {
        until("an order", async || self.create(service).await).await
    }

    async fn create_many(&mut self, service: &impl Service) -> bool {
        let keys: Vec<_> = (0..GROUP).map(|_| self.name()).collect();
        let orders: Vec<_> = keys.iter().map(|key| new_order(key)).collect();
        let answer = service.send(CREATE_MANY, json!({"orders": orders})).await;
        let payload = self.payload(&answer);
        let heard = keys.iter().enumerate();
        heard.fold(true, |all, (at, key)| {
            self.hear_of_order(key, payload.map(|payload| &payload["results"][at])) && all
        })
    }

    async fn create_at_once(&mut self, service: &impl Service) -> bool {
        let keys: Vec<_> = (0..GROUP).map(|_| self.name()).collect();
        let answers = join_all(keys.iter().map(|key| service.send(CREATE, new_order(key)))).await;
        keys.iter().zip(&answers).fold(true, |all, (key, answer)| {
            let payload = self.payload(answer);
            self.hear_of_order(key, payload) && all
        })
    }

    /// Updates an order that was acknowledged and not updated before.
    async fn update(&mut self, service: &impl Service, order: &str) -> bool {
        let key = self.name();
        self.update_under(service, order, &key).await.is_some()
    }

    /// The same under a key; gives whether it was a repetition.
    async fn update_under(&mut self, service: &impl Service, order: &str, key: &str) -> Option<bool> {
        let answer = service.send(UPDATE, change(&self.orders[order].id, key)).await;
        let payload = self.payload(&answer);
        if !self.hear_of_order(order, payload) {
            // The order itself was acknowledged before.
            self.unanswered.remove(order);
            self.unanswered_updates.insert(order.to_owned(), key.to_owned());
            return None;
        }
        self.unanswered_updates.remove(order);
        self.updates.insert(order.to_owned(), key.to_owned());
        payload.map(|payload| payload["idempotentReplay"] == json!(true))
    }

    /// Tries a mutation; `order` is what is updated. Gives whether all of it was acknowledged.
    pub(super) async fn attempt(&mut self, mutation: Mutation, service: &impl Service, order: &str) -> bool {
        match mutation {
            Mutation::Create => self.create(service).await.is_some(),
            Mutation::Update => self.update(service, order).await,
            Mutation::CreateMany => self.create_many(service).await,
            Mutation::CreateAtOnce => self.create_at_once(service).await,
        }
    }

    /// Asks for what is refused every day: a key that was used for something else, or an order that is not there.
    pub(super) async fn be_refused(&mut self, service: &impl Service, number: usize) {
        let known = self.orders.keys().next().filter(|_| number % 2 == 1).cloned();
        let (document, input, code) = match known {
            Some(key) => {
                (CREATE, with(new_order(&key), "clientOrderId", json!("another")), "IDEMPOTENCY_MISMATCH")
            }
            None => (CANCEL, json!({"id": OrderId(Uuid::nil()).to_string()}), "NOT_FOUND"),
        };
        let answer = service.send(document, input).await;
        if let Some(payload) = self.payload(&answer)
            && payload["userErrors"][0]["code"] != json!(code)
        {
            self.surprises.push(payload.to_string());
        }
    }

    /// How many mutations were answered UNAVAILABLE.
    pub(super) fn unanswered(&self) -> usize {
        self.unanswered.len() + self.unanswered_updates.len()
    }

    /// Sees to it that the store holds everything that was acknowledged, whole, and nothing else, except for what
    /// `unanswered` lets pass; and that there was no other answer than an acknowledgement and UNAVAILABLE.
    pub(super) fn check(&self, stored: &Stored, unanswered: Unanswered) {
        let found: BTreeMap<_, _> =
            stored.orders.iter().map(|order| (order.client_order_id.as_str(), order)).collect();
        let lost: Vec<_> = self.orders.keys().filter(|key| !found.contains_key(key.as_str())).collect();
        assert!(
            lost.is_empty(),
            "{} of {} acknowledged orders are not in the store: {lost:?}; also heard: {:?}",
            lost.len(),
            self.orders.len(),
            self.surprises
        );
        stored.check();
        assert_eq!(found.len(), stored.orders.len(), "an order is there twice");
        assert_eq!(stored.work_orders.len(), WORK_ORDERS * stored.orders.len());
        let counted = Counted::of(stored);
        let mut keys = BTreeSet::new();
        for (key, order) in &found {
            match self.orders.get(*key) {
                Some(known) => {
                    assert_eq!(order.id.to_string(), known.id, "{key}");
                    assert_eq!(counted.work_orders.get(&order.id), Some(&known.work_orders), "{key}");
                }
                None => assert!(
                    unanswered == Unanswered::IsWholeOrAbsent && self.unanswered.contains(*key),
                    "{key} is there and was not acknowledged"
                ),
            }
            keys.insert((*key).to_owned());
            keys.extend(self.check_order(&counted, key, order, unanswered));
        }
        let stored_keys: BTreeSet<_> = stored.keys.iter().map(|key| key.key.clone()).collect();
        assert_eq!(stored_keys, keys);
        assert!(self.surprises.is_empty(), "{:?}", self.surprises);
    }

    /// Sees to it that an order is whole, and gives the key of the update that was done to it.
    fn check_order(
        &self,
        counted: &Counted<'_>,
        key: &str,
        order: &order::Model,
        unanswered: Unanswered,
    ) -> Option<String> {
        let done = self.updates.get(key).or_else(|| {
            let may_be = unanswered == Unanswered::IsWholeOrAbsent && order.version > CREATED;
            self.unanswered_updates.get(key).filter(|_| may_be)
        });
        let more = i32::from(done.is_some());
        assert_eq!((order.version, order.status.as_str()), (CREATED + more, "IN_PROGRESS"), "{key}");
        assert_eq!(counted.events.get(&order.id), Some(&(EVENTS + usize::from(done.is_some()))), "{key}");
        let attributes: Value = serde_json::from_str(&order.custom_attributes).unwrap();
        assert_eq!(attributes["tier"], json!(done.map_or(TIER, String::as_str)), "{key}");
        assert_eq!(counted.entries.get(&order.id.0), Some(&ENTRIES), "{key}");
        let is_kept = |key: &str| counted.keys.get(key) == Some(&order.id.0);
        assert!(is_kept(key) && done.is_none_or(|key| is_kept(key)), "the keys of {key}");
        done.cloned()
    }

    /// Asks the service itself for every order that was acknowledged.
    pub(super) async fn ask(&self, service: &impl Service) {
        let known: Vec<_> = self.orders.values().collect();
        for some in known.chunks(AT_ONCE) {
            let answers = some.iter().map(|known| {
                let query = format!(
                    "{{ order(id: {:?}) {{
                        version workOrders {{ id }} events(last: 1) {{ nodes {{ cursor }} }}
                    }} }}",
                    known.id
                );
                async move { service.send(&query, json!(null)).await }
            });
            for (known, answer) in some.iter().zip(join_all(answers).await) {
                let order = &answer["data"]["order"];
                assert_eq!(order["version"], json!(known.version), "{answer:#}");
                assert_eq!(order["events"]["nodes"][0]["cursor"], known.cursor, "{answer:#}");
                let work_orders = order["workOrders"].as_array().unwrap();
                let work_orders: BTreeSet<_> = work_orders.iter().map(|it| text(&it["id"])).collect();
                assert_eq!(work_orders, known.work_orders);
            }
        }
    }

    /// Asks again, under the same keys, for everything that was answered UNAVAILABLE: what the store holds after all is
    /// given once more, and what it does not hold is done now.
    pub(super) async fn repeat(&mut self, service: &impl Service, stored: &Stored) {
        let is_kept = |key: &str| stored.keys.iter().any(|kept| kept.key == key);
        for key in self.unanswered.clone() {
            let answer = service.send(CREATE, new_order(&key)).await;
            let payload = self.payload(&answer);
            assert!(self.hear_of_order(&key, payload), "{answer:#}");
            assert_eq!(payload.unwrap()["idempotentReplay"], json!(is_kept(&key)), "{key}");
        }
        for (order, key) in self.unanswered_updates.clone() {
            let replay = self.update_under(service, &order, &key).await;
            assert_eq!(replay, Some(is_kept(&key)), "{key} of {order}");
        }
    }
}
