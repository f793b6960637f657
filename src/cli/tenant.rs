//! The argument that says whose data a command is about.

use clap::Args;

use crate::access::{Tenant, is_name};

/// Whose data it is about.
#[derive(Args, Debug)]
pub(super) struct OfTenant {
    /// The tenant
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = parse)]
    pub(super) tenant: Tenant,
}

fn parse(name: &str) -> Result<Tenant, &'static str> {
    if is_name(name) {
        Ok(Tenant::new(name))
    } else {
        Err("it has 1 to 255 characters, none of them a control")
    }
}
