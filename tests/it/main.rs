//! Behaviour through the public API, on SQLite, or on PostgreSQL where `TEST_DATABASE_URL` names one.
#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::format_collect,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::similar_names,
    clippy::type_complexity,
    clippy::unreachable,
    clippy::string_slice,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::large_futures,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod harness;

mod access;
mod architecture;
mod attribute;
mod cli;
mod event;
mod fault;
mod http;
mod lifecycle;
mod list;
mod malice;
mod order;
mod plugin;
mod schema;
mod tour;
mod webhook;
mod work_order;
