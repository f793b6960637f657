//! Lifecycles.

mod inputs;
mod mutation;
mod query;
mod types;

pub use mutation::LifecycleMutation;
pub use query::LifecycleQuery;
