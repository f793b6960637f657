//! The command line: one file per command.
//!
//! Logs go to standard error; standard output belongs to what a command prints.

mod api_key;
pub mod demo;
mod import;
mod logging;
mod migrate;
mod reencrypt;
mod schema;
mod serve;
mod tenant;
mod token;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::config::{Config, Flags, Problems};
use tenant::OfTenant;

/// The exit status of wrong usage or configuration; clap's own is the same.
const USAGE: u8 = 2;

/// An open platform order service: a GraphQL server for orders, their work orders and their plugins.
#[derive(Debug, Parser)]
#[command(name = "waybill", version, max_term_width = 100)]
#[command(
    after_help = "Settings come from flags, the environment, the file and the defaults, in this order. \
                        Exit status: 0 done, 1 failed, 2 wrong usage or configuration."
)]
pub struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What to do.
#[derive(Debug, Default, Subcommand)]
enum Command {
    /// Serve GraphQL until SIGTERM or Ctrl-C; what is done without a command
    #[default]
    Serve,
    /// Bring the database's schema up to date, and do nothing else
    Migrate,
    /// Print the GraphQL schema; needs no database
    Schema,
    /// Create the orders of a file: NDJSON, or one JSON array
    ///
    /// Each order is an OrderCreateInput of the API, at most 1 MiB large; `waybill schema` prints its fields. Orders
    /// without an idempotencyKey get one that follows from what they say. So an import that was interrupted is run
    /// again with the same file and creates nothing twice, and so is one whose faulty orders were mended. For the same
    /// reason, two orders that say the very same are one.
    ///
    /// Faulty orders are reported on standard output, a problem a line: place, path, code and message, with tabs
    /// between them. The others are created. A summary goes to standard error. Ctrl-C ends after the batch at hand.
    ///
    /// Exit status: 0 every order is there, 1 some are not, 2 wrong usage or configuration.
    Import {
        #[command(flatten)]
        of: OfTenant,
        /// The file; `-` is standard input
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
    },
    /// Make, list and revoke API keys, past the API
    #[command(subcommand)]
    ApiKey(api_key::Action),
    /// Seal with the first data key what was sealed with another one, or not at all; servers may go on meanwhile
    Reencrypt,
    /// Print a token that is signed with the secret of --jwt-secret-file
    Token(token::Arguments),
    /// Serve a living system to look at: made-up orders, moving through their lives, and plugins that check them
    ///
    /// Serves like `waybill serve`, but on a database of its own that is removed at the end, unless one is configured.
    Demo,
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
enum Failure {
    /// The configuration is wrong.
    Configuration(Problems),
    /// Something else is.
    Failed(anyhow::Error),
    /// Something else is, and the command said what.
    Reported,
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Configuration(problems)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl Cli {
    /// Does what the command line asks, and gives the exit status: 0 done, 1 failed, 2 wrong usage or configuration.
    pub fn run(self) -> ExitCode {
        let (status, message) = match self.execute() {
            Ok(()) => return ExitCode::SUCCESS,
            Err(Failure::Configuration(problems)) => (ExitCode::from(USAGE), problems.to_string()),
            Err(Failure::Failed(error)) => (ExitCode::FAILURE, format!("{error:#}")),
            Err(Failure::Reported) => return ExitCode::FAILURE,
        };
        // Where standard error is closed, the status has to do.
        let _ = writeln!(io::stderr(), "error: {message}");
        status
    }

    fn execute(self) -> Result<(), Failure> {
        let flags = &self.flags;
        match self.command.unwrap_or_default() {
            Command::Serve => wait_for(serve::run(configure(flags)?))?,
            Command::Migrate => wait_for(migrate::run(configure(flags)?))?,
            Command::Schema => schema::run()?,
            Command::Import { of, file } => {
                if !wait_for(import::run(configure(flags)?, of.tenant, file))? {
                    return Err(Failure::Reported);
                }
            }
            Command::ApiKey(action) => wait_for(api_key::run(configure(flags)?, action))?,
            Command::Reencrypt => wait_for(reencrypt::run(configure(flags)?))?,
            Command::Token(arguments) => token::run(&configure(flags)?, &arguments)?,
            Command::Demo => {
                let (config, folder) = demo::configure(flags)?;
                logging::start(&config);
                wait_for(demo::run(config, folder))?;
            }
        }
        Ok(())
    }
}

/// Loads the configuration and starts the log.
fn configure(flags: &Flags) -> Result<Config, Problems> {
    let config = Config::load(flags)?;
    logging::start(&config);
    Ok(config)
}

/// Runs a command to its end on a runtime of its own.
fn wait_for<T>(command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(command);
    // What is still busy, a look-up of a name, say, must not hold up the exit.
    runtime.shutdown_background();
    outcome
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_serves() {
        for line in [&["waybill"][..], &["waybill", "serve"], &["waybill", "--listen", "127.0.0.1:1"]] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert!(matches!(cli.command.unwrap_or_default(), Command::Serve), "{line:?}");
        }
    }

    #[test]
    fn flags_may_stand_before_and_after_the_command() {
        for line in [["waybill", "--log", "warn", "migrate"], ["waybill", "migrate", "--log", "warn"]] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert_eq!(cli.flags.log.as_deref(), Some("warn"), "{line:?}");
        }
    }

    #[test]
    fn help_names_every_setting_with_its_variable() {
        let help = Cli::command().render_long_help().to_string().replace('\n', " ");
        for name in ["listen", "database-url", "config", "plugin-allow-net", "data-key-file", "log-format"] {
            let variable = format!("[env: WAYBILL_{}]", name.to_uppercase().replace('-', "_"));
            let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(help.contains(&format!("--{name} ")) && help.contains(&variable), "{name}: {help}");
        }
    }

    #[test]
    fn every_flag_is_documented_and_no_other() {
        let document = include_str!("../../docs/OPERATIONS.md");
        let documented = document.lines().filter_map(|line| {
            let flag = line.strip_prefix("| `--")?;
            flag.split(['`', ' ', '[']).next()
        });
        let mut documented: Vec<_> = documented.collect();
        let command = Cli::command();
        let flags = command.get_arguments().filter_map(clap::Arg::get_long);
        let mut flags: Vec<_> = flags.filter(|flag| !matches!(*flag, "help" | "version")).collect();
        documented.sort_unstable();
        flags.sort_unstable();
        assert_eq!(documented, flags);
    }

    #[test]
    fn wrong_usage_has_its_own_status() {
        assert_eq!(i32::from(USAGE), Cli::try_parse_from(["waybill", "--nope"]).unwrap_err().exit_code());
    }
}
