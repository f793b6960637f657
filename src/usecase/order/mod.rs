//! What callers can ask of orders.

mod cancel;
mod create;
mod release;
mod together;
mod transition;
mod update;

pub use cancel::{Cancel, cancel};
pub use create::{Created, Item, OnError, create, create_many};
pub use release::{Release, release};
pub use together::Together;
pub use transition::{Transition, check_transition, transition};
pub use update::{Update, update};
pub(super) use update::{carry_out_update, current};
