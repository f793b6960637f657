//! A running service for each test, on a store of its own.

mod app;
mod database;
mod facts;
mod plugin_server;
pub(crate) mod samples;
pub(crate) mod socket;
pub(crate) mod sse;
pub(crate) mod wait;
pub(crate) mod wire;

pub(crate) use app::{TestApp, text};
pub(crate) use database::TestDatabase;
pub(crate) use facts::{Stored, code_and_path};
pub(crate) use plugin_server::{Call, PluginServer};
pub(crate) use socket::Socket;
