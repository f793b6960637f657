//! Keys for a tenant's programs.

mod create;
mod revoke;

pub use create::{Created, NewKey, create};
pub use revoke::revoke;
