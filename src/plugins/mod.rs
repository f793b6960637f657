//! The plugin manager: which events set off which runs, and the workers that ask plugins and settle what they answer.
//!
//! A run is stored in the transaction of the change that set it off (see [`CommitHook`]) and worked afterwards; it
//! survives the process. No plugin is called while a transaction is open.
//!
//! [`CommitHook`]: crate::usecase::work::CommitHook

mod call;
mod condition;
mod document;
mod expression;
mod health;
mod manager;
mod payload;
mod trial;
mod worker;

pub use manager::PluginManager;
pub use trial::{Trial, try_out};
pub use worker::Worker;
