//! The document that a plugin is sent: `{order, workOrder, event, run}`, with the field names of the API.

use chrono::{DateTime, SecondsFormat, Utc};
use entity::{
    event,
    id::{PluginWorkflowId, WorkOrderId},
    order, plugin_run, work_order,
};
use serde_json::{Map, Value, json};

use crate::{
    events::Cursor,
    fault::Fault,
    secret::Secret,
    store::{Tenant, contact::Contacts},
};

/// What of a run its plugin is told.
pub struct RunInfo<'a> {
    /// The run.
    pub run: &'a plugin_run::Model,
    /// Its workflow.
    pub workflow_id: PluginWorkflowId,
    /// Name of the step.
    pub step: &'a str,
    /// When the answer must be there, though it may be put off until then.
    pub deadline: DateTime<Utc>,
    /// Where an answer that is put off is posted.
    pub callback_url: &'a str,
    /// What makes it known there.
    pub callback_token: &'a Secret<String>,
}

/// What a document is made of, as it was read.
pub(super) struct Material {
    pub(super) tenant: Tenant,
    pub(super) order: order::Model,
    pub(super) work_orders: Vec<work_order::Model>,
    /// The work order that it is about.
    pub(super) own: Option<WorkOrderId>,
    pub(super) event: Option<event::Model>,
    /// What is told of the run.
    pub(super) run: Value,
}

impl Material {
    /// The whole document. It takes long where an order is large.
    pub(super) fn document(&self, contacts: &Contacts) -> Result<Map<String, Value>, Fault> {
        let rows = self.work_orders.iter();
        let work_orders = rows.map(|row| WorkOrder(contacts, row).object(|_| true).map(Value::Object));
        let work_orders = work_orders.collect::<Result<Vec<_>, _>>()?;
        let own = self.work_orders.iter().position(|work_order| Some(work_order.id) == self.own);
        let own = own.and_then(|own| work_orders.get(own)).cloned();
        let mut order = Order(contacts, &self.order).object(|_| true)?;
        order.insert(WORK_ORDERS.to_owned(), Value::Array(work_orders));
        let event =
            self.event.as_ref().map(|event| Event(&self.tenant, event).object(|_| true)).transpose()?;
        let members = [
            ("order", order.into()),
            ("workOrder", own.into()),
            ("event", event.into()),
            ("run", self.run.clone()),
        ];
        Ok(members.into_iter().map(|(name, value): (_, Value)| (name.to_owned(), value)).collect())
    }
}

/// The members of `order`, its work orders aside.
const ORDER_MEMBERS: [&str; 22] = [
    "id",
    "clientId",
    "clientName",
    "clientOrderId",
    "type",
    "domain",
    "batchId",
    "readyToProcess",
    "workOrderFlow",
    "consignee",
    "destination",
    "summary",
    "status",
    "phase",
    "outcome",
    "customAttributes",
    "lifecycleVersion",
    "version",
    "createdAt",
    "createdBy",
    "updatedAt",
    "updatedBy",
];

/// The members of a work order.
const WORK_ORDER_MEMBERS: [&str; 18] = [
    "id",
    "sequence",
    "type",
    "direction",
    "description",
    "pickup",
    "return",
    "delivery",
    "containers",
    "pickupQualityChecks",
    "collectOnPickup",
    "collectOnDelivery",
    "status",
    "phase",
    "outcome",
    "attempts",
    "customAttributes",
    "version",
];

/// The members of `event`.
const EVENT_MEMBERS: [&str; 15] = [
    "id",
    "cursor",
    "type",
    "orderId",
    "workOrderId",
    "fromStatus",
    "toStatus",
    "transition",
    "reasonCode",
    "note",
    "actor",
    "changes",
    "entityVersion",
    "occurredAt",
    "recordedAt",
];

