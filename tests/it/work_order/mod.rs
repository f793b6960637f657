//! What callers ask about work orders.

mod create;
mod flow;
mod load;
mod races;
mod returns;
mod roll_up;
mod transition;
mod update;
