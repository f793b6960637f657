//! x
pub mod access;
pub mod app;
pub mod config;
pub mod domain;
pub mod events;
pub mod fault;
pub mod graphql;
pub mod outbound;
pub mod plugins;
pub mod seam;
pub mod secret;
pub mod store;
pub mod usecase;
