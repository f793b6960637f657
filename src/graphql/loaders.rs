//! Gathers what the resolvers of one operation ask for, so that each level of a tree takes one statement.
//!
//! There is one set per operation and no cache: what a mutation wrote is seen by what it answers.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::Arc,
};

use async_graphql::dataloader::Loader;
use entity::{
    id::{
        AttributeDefinitionId, EventId, OrderId, PluginId, PluginRunId, PluginWorkflowId, WebhookDeliveryId,
        WebhookEndpointId, WorkOrderId,
    },
    stored::PluginTrigger,
};
use uuid::Uuid;

use super::{
    attribute::AttributeDefinition,
    event::OrderEvent,
    order::Order,
    plugin::{Plugin, PluginRun, PluginWorkflow},
    webhook::{WebhookDelivery, WebhookEndpoint},
    work_order::WorkOrder,
};
use crate::{
    domain::lifecycle::{self, Lifecycle},
    fault::Fault,
    store::{self, Page, PageRequest, Reader, event::Subject},
    usecase::lifecycle::{KnownLifecycles, Version},
};

/// Loads the rows of one caller's tenant.
#[derive(Debug)]
pub struct StoreLoader {
    reader: Reader,
    lifecycles: Arc<KnownLifecycles>,
}

impl StoreLoader {
    /// A loader of what `reader` may see.
    pub const fn new(reader: Reader, lifecycles: Arc<KnownLifecycles>) -> Self {
        Self { reader, lifecycles }
    }
}

/// Key: the work orders of an order, by sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WorkOrdersOf(pub OrderId);

/// Key: who set attributes of an order or work order after it was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OriginsOf(pub Uuid);

/// Key: a version of a lifecycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LifecycleOf(pub Version);

/// Key: how many unfinished plugin runs an order waits for, and how many of them are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GatesOf(pub OrderId);

/// Key: why an order was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObjectionTo(pub OrderId);

/// Key: a page of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventsOf(pub Subject, pub PageRequest<i64>);

/// Key: a page of the plugin runs about an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunsOf(pub OrderId, pub PageRequest<PluginRunId>);

/// Key: the steps of a plugin run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StepsOf(pub PluginRunId);

/// The steps of a run, and the attempts of all of them.
#[derive(Clone, Debug, Default)]
pub struct StepRows {
    /// Steps, by number.
    pub steps: Vec<entity::plugin_step::Model>,
    /// Attempts, by step and number.
    pub attempts: Vec<entity::plugin_attempt::Model>,
}

type Loaded<K, V> = Result<HashMap<K, V>, Arc<Fault>>;

fn by<K: Hash + Eq, R, V>(
    rows: Result<Vec<R>, sea_orm::DbErr>,
    key: impl Fn(&R) -> K,
    value: impl Fn(R) -> V,
) -> Loaded<K, V> {
    let rows = rows.map_err(|error| Arc::new(Fault::from(error)))?;
    Ok(rows.into_iter().map(|row| (key(&row), value(row))).collect())
}

impl Loader<OrderId> for StoreLoader {
    type Value = Order;
    type Error = Arc<Fault>;

    async fn load(&self, keys: &[OrderId]) -> Loaded<OrderId, Order> {
        by(store::order::by_ids(&self.reader.db(), keys).await, |row| row.id, Order::from)
    }
}

impl Loader<WorkOrderId> for StoreLoader {
    type Value = WorkOrder;
    type Error = Arc<Fault>;

    async fn load(&self, keys: &[WorkOrderId]) -> Loaded<WorkOrderId, WorkOrder> {
        by(store::work_order::by_ids(&self.reader.db(), keys).await, |row| row.id, WorkOrder::from)
    }
}

impl Loader<WorkOrdersOf> for StoreLoader {
    type Value = Arc<[WorkOrder]>;
    type Error = Arc<Fault>;

    async fn load(&self, keys: &[WorkOrdersOf]) -> Loaded<WorkOrdersOf, Self::Value> {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        let rows = store::work_order::of_orders(&self.reader.db(), &ids).await;
        let rows = rows.map_err(|error| Arc::new(Fault::from(error)))?;
        Ok(group(rows).into_iter().map(|(id, group)| (WorkOrdersOf(id), group)).collect())
    }
}

