//! Who is calling.
//!
//! A [`Caller`] is the only source of a tenant: no argument of the API names one. What needs a scope takes a [`Granted`],
//! which only a caller with that scope gives.

mod api_key;
mod crypto;
mod gate;
mod grant;
mod jwks;
mod jwt;
mod scope;

use std::sync::Arc;

pub use api_key::{NewApiKey, scopes as stored_scopes};
use gate::Verified;
pub use gate::{Access, Denied, Session, Trust};
pub use grant::{Granted, KeptGrant, Lacking, Right, right};
pub use jwks::Fetch;
pub use jwt::{is_name, mint};
pub use scope::{Scope, Scopes};

pub use crate::store::Tenant;
use crate::trace::Trace;

/// The tenant that callers belong to where no access is configured.
const LOCAL_TENANT: &str = "default";

/// Who acts: it is written to the history of everything it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whose data it may see.
    pub tenant: Tenant,
    /// Its name in the history.
    pub subject: Arc<str>,
    /// What it may do.
    pub scopes: Scopes,
    /// The trace within which it acts now, if there is one.
    pub trace: Option<Trace>,
}

impl Caller {
    /// Whoever reaches a server without configured access, which therefore serves only a loopback address.
    pub fn local() -> Self {
        Self {
            tenant: Tenant::new(LOCAL_TENANT),
            subject: "local".into(),
            scopes: Scopes::all(),
            trace: None,
        }
    }

    /// The service itself, acting on a tenant's behalf.
    pub fn system(tenant: Tenant) -> Self {
        Self { tenant, subject: "system".into(), scopes: Scopes::all(), trace: None }
    }

    /// The same tenant's caller under another name.
    #[must_use]
    pub fn named(&self, subject: &str) -> Self {
        Self { subject: subject.into(), ..self.clone() }
    }

    /// The same caller, acting within a trace.
    #[must_use]
    pub fn within(self, trace: Option<Trace>) -> Self {
        Self { trace, ..self }
    }

    /// Whether it may do that.
    pub const fn may(&self, scope: Scope) -> bool {
        self.scopes.allow(scope)
    }
}

/// What is wrong with the text of a JSON Web Key Set, if anything is.
pub fn check_key_set(text: &[u8]) -> Result<(), String> {
    jwks::parse(text).map(drop)
}
