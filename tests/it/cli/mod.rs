//! The command line, by the built binary.

mod access;
mod demo;
mod import;

use std::{
    io::Write,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use crate::harness::TestDatabase;

/// The data key of a test's store, which exists before the command does.
const DATA_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A command on a store, in a folder of its own; nothing is in its environment.
pub(crate) fn waybill(folder: &Path, database: &TestDatabase, arguments: &[&str]) -> Command {
    std::fs::write(folder.join("data-key"), DATA_KEY).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_waybill"));
    command
        .args(arguments)
        .args(["--log", "warn", "--data-key-file", "data-key", "--database-url", &database.url])
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs a command to its end.
pub(crate) fn run(mut command: Command, input: &[u8]) -> Finished {
    let mut child = command.spawn().unwrap();
    // A command that ends early reads no more.
    let _ = child.stdin.take().unwrap().write_all(input);
    finish(child)
}

/// Waits for the end of a command.
pub(crate) fn finish(child: Child) -> Finished {
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Finished { status: status.code(), output: text(stdout), errors: text(stderr) }
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: Option<i32>,
    pub(crate) output: String,
    pub(crate) errors: String,
}
