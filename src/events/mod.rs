//! The event log and its readers.
//!
//! An event exists if and only if its change committed: it is written in the transaction of the change and nothing
//! else makes one. Subscriptions and queries serve the same rows under the same cursors.

mod about;
mod cursor;
#[cfg(test)]
mod fixtures;
mod hub;
mod log;
mod place;
mod record;
mod runs;
mod stream;
mod told;
mod wake;
mod window;

use chrono::{DateTime, Utc};
use entity::{
    id::{EventId, OrderId, PluginRunId, WorkOrderId},
    stored::EventType,
};
use serde_json::Value;

pub use about::About;
pub use cursor::Cursor;
pub use hub::{Hub, Tail};
pub use log::append;
pub use place::Place;
pub use record::Record;
pub use runs::run_changes;
pub use stream::{StreamError, Subscriber, stream};
pub use wake::{Wake, WakeService};

/// What happened to an order or work order; one per fact.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// An order was registered.
    OrderCreated {
        /// The state it was born in.
        to: String,
    },
    /// An order's fields changed.
    OrderUpdated {
        /// `{path: {from, to}}`.
        changes: Value,
    },
    /// An event of the order's lifecycle fired.
    OrderStatusChanged {
        /// The event.
        transition: String,
        /// The state before.
        from: String,
        /// The state after.
        to: String,
        /// Fields that the same fact changed, as `{path: {from, to}}`.
        changes: Option<Value>,
    },
    /// The request to cancel an order took a new status.
    OrderCancellationChanged {
        /// The status before, if there was a request.
        from: Option<String>,
        /// The status after.
        to: String,
    },
    /// A work order was added.
    WorkOrderCreated {
        /// The state it was born in.
        to: String,
    },
    /// A work order's fields changed.
    WorkOrderUpdated {
        /// `{path: {from, to}}`.
        changes: Value,
    },
    /// An event of a work order's lifecycle fired.
    WorkOrderStatusChanged {
        /// The event.
        transition: String,
        /// The state before.
        from: String,
        /// The state after.
        to: String,
    },
    /// A plugin run ended.
    PluginRunFinished {
        /// How it ended.
        to: String,
    },
}

/// Why something happened, and when.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reason {
    /// Why, as a code.
    pub code: Option<String>,
    /// Why, in words.
    pub note: Option<String>,
    /// When it happened out there; when it is recorded, if nobody says otherwise.
    pub occurred_at: Option<DateTime<Utc>>,
}

/// An event that is about to be appended to the log.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// Its id.
    pub id: EventId,
    /// What it tells.
    pub fact: Fact,
    /// The order that it is about.
    pub order_id: OrderId,
    /// Whose order that is.
    pub client_id: String,
    /// The work order that it is about, if it is about one.
    pub work_order_id: Option<WorkOrderId>,
    /// Version of the order or work order after it.
    pub entity_version: i32,
    /// Why it happened.
    pub reason: Reason,
    /// Who did it.
    pub actor: String,
    /// The plugin run that did it, if one did.
    pub plugin_run_id: Option<PluginRunId>,
    /// How many plugin runs led to it.
    pub depth: i32,
    /// When it is recorded.
    pub recorded_at: DateTime<Utc>,
}

impl NewEvent {
    /// What it tells, without the particulars.
    pub const fn kind(&self) -> EventType {
        match self.fact {
            Fact::OrderCreated { .. } => EventType::OrderCreated,
            Fact::OrderUpdated { .. } => EventType::OrderUpdated,
            Fact::OrderStatusChanged { .. } => EventType::OrderStatusChanged,
            Fact::OrderCancellationChanged { .. } => EventType::OrderCancellationChanged,
            Fact::WorkOrderCreated { .. } => EventType::WorkOrderCreated,
            Fact::WorkOrderUpdated { .. } => EventType::WorkOrderUpdated,
            Fact::WorkOrderStatusChanged { .. } => EventType::WorkOrderStatusChanged,
            Fact::PluginRunFinished { .. } => EventType::PluginRunFinished,
        }
    }

    /// The row of this event at a place in the log.
    pub fn into_row(self, tenant_id: String, position: i64) -> entity::event::Model {
        let kind = self.kind();
        let (transition, from_status, to_status, changes) = match self.fact {
            Fact::OrderCreated { to } | Fact::WorkOrderCreated { to } | Fact::PluginRunFinished { to } => {
                (None, None, Some(to), None)
            }
            Fact::OrderUpdated { changes } | Fact::WorkOrderUpdated { changes } => {
                (None, None, None, Some(changes))
            }
            Fact::OrderStatusChanged { transition, from, to, changes } => {
                (Some(transition), Some(from), Some(to), changes)
            }
            Fact::WorkOrderStatusChanged { transition, from, to } => {
                (Some(transition), Some(from), Some(to), None)
            }
            Fact::OrderCancellationChanged { from, to } => (None, from, Some(to), None),
        };
        entity::event::Model {
            tenant_id,
            position,
            id: self.id,
            kind,
            order_id: self.order_id,
            work_order_id: self.work_order_id,
            client_id: self.client_id,
            from_status,
            to_status,
            transition,
            reason_code: self.reason.code,
            note: self.reason.note,
            actor: self.actor,
            changes: changes.map(|changes| changes.to_string()),
            entity_version: self.entity_version,
            plugin_run_id: self.plugin_run_id,
            depth: self.depth,
            occurred_at: self.reason.occurred_at.unwrap_or(self.recorded_at),
            recorded_at: self.recorded_at,
        }
    }
}