/// Work orders by their order, each group by sequence.
pub fn group(rows: Vec<entity::work_order::Model>) -> HashMap<OrderId, Arc<[WorkOrder]>> {
    let mut groups: HashMap<OrderId, Vec<WorkOrder>> = HashMap::new();
    for row in rows {
        groups.entry(row.order_id).or_default().push(WorkOrder::from(row));
    }
    groups.into_iter().map(|(id, group)| (id, group.into())).collect()
}

impl Loader<OriginsOf> for StoreLoader {
    type Value = Arc<[entity::attribute_origin::Model]>;
    type Error = Arc<Fault>;

    async fn load(&self, keys: &[OriginsOf]) -> Loaded<OriginsOf, Self::Value> {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        let rows = store::attribute::origins(&self.reader.db(), &ids).await;
        let mut groups: HashMap<OriginsOf, Vec<_>> = HashMap::new();
        for row in rows.map_err(|error| Arc::new(Fault::from(error)))? {
            groups.entry(OriginsOf(row.entity_id)).or_default().push(row);
        }
        Ok(groups.into_iter().map(|(key, group)| (key, group.into())).collect())
    }
}

impl Loader<LifecycleOf> for StoreLoader {
    type Value = Arc<Lifecycle>;
    type Error = Arc<Fault>;

    async fn load(&self, keys: &[LifecycleOf]) -> Loaded<LifecycleOf, Self::Value> {
        let versions: Vec<_> = keys.iter().map(|key| key.0).collect();
        let found = self.lifecycles.versions(&self.reader.db(), &versions).await.map_err(Arc::new)?;
        Ok(keys.iter().copied().zip(found).collect())
    }
}

impl Loader<GatesOf> for StoreLoader {
    type Value = (usize, usize);
    type Error = Arc<Fault>;

    async fn load(&self, keys: &[GatesOf]) -> Loaded<GatesOf, Self::Value> {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        let triggers = [PluginTrigger::OrderInitiated, PluginTrigger::OrderCancellationRequested];
        let counts = store::plugin_run::unfinished_of_orders(&self.reader.db(), &ids, &triggers).await;
        let counts = counts.map_err(|error| Arc::new(Fault::from(error)))?;
        Ok(counts.into_iter().map(|(id, counts)| (GatesOf(id), counts)).collect())
    }
}

impl Loader<ObjectionTo> for StoreLoader {
    type Value = String;
    type Error = Arc<Fault>;

    async fn load(&self, keys: &[ObjectionTo]) -> Loaded<ObjectionTo, String> {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        let rows = store::event::rejections(&self.reader.db(), &ids, lifecycle::event::REJECT).await;
        let rows = rows.map_err(|error| Arc::new(Fault::from(error)))?;
        let objection = |row: entity::event::Model| match (row.note, row.reason_code) {
            (Some(note), Some(code)) => Some(format!("{note} ({code})")),
            (text, None) | (None, text) => text,
        };
        let keyed = |row: entity::event::Model| Some((ObjectionTo(row.order_id), objection(row)?));
        Ok(rows.into_iter().filter_map(keyed).collect())
    }
}

impl Loader<EventsOf> for StoreLoader {
    type Value = Page<entity::event::Model>;
    type Error = Arc<Fault>;

    async fn load(&self, keys: &[EventsOf]) -> Loaded<EventsOf, Self::Value> {
        let db = self.reader.db();
        let failed = |error| Arc::new(Fault::from(error));
        let mut pages = HashMap::new();
        // Most often there is one request, and one statement.
        let requests: HashSet<_> = keys.iter().map(|key| key.1).collect();
        for request in requests {
            let of = || keys.iter().filter(|key| key.1 == request).map(|key| key.0);
            let orders: Vec<_> = of().filter_map(Subject::order).collect();
            if !orders.is_empty() {
                let found = store::event::pages_of_orders(&db, &orders, &request).await.map_err(failed)?;
                pages.extend(
                    found.into_iter().map(|(id, page)| (EventsOf(Subject::Order(id), request), page)),
                );
            }
            let work_orders: Vec<_> = of().filter_map(Subject::work_order).collect();
            if !work_orders.is_empty() {
                let found = store::event::pages_of_work_orders(&db, &work_orders, &request).await;
                let found = found.map_err(failed)?.into_iter();
                pages.extend(found.map(|(id, page)| (EventsOf(Subject::WorkOrder(id), request), page)));
            }
        }
        Ok(pages)
    }
}

