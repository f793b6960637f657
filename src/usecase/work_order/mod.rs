//! What callers can ask of work orders.

mod birth;
mod create;
mod transition;
mod update;
mod values;

pub(super) use birth::Birth;
pub use create::{Create, create};
pub use transition::transition;
pub use update::{Update, update};
