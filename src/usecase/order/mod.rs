//! What callers can ask of orders.

mod create;
mod transition;
mod update;

pub use create::{Created, Item, OnError, create, create_many};
pub use transition::{Transition, check_transition, transition};
pub use update::{Update, update};
