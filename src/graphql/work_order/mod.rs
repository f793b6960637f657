//! Work orders.

mod mutation;
mod query;
mod types;

pub use mutation::WorkOrderMutation;
pub use query::WorkOrderQuery;
pub use types::WorkOrder;
