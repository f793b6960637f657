//! Waybill: an open platform order service. It takes in platform orders over GraphQL, keeps each as an order with its
//! work orders, lets a tenant's plugins check and enrich them, drives their lifecycles, and tells everyone who listens
//! what changed.
//!
//! # The house
//!
//! Each line knows only what stands below it; a test enforces this.
//!
//! ```text
//! cli, serve                      wire the parts together, start and stop them
//! http                            requests and sockets in, GraphQL out
//! graphql                         the contract in Rust: thin resolvers
//! plugins        webhooks         what plugins are asked, and who asks them | what endpoints are sent
//! usecase        outbound         one file per thing a caller can ask for | calls to untrusted addresses
//! events         access           the log and its readers                 | who is calling
//! store                           every statement, each bound to a tenant
//! domain         entity           rules, pure                             | rows
//! ```
//!
//! [`app`] is what all of them share, [`config`] what the operator sets; [`seam`] (time and ids), [`budget`], [`fair`], [`fault`],
//! [`secret`], [`metrics`] and [`trace`] may be used everywhere but in [`domain`]. [`compute`] runs what tenants have
//! computed.
//!
//! A mutation goes down through the lines: a resolver reads its input and calls one use case; that opens a unit of work
//! ([`usecase::work`]), locks and loads what it is about, lets [`domain`] decide, writes the changes and records the
//! events; the plugin manager, as the unit's hook, adds the runs that the events set off; all of it commits or nothing
//! does. Afterwards [`events::Wake`] wakes subscribers and workers.
//!
//! `docs/ARCHITECTURE.md` has the whole picture.

pub mod access;
pub mod app;
pub mod budget;
pub mod cli;
pub mod compute;
pub mod config;
pub mod domain;
pub mod events;
pub mod fair;
pub mod fault;
pub mod graphql;
pub mod http;
pub mod metrics;
pub mod outbound;
pub mod plugins;
pub mod seam;
pub mod secret;
pub mod serve;
pub mod store;
pub mod trace;
pub mod usecase;
pub mod webhooks;
