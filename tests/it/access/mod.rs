//! Who may do what, and who sees what.

mod api_keys;
mod erase;
pub(crate) mod issuer;
mod matrix;
mod scopes;
mod sealing;
mod tenants;
mod tokens;

use std::sync::Arc;

use waybill::{
    access::{Caller, Scope},
    store::Tenant,
};

/// A caller of the tenant that tests act for, with some scopes.
pub(crate) fn caller(scopes: &[Scope]) -> Caller {
    Caller {
        tenant: Tenant::new("default"),
        subject: Arc::from("carl"),
        scopes: scopes.iter().copied().collect(),
        trace: None,
    }
}
