//! What callers can ask of work orders.

mod transition;

pub use transition::transition;
