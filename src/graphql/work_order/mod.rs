//! Work orders.

mod filter;
mod mutation;
mod query;
mod types;

pub use filter::WorkOrderWhere;
pub use mutation::WorkOrderMutation;
pub use query::WorkOrderQuery;
pub use types::WorkOrder;