/// The member of `order` that is a list of its work orders.
pub(super) const WORK_ORDERS: &str = "workOrders";
/// The member of `event` that an event does not have until it is in the log.
pub(super) const CURSOR: &str = "cursor";

/// A part of a document that can be made by itself, or the whole of it.
pub(super) trait Part {
    /// Its members.
    const MEMBERS: &'static [&'static str];
    /// Those that hold a sealed contact.
    const SEALED: &'static [&'static str];

    /// A member; none where there is no such member.
    fn member(&self, name: &str) -> Result<Option<Value>, Fault>;

    /// The stored text that a member is made of, if that may be long.
    fn text_of(&self, name: &str) -> Option<&str>;

    /// All members that `wanted` holds for, as an object.
    fn object(&self, wanted: impl Fn(&str) -> bool) -> Result<Map<String, Value>, Fault> {
        let members = Self::MEMBERS.iter().filter(|name| wanted(name)).map(|name| {
            let value = self.member(name)?.unwrap_or_default();
            Ok(((*name).to_owned(), value))
        });
        members.collect()
    }
}

/// An order without its work orders.
pub(super) struct Order<'a>(pub(super) &'a Contacts, pub(super) &'a order::Model);

/// A work order.
pub(super) struct WorkOrder<'a>(pub(super) &'a Contacts, pub(super) &'a work_order::Model);

/// An event.
pub(super) struct Event<'a>(pub(super) &'a Tenant, pub(super) &'a event::Model);

impl Part for Order<'_> {
    const MEMBERS: &'static [&'static str] = &ORDER_MEMBERS;
    const SEALED: &'static [&'static str] = &["consignee"];

    fn member(&self, name: &str) -> Result<Option<Value>, Fault> {
        let Self(contacts, order) = self;
        Ok(Some(match name {
            "id" => json!(order.id.to_string()),
            "clientId" => json!(order.client_id),
            "clientName" => json!(order.client_name),
            "clientOrderId" => json!(order.client_order_id),
            "type" => json!(order.kind),
            "domain" => json!(order.domain),
            "batchId" => json!(order.batch_id),
            "readyToProcess" => json!(order.ready_to_process),
            "workOrderFlow" => json!(order.flow.as_str()),
            "consignee" => json!(contacts.open(order.id, &order.consignee)?),
            "destination" => parse(&order.destination)?,
            "summary" => parse_optional(order.summary.as_deref())?,
            "status" => json!(order.status),
            "phase" => json!(order.phase.as_str()),
            "outcome" => json!(order.outcome.map(entity::stored::Outcome::as_str)),
            "customAttributes" => parse(&order.custom_attributes)?,
            "lifecycleVersion" => json!(order.lifecycle_version),
            "version" => json!(order.version),
            "createdAt" => json!(instant(order.created_at)),
            "createdBy" => json!(order.created_by),
            "updatedAt" => json!(instant(order.updated_at)),
            "updatedBy" => json!(order.updated_by),
            _ => return Ok(None),
        }))
    }

    fn text_of(&self, name: &str) -> Option<&str> {
        match name {
            "consignee" => Some(&self.1.consignee),
            "destination" => Some(&self.1.destination),
            "summary" => self.1.summary.as_deref(),
            "customAttributes" => Some(&self.1.custom_attributes),
            _ => None,
        }
    }
}

