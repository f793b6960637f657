//! An event in the envelope of [CloudEvents 1.0], as JSON.
//!
//! [CloudEvents 1.0]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md

use chrono::{DateTime, SecondsFormat, Utc};
use entity::{event, stored::EventType};
use serde_json::{Value, json};

use crate::{events::Cursor, store::Tenant};

/// The media type of the envelope.
pub const CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";

/// An event as it is sent.
pub fn write(tenant: &Tenant, event: &event::Model) -> Result<Vec<u8>, serde_json::Error> {
    let cursor = Cursor(event.position).encode(tenant);
    let changes: Option<Value> = event.changes.as_deref().map(serde_json::from_str).transpose()?;
    let source: String = url::form_urlencoded::byte_serialize(tenant.as_str().as_bytes())
        .collect::<String>()
        .replace('+', "%20");
    serde_json::to_vec(&json!({
        "specversion": "1.0",
        "id": event.id.to_string(),
        "source": format!("/waybill/{source}"),
        "type": kind(event.kind),
        "subject": event.order_id.to_string(),
        "time": instant(event.occurred_at),
        "sequence": cursor,
        "datacontenttype": "application/json",
        "data": {
            "id": event.id.to_string(),
            "cursor": cursor,
            "type": event.kind.as_str(),
            "orderId": event.order_id.to_string(),
            "workOrderId": event.work_order_id.map(|id| id.to_string()),
            "fromStatus": event.from_status,
            "toStatus": event.to_status,
            "transition": event.transition,
            "reasonCode": event.reason_code,
            "note": event.note,
            "actor": event.actor,
            "changes": changes,
            "entityVersion": event.entity_version,
            "occurredAt": instant(event.occurred_at),
            "recordedAt": instant(event.recorded_at),
        },
    }))
}

/// The type of an event in an envelope: its own in lower case, with dots after the entity.
const fn kind(kind: EventType) -> &'static str {
    match kind {
        EventType::OrderCreated => "waybill.order.created",
        EventType::OrderUpdated => "waybill.order.updated",
        EventType::OrderStatusChanged => "waybill.order.status_changed",
        EventType::OrderCancellationChanged => "waybill.order.cancellation_changed",
        EventType::WorkOrderCreated => "waybill.work_order.created",
        EventType::WorkOrderUpdated => "waybill.work_order.updated",
        EventType::WorkOrderStatusChanged => "waybill.work_order.status_changed",
        EventType::PluginRunFinished => "waybill.plugin_run.finished",
    }
}

fn instant(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
