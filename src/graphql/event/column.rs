//! The fields of an event that are columns of its row, as text.

use entity::event::Model;

use super::super::{quick::Writer, scalar::DateTime};
use crate::{events::Cursor, store::Tenant};

/// A field of an event that needs nothing but its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// `id`
    Id,
    /// `cursor`
    Cursor,
    /// `type`
    Type,
    /// `orderId`
    OrderId,
    /// `workOrderId`
    WorkOrderId,
    /// `fromStatus`
    FromStatus,
    /// `toStatus`
    ToStatus,
    /// `transition`
    Transition,
    /// `reasonCode`
    ReasonCode,
    /// `note`
    Note,
    /// `actor`
    Actor,
    /// `changes`
    Changes,
    /// `entityVersion`
    EntityVersion,
    /// `occurredAt`
    OccurredAt,
    /// `recordedAt`
    RecordedAt,
}

impl Column {
    /// The field of that name; none if it needs more than the row.
    pub fn of(field: &str) -> Option<Self> {
        Some(match field {
            "id" => Self::Id,
            "cursor" => Self::Cursor,
            "type" => Self::Type,
            "orderId" => Self::OrderId,
            "workOrderId" => Self::WorkOrderId,
            "fromStatus" => Self::FromStatus,
            "toStatus" => Self::ToStatus,
            "transition" => Self::Transition,
            "reasonCode" => Self::ReasonCode,
            "note" => Self::Note,
            "actor" => Self::Actor,
            "changes" => Self::Changes,
            "entityVersion" => Self::EntityVersion,
            "occurredAt" => Self::OccurredAt,
            "recordedAt" => Self::RecordedAt,
            _ => return None,
        })
    }

    /// Writes what the field's resolver answers.
    pub fn write(self, row: &Model, out: &mut Writer) {
        match self {
            Self::Id => out.plain(&row.id.to_string()),
            Self::Cursor => out.plain(&Cursor(row.position).encode(&Tenant::new(&row.tenant_id))),
            Self::Type => out.plain(row.kind.as_str()),
            Self::OrderId => out.plain(&row.order_id.to_string()),
            Self::WorkOrderId => match row.work_order_id {
                Some(id) => out.plain(&id.to_string()),
                None => out.json("null"),
            },
            Self::FromStatus => out.value(&row.from_status),
            Self::ToStatus => out.value(&row.to_status),
            Self::Transition => out.value(&row.transition),
            Self::ReasonCode => out.value(&row.reason_code),
            Self::Note => out.value(&row.note),
            Self::Actor => out.value(&row.actor),
            Self::Changes => out.json(row.changes.as_deref().unwrap_or("null")),
            Self::EntityVersion => out.value(&row.entity_version),
            Self::OccurredAt => out.scalar(&DateTime(row.occurred_at)),
            Self::RecordedAt => out.scalar(&DateTime(row.recorded_at)),
        }
    }
}
