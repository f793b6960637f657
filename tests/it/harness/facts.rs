//! What the store holds, read past the API: what a refusal must leave as it was, and what must hold after anything.

use std::collections::BTreeMap;

use entity::{
    attribute_definition, attribute_origin, event, event_head,
    id::{OrderId, WorkOrderId},
    idempotency_key, list_entry, order, plugin_run,
    stored::EventType,
    work_order,
};
use sea_orm::{DatabaseConnection, EntityTrait};
use serde_json::{Value, json};

use super::{TestApp, app::text};

/// Everything that a change of orders writes to.
#[derive(Debug, PartialEq)]
pub(crate) struct Stored {
    pub(crate) orders: Vec<order::Model>,
    pub(crate) work_orders: Vec<work_order::Model>,
    pub(crate) events: Vec<event::Model>,
    pub(crate) heads: Vec<event_head::Model>,
    pub(crate) keys: Vec<idempotency_key::Model>,
    pub(crate) runs: Vec<plugin_run::Model>,
    pub(crate) definitions: Vec<attribute_definition::Model>,
    pub(crate) origins: Vec<attribute_origin::Model>,
    pub(crate) entries: Vec<list_entry::Model>,
}

impl Stored {
    /// How many orders, work orders, events, kept answers and plugin runs there are.
    pub(crate) fn counts(&self) -> [usize; 5] {
        [self.orders.len(), self.work_orders.len(), self.events.len(), self.keys.len(), self.runs.len()]
    }

    /// Reads a store past whoever serves it, over a connection of its own.
    pub(crate) async fn read(url: &str) -> Self {
        let db = &sea_orm::Database::connect(url).await.unwrap();
        let mut stored = Self {
            orders: all::<order::Entity>(db).await,
            work_orders: all::<work_order::Entity>(db).await,
            events: all::<event::Entity>(db).await,
            heads: all::<event_head::Entity>(db).await,
            keys: all::<idempotency_key::Entity>(db).await,
            runs: all::<plugin_run::Entity>(db).await,
            definitions: all::<attribute_definition::Entity>(db).await,
            origins: all::<attribute_origin::Entity>(db).await,
            entries: all::<list_entry::Entity>(db).await,
        };
        db.clone().close().await.unwrap();
        stored.orders.sort_by_key(|row| row.id);
        stored.work_orders.sort_by_key(|row| row.id);
        stored.events.sort_by_key(|row| row.position);
        stored.heads.sort_by(|a, b| a.tenant_id.cmp(&b.tenant_id));
        stored.keys.sort_by(|a, b| a.key.cmp(&b.key));
        stored.runs.sort_by_key(|row| row.id);
        stored.definitions.sort_by_key(|row| row.id);
        stored.origins.sort_by_key(|row| (row.entity_id, row.key.clone()));
        stored.entries.sort_by_key(|row| (row.entity_id, row.field));
        stored
    }

    /// The version of everything is the number of its events, each of which names the version that it made; and the
    /// positions of the log have no gaps.
    pub(crate) fn check(&self) {
        let mut events = BTreeMap::<(OrderId, Option<WorkOrderId>), Vec<i32>>::new();
        // The end of a run is about the run, and moves no version.
        for event in self.events.iter().filter(|event| event.kind != EventType::PluginRunFinished) {
            events.entry((event.order_id, event.work_order_id)).or_default().push(event.entity_version);
        }
        let mut versions_of =
            |order, work_order: Option<WorkOrderId>| events.remove(&(order, work_order)).unwrap_or_default();
        for order in &self.orders {
            let versions: Vec<i32> = (1..=order.version).collect();
            assert_eq!(versions_of(order.id, None), versions, "{}", order.id);
        }
        for work_order in &self.work_orders {
            let versions: Vec<i32> = (1..=work_order.version).collect();
            let found = versions_of(work_order.order_id, Some(work_order.id));
            assert_eq!(found, versions, "{}", work_order.id);
        }
        for head in &self.heads {
            let log = self.events.iter().filter(|event| event.tenant_id == head.tenant_id);
            let positions: Vec<i64> = log.map(|event| event.position).collect();
            assert_eq!(positions, (1..=head.position).collect::<Vec<_>>(), "the log of {}", head.tenant_id);
        }
    }
}

impl TestApp {
    /// What the store holds.
    pub(crate) async fn stored(&self) -> Stored {
        Stored::read(&self.database.url).await
    }

    /// Sees to what must hold whatever happened, and gives what the store holds.
    pub(crate) async fn check_invariants(&self) -> Stored {
        let stored = self.stored().await;
        stored.check();
        stored
    }

    /// Sends a mutation that must be refused, sees to it that nothing was written, and gives the `userErrors`.
    pub(crate) async fn refuse(&self, mutation: &str, input: Value) -> Vec<Value> {
        let before = self.stored().await;
        let entity = if mutation.starts_with("workOrder") { "workOrder" } else { "order" };
        let selection = format!(
            "{entity} {{ id }} cursor idempotentReplay userErrors {{ __typename code message path \
             ... on VersionConflict {{ currentVersion }} ... on TransitionBlocked {{ currentStatus blockedBy }} }}"
        );
        let payload = self.mutate(mutation, input, &selection).await;
        assert_eq!(payload[entity], Value::Null, "{payload:#}");
        assert_eq!(payload["cursor"], Value::Null, "{payload:#}");
        assert_eq!(payload["idempotentReplay"], json!(false), "{payload:#}");
        assert_eq!(self.stored().await, before, "a refusal wrote something: {payload:#}");
        payload["userErrors"].as_array().unwrap().clone()
    }

    /// The same; gives code and path of each error, such as `INVALID workOrders.0.pickup`.
    pub(crate) async fn refusals(&self, mutation: &str, input: Value) -> Vec<String> {
        self.refuse(mutation, input).await.iter().map(code_and_path).collect()
    }

    /// Executes one mutation that must go through, and gives the payload.
    pub(crate) async fn change(&self, mutation: &str, input: Value, selection: &str) -> Value {
        let selection = format!("{selection} userErrors {{ code message path }}");
        let payload = self.mutate(mutation, input, &selection).await;
        assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
        payload
    }
}

/// Code and path of an error of `userErrors`.
pub(crate) fn code_and_path(error: &Value) -> String {
    let path: Vec<String> = error["path"].as_array().unwrap().iter().map(text).collect();
    format!("{} {}", text(&error["code"]), path.join("."))
}

async fn all<E: EntityTrait>(db: &DatabaseConnection) -> Vec<E::Model> {
    E::find().all(db).await.unwrap()
}
