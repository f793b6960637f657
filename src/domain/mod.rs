//! The rules of the product, as computation over values.
//!
//! Nothing here is asynchronous, reads a clock, draws a random number, makes an id or does input and output, and
//! nothing here knows another module of Waybill.

pub mod attribute;
pub mod lifecycle;
pub mod order;
pub mod plugin;
pub mod problem;
pub mod value;
pub mod webhook;
