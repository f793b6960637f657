//! The document that a plugin is sent: `{order, workOrder, event, run}`, with the field names of the API.

use chrono::{DateTime, SecondsFormat, Utc};
use entity::{event, id::PluginWorkflowId, order, plugin_run, work_order};
use serde_json::{Map, Value, json};

use crate::{
    app::App,
    events::{Cursor, NewEvent},
    fault::Fault,
    secret::Secret,
    store::{Tenant, contact::Contacts},
    usecase::work::Subject,
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

/// The whole document.
pub fn whole(
    app: &App,
    tenant: &Tenant,
    order: &order::Model,
    work_orders: &[work_order::Model],
    event: Option<&event::Model>,
    run: &RunInfo<'_>,
) -> Result<Value, Fault> {
    let contacts = &app.contacts;
    let own = work_orders.iter().position(|work_order| Some(work_order.id) == run.run.work_order_id);
    let work_orders = work_orders.iter().map(|work_order| work_order_json(contacts, work_order));
    let work_orders = work_orders.collect::<Result<Vec<_>, _>>()?;
    Ok(json!({
        "order": order_json(contacts, order, &work_orders)?,
        "workOrder": own.and_then(|own| work_orders.get(own)),
        "event": event.map(|event| event_json(tenant, event)).transpose()?,
        "run": run_json(run),
    }))
}

/// What a condition looks at: the order as it is after an event that is not in the log yet. None where it cannot be read.
pub fn of_event(contacts: &Contacts, event: &NewEvent, subject: &Subject<'_>) -> Option<Map<String, Value>> {
    let own = subject.work_orders.iter().position(|work_order| Some(work_order.id) == event.work_order_id);
    let work_orders = subject.work_orders.iter().map(|work_order| work_order_json(contacts, work_order));
    let work_orders = work_orders.collect::<Result<Vec<_>, _>>().ok()?;
    let tenant = Tenant::new(&subject.order.tenant_id);
    let mut told = event_json(&tenant, &event.clone().into_row(subject.order.tenant_id.clone(), 0)).ok()?;
    // It gets its place in the log last of all.
    told.as_object_mut()?.remove("cursor");
    let members = [
        ("order", order_json(contacts, subject.order, &work_orders).ok()?),
        ("workOrder", own.and_then(|own| work_orders.get(own)).cloned().unwrap_or(Value::Null)),
        ("event", told),
    ];
    Some(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn order_json(contacts: &Contacts, order: &order::Model, work_orders: &[Value]) -> Result<Value, Fault> {
    Ok(json!({
        "id": order.id.to_string(),
        "clientId": order.client_id,
        "clientName": order.client_name,
        "clientOrderId": order.client_order_id,
        "type": order.kind,
        "domain": order.domain,
        "batchId": order.batch_id,
        "readyToProcess": order.ready_to_process,
        "workOrderFlow": order.flow.as_str(),
        "consignee": contacts.open(order.id, &order.consignee)?,
        "destination": parse(&order.destination)?,
        "summary": parse_optional(order.summary.as_deref())?,
        "status": order.status,
        "phase": order.phase.as_str(),
        "outcome": order.outcome.map(entity::stored::Outcome::as_str),
        "customAttributes": parse(&order.custom_attributes)?,
        "workOrders": work_orders,
        "lifecycleVersion": order.lifecycle_version,
        "version": order.version,
        "createdAt": instant(order.created_at),
        "createdBy": order.created_by,
        "updatedAt": instant(order.updated_at),
        "updatedBy": order.updated_by,
    }))
}

fn work_order_json(contacts: &Contacts, work_order: &work_order::Model) -> Result<Value, Fault> {
    let stop =
        |kept: Option<&str>| kept.map(|kept| contacts.open_stop(work_order.order_id, kept)).transpose();
    Ok(json!({
        "id": work_order.id.to_string(),
        "sequence": work_order.sequence,
        "type": work_order.kind.as_str(),
        "direction": work_order.direction.as_str(),
        "description": work_order.description,
        "pickup": stop(work_order.pickup.as_deref())?,
        "return": stop(work_order.return_to.as_deref())?,
        "delivery": parse_optional(work_order.delivery.as_deref())?,
        "containers": parse(&work_order.containers)?,
        "pickupQualityChecks": parse(&work_order.pickup_quality_checks)?,
        "collectOnPickup": parse_optional(work_order.collect_on_pickup.as_deref())?,
        "collectOnDelivery": parse_optional(work_order.collect_on_delivery.as_deref())?,
        "status": work_order.status,
        "phase": work_order.phase.as_str(),
        "outcome": work_order.outcome.map(entity::stored::Outcome::as_str),
        "attempts": work_order.attempts,
        "customAttributes": parse(&work_order.custom_attributes)?,
        "version": work_order.version,
    }))
}

fn event_json(tenant: &Tenant, event: &event::Model) -> Result<Value, serde_json::Error> {
    Ok(json!({
        "id": event.id.to_string(),
        "cursor": Cursor(event.position).encode(tenant),
        "type": event.kind.as_str(),
        "orderId": event.order_id.to_string(),
        "workOrderId": event.work_order_id.map(|id| id.to_string()),
        "fromStatus": event.from_status,
        "toStatus": event.to_status,
        "transition": event.transition,
        "reasonCode": event.reason_code,
        "note": event.note,
        "actor": event.actor,
        "changes": parse_optional(event.changes.as_deref())?,
        "entityVersion": event.entity_version,
        "occurredAt": instant(event.occurred_at),
        "recordedAt": instant(event.recorded_at),
    }))
}

fn run_json(run: &RunInfo<'_>) -> Value {
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

fn parse_optional(text: Option<&str>) -> Result<Option<Value>, serde_json::Error> {
    text.map(serde_json::from_str).transpose()
}

fn instant(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
