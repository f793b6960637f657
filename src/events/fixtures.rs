//! Events for tests.

use chrono::DateTime;
use entity::{
    event::Model,
    id::{EventId, OrderId},
    stored::EventType,
};
use uuid::Uuid;

/// An event at a position.
pub(super) fn event(position: i64) -> Model {
    Model {
        tenant_id: "acme".to_owned(),
        position,
        id: EventId(Uuid::nil()),
        kind: EventType::OrderUpdated,
        order_id: OrderId(Uuid::nil()),
        work_order_id: None,
        client_id: "client".to_owned(),
        from_status: None,
        to_status: None,
        transition: None,
        reason_code: None,
        note: None,
        actor: "test".to_owned(),
        changes: None,
        entity_version: 1,
        plugin_run_id: None,
        depth: 0,
        occurred_at: DateTime::UNIX_EPOCH,
        recorded_at: DateTime::UNIX_EPOCH,
    }
}
