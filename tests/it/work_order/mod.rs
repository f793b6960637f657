//! What callers ask about work orders.

mod flow;
mod races;
mod returns;
mod roll_up;
mod transition;