impl Part for WorkOrder<'_> {
    const MEMBERS: &'static [&'static str] = &WORK_ORDER_MEMBERS;
    const SEALED: &'static [&'static str] = &["pickup", "return"];

    fn member(&self, name: &str) -> Result<Option<Value>, Fault> {
        let Self(contacts, work_order) = self;
        let stop = |kept: Option<&str>| -> Result<Value, Fault> {
            Ok(json!(kept.map(|kept| contacts.open_stop(work_order.order_id, kept)).transpose()?))
        };
        Ok(Some(match name {
            "id" => json!(work_order.id.to_string()),
            "sequence" => json!(work_order.sequence),
            "type" => json!(work_order.kind.as_str()),
            "direction" => json!(work_order.direction.as_str()),
            "description" => json!(work_order.description),
            "pickup" => stop(work_order.pickup.as_deref())?,
            "return" => stop(work_order.return_to.as_deref())?,
            "delivery" => parse_optional(work_order.delivery.as_deref())?,
            "containers" => parse(&work_order.containers)?,
            "pickupQualityChecks" => parse(&work_order.pickup_quality_checks)?,
            "collectOnPickup" => parse_optional(work_order.collect_on_pickup.as_deref())?,
            "collectOnDelivery" => parse_optional(work_order.collect_on_delivery.as_deref())?,
            "status" => json!(work_order.status),
            "phase" => json!(work_order.phase.as_str()),
            "outcome" => json!(work_order.outcome.map(entity::stored::Outcome::as_str)),
            "attempts" => json!(work_order.attempts),
            "customAttributes" => parse(&work_order.custom_attributes)?,
            "version" => json!(work_order.version),
            _ => return Ok(None),
        }))
    }

    fn text_of(&self, name: &str) -> Option<&str> {
        let work_order = self.1;
        match name {
            "description" => work_order.description.as_deref(),
            "pickup" => work_order.pickup.as_deref(),
            "return" => work_order.return_to.as_deref(),
            "delivery" => work_order.delivery.as_deref(),
            "containers" => Some(&work_order.containers),
            "pickupQualityChecks" => Some(&work_order.pickup_quality_checks),
            "collectOnPickup" => work_order.collect_on_pickup.as_deref(),
            "collectOnDelivery" => work_order.collect_on_delivery.as_deref(),
            "customAttributes" => Some(&work_order.custom_attributes),
            _ => None,
        }
    }
}

impl Part for Event<'_> {
    const MEMBERS: &'static [&'static str] = &EVENT_MEMBERS;
    const SEALED: &'static [&'static str] = &[];

    fn member(&self, name: &str) -> Result<Option<Value>, Fault> {
        let Self(tenant, event) = self;
        Ok(Some(match name {
            "id" => json!(event.id.to_string()),
            CURSOR => json!(Cursor(event.position).encode(tenant)),
            "type" => json!(event.kind.as_str()),
            "orderId" => json!(event.order_id.to_string()),
            "workOrderId" => json!(event.work_order_id.map(|id| id.to_string())),
            "fromStatus" => json!(event.from_status),
            "toStatus" => json!(event.to_status),
            "transition" => json!(event.transition),
            "reasonCode" => json!(event.reason_code),
            "note" => json!(event.note),
            "actor" => json!(event.actor),
            "changes" => parse_optional(event.changes.as_deref())?,
            "entityVersion" => json!(event.entity_version),
            "occurredAt" => json!(instant(event.occurred_at)),
            "recordedAt" => json!(instant(event.recorded_at)),
            _ => return Ok(None),
        }))
    }

    fn text_of(&self, name: &str) -> Option<&str> {
        match name {
            "note" => self.1.note.as_deref(),
            "changes" => self.1.changes.as_deref(),
            _ => None,
        }
    }
}

/// What a plugin is told of its run.
pub(super) fn run_json(run: &RunInfo<'_>) -> Value {
    let fields = [
        ("id", json!(run.run.id.to_string())),
        ("workflow", json!(run.workflow_id.to_string())),
        ("step", json!(run.step)),
        ("attempt", json!(run.run.attempts)),
        ("deadline", json!(instant(run.deadline))),
        ("callbackUrl", json!(run.callback_url)),
        ("callbackToken", json!(run.callback_token.expose())),
    ];
    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

fn parse(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text)
}

/// Null where there is no text.
fn parse_optional(text: Option<&str>) -> Result<Value, serde_json::Error> {
    text.map_or(Ok(Value::Null), serde_json::from_str)
}

fn instant(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
