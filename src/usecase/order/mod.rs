//! What callers can ask of orders.

mod cancel;
mod create;
mod erase_consignee;
mod phone;
mod release;
mod together;
mod transition;
mod update;

pub use cancel::{Cancel, cancel};
pub use create::{Created, Item, OnError, create, create_many};
pub use erase_consignee::{EraseConsignee, erase_consignee};
pub use phone::{PHONE_FIELD, PHONE_MAX_DIGITS, PHONE_MIN_DIGITS, phone_beginnings, phone_entry};
pub use release::{Release, release};
pub use together::Together;
pub use transition::{Transition, check_transition, transition};
pub use update::{Update, update};
pub(super) use update::{carry_out_update, current};
