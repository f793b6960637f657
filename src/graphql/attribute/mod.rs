//! Custom attributes: definitions, and values as typed nodes.

mod inputs;
mod mutation;
mod query;
mod types;
pub(super) mod value;

pub use mutation::AttributeMutation;
pub use query::AttributeQuery;
pub use types::AttributeDefinition;
pub use value::{
    Attribute, BooleanAttribute, DateTimeAttribute, Holder, JsonAttribute, NumberAttribute, StringAttribute,
};