impl Loader<RunsOf> for StoreLoader {
    type Value = Page<entity::plugin_run::Model>;
    type Error = Arc<Fault>;

    async fn load(&self, keys: &[RunsOf]) -> Loaded<RunsOf, Self::Value> {
        let mut pages = HashMap::new();
        let requests: HashSet<_> = keys.iter().map(|key| key.1).collect();
        for request in requests {
            let orders: Vec<_> = keys.iter().filter(|key| key.1 == request).map(|key| key.0).collect();
            let found = store::plugin_run::pages_of_orders(&self.reader.db(), &orders, &request).await;
            let found = found.map_err(|error| Arc::new(Fault::from(error)))?;
            pages.extend(found.into_iter().map(|(id, page)| (RunsOf(id, request), page)));
        }
        Ok(pages)
    }
}

impl Loader<EventId> for StoreLoader {
    type Value = OrderEvent;
    type Error = Arc<Fault>;

    async fn load(&self, keys: &[EventId]) -> Loaded<EventId, OrderEvent> {
        by(store::event::by_ids(&self.reader.db(), keys).await, |row| row.id, OrderEvent::from)
    }
}

impl Loader<AttributeDefinitionId> for StoreLoader {
    type Value = AttributeDefinition;
    type Error = Arc<Fault>;

    async fn load(
        &self,
        keys: &[AttributeDefinitionId],
    ) -> Loaded<AttributeDefinitionId, AttributeDefinition> {
        let rows = store::attribute::by_ids(&self.reader.db(), keys).await;
        by(rows, |row| row.id, AttributeDefinition::from)
    }
}

impl Loader<PluginId> for StoreLoader {
    type Value = Plugin;
    type Error = Arc<Fault>;

    async fn load(&self, keys: &[PluginId]) -> Loaded<PluginId, Plugin> {
        by(store::plugin::by_ids(&self.reader.db(), keys).await, |row| row.id, Plugin::from)
    }
}

impl Loader<PluginWorkflowId> for StoreLoader {
    type Value = PluginWorkflow;
    type Error = Arc<Fault>;

    async fn load(&self, keys: &[PluginWorkflowId]) -> Loaded<PluginWorkflowId, PluginWorkflow> {
        let rows = store::plugin::workflows_by_ids(&self.reader.db(), keys).await;
        by(rows, |row| row.id, PluginWorkflow::from)
    }
}

impl Loader<PluginRunId> for StoreLoader {
    type Value = PluginRun;
    type Error = Arc<Fault>;

    async fn load(&self, keys: &[PluginRunId]) -> Loaded<PluginRunId, PluginRun> {
        by(store::plugin_run::by_ids(&self.reader.db(), keys).await, |row| row.id, PluginRun::from)
    }
}

impl Loader<WebhookEndpointId> for StoreLoader {
    type Value = WebhookEndpoint;
    type Error = Arc<Fault>;

    async fn load(&self, keys: &[WebhookEndpointId]) -> Loaded<WebhookEndpointId, WebhookEndpoint> {
        by(store::webhook::by_ids(&self.reader.db(), keys).await, |row| row.id, WebhookEndpoint::from)
    }
}

impl Loader<WebhookDeliveryId> for StoreLoader {
    type Value = WebhookDelivery;
    type Error = Arc<Fault>;

    async fn load(&self, keys: &[WebhookDeliveryId]) -> Loaded<WebhookDeliveryId, WebhookDelivery> {
        by(
            store::webhook_delivery::by_ids(&self.reader.db(), keys).await,
            |row| row.id,
            WebhookDelivery::from,
        )
    }
}

impl Loader<StepsOf> for StoreLoader {
    type Value = StepRows;
    type Error = Arc<Fault>;

    async fn load(&self, keys: &[StepsOf]) -> Loaded<StepsOf, StepRows> {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        let db = self.reader.db();
        let failed = |error| Arc::new(Fault::from(error));
        let mut rows: HashMap<StepsOf, StepRows> = HashMap::new();
        for step in store::plugin_run::steps(&db, &ids).await.map_err(failed)? {
            rows.entry(StepsOf(step.run_id)).or_default().steps.push(step);
        }
        for attempt in store::plugin_run::attempts(&db, &ids).await.map_err(failed)? {
            rows.entry(StepsOf(attempt.run_id)).or_default().attempts.push(attempt);
        }
        Ok(rows)
    }
}
