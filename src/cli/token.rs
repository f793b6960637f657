//! `waybill token`: makes a token, for trying things out and for callers without an issuer of their own.

use std::io::{self, Write as _};

use anyhow::{Context as _, anyhow, bail};
use chrono::TimeDelta;
use clap::Args;

use super::tenant::OfTenant;
use crate::{
    access::{Caller, Scope, Scopes, mint},
    config::Config,
    seam::Clock,
};

/// Whom the token is for.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    of: OfTenant,
    /// The bearer's name in the history
    #[arg(long, value_name = "NAME")]
    subject: String,
    /// What the bearer may do: orders:read, orders:write, config:read, config:write, pii:read, admin; with commas
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', required = true)]
    scopes: Vec<String>,
    /// How many hours it is good for
    #[arg(long, value_name = "HOURS", default_value = "24", value_parser = clap::value_parser!(u32).range(1..=87_600))]
    hours: u32,
}

/// Prints a token.
pub(super) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    let access = &config.access;
    let Some(secret) = &access.jwt_secret else {
        bail!("there is no secret to sign with: name its file with --jwt-secret-file");
    };
    let scopes = scopes(&arguments.scopes)?;
    let now = Clock::system().now();
    let until = now + TimeDelta::hours(arguments.hours.into());
    let tenant = arguments.of.tenant.clone();
    let caller = Caller { tenant, subject: arguments.subject.as_str().into(), scopes, trace: None };
    let (audience, issuer) = (access.jwt_audience.as_deref(), access.jwt_issuer.as_deref());
    let token = mint(secret, &caller, (now, until), audience, issuer).map_err(|problem| anyhow!(problem))?;
    writeln!(io::stdout(), "{token}").context("cannot write to standard output")
}

/// The scopes of those names.
pub(super) fn scopes(names: &[String]) -> anyhow::Result<Scopes> {
    let scope = |name: &String| {
        let known = || Scope::ALL.map(Scope::as_str).join(", ");
        Scope::from_name(name).ok_or_else(|| anyhow!("{name:?} is no scope; the scopes are {}", known()))
    };
    names.iter().map(scope).collect()
}
