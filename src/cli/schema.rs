//! `waybill schema`.

use std::io::{self, ErrorKind, Write as _};

use anyhow::Context as _;

use crate::graphql;

/// Prints the schema in GraphQL's definition language.
pub(super) fn run() -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    match output.write_all(graphql::sdl().as_bytes()).and_then(|()| output.flush()) {
        // The reader, `head`, say, has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.context("cannot write to standard output"),
    }
}
