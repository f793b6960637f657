//! What callers can ask of work orders.

mod birth;
mod create;
mod transition;
mod update;
mod values;

pub(super) use birth::Birth;
pub use create::{Create, create};
pub use transition::transition;
pub(super) use update::carry_out_update;
pub use update::{Update, update};
pub(super) use values::read as values;
