//! The log: to standard error, for people or for machines.

use std::{
    io::{self, IsTerminal as _},
    panic::PanicHookInfo,
};

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{Config, LogFormat};

/// What comes before the operator's own directives: each migration would be two lines of every first start.
const QUIET: &str = "sea_orm_migration=warn";

/// Starts to write log lines. A panic is one of them: it is caught where it happens, and the process goes on.
pub(super) fn start(config: &Config) {
    let filter = EnvFilter::new(format!("{QUIET},{}", config.log));
    let lines = fmt().with_env_filter(filter).with_writer(io::stderr);
    // Fails only where a log was started already; then there is one.
    let _ = match config.log_format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).try_init(),
    };
    std::panic::set_hook(Box::new(log_panic));
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("no message");
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(location, "panicked: {message}");
}
