//! Rows from and to the stores. Every statement of the program is built here, and every one is bound to a tenant by
//! the [`TenantDb`] that its function takes; [`queue`] is the one exception, because workers serve all tenants.
//!
//! Nothing here decides anything or begins a transaction.

mod cache;
pub mod contact;
pub mod convert;
mod database;
pub mod dialect;
mod durability;
mod insert;
pub mod list;
pub mod page;
mod readers;
mod rows;
mod statistics;
mod tenant;
mod transaction;
mod writer;

pub mod api_key;
pub mod attribute;
pub mod event;
pub mod idempotency;
pub mod lifecycle;
pub mod list_entry;
pub mod order;
pub mod plugin;
pub mod plugin_run;
pub mod queue;
pub mod webhook;
pub mod webhook_delivery;
pub mod work_order;

pub use cache::{Cache, TenantCache};
pub use database::{Database, OpenError, Statements, sqlite_path};
pub use page::{Direction, Page, PageRequest};
pub use rows::Part;
pub use statistics::Statistics;
pub use tenant::{Reader, Tenant, TenantDb, lane_of};
pub use transaction::Transaction;
