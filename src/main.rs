//! The program: see the library for the map of the house.

use std::process::ExitCode;

use clap::Parser as _;
use waybill::cli::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    Cli::parse().run()
}
