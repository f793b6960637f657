//! Events.

mod column;
mod form;
mod query;
mod subscription;
mod types;

#[cfg(test)]
pub(super) use column::Column as EventColumn;
pub use form::Forms;
pub use query::EventQuery;
pub use subscription::EventSubscription;
pub use types::{OrderEvent, OrderEventType};

pub(super) use query::history;
pub(super) use subscription::stream_error;
pub(super) use types::OrderEventWhere;
