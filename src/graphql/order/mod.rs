//! Orders.

mod filter;
mod flat;
mod inputs;
mod mutation;
mod payload;
mod query;
mod types;

pub use filter::OrderWhere;
pub use mutation::OrderMutation;
pub use query::OrderQuery;
pub use types::{AvailableTransition, Order};

pub(super) use mutation::{TransitionInput, key_of, key_of_value};
pub(super) use types::{Situated, parse_document};
