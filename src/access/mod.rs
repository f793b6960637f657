//! Who is calling.
//!
//! A [`Caller`] is the only source of a tenant: no argument of the API names one.

use std::sync::Arc;

use crate::store::Tenant;

/// The tenant that callers belong to where no access is configured.
const LOCAL_TENANT: &str = "default";

/// Who acts: it is written to the history of everything it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whose data it may see.
    pub tenant: Tenant,
    /// Its name in the history.
    pub subject: Arc<str>,
}

impl Caller {
    /// Whoever reaches a server without configured access, which therefore serves only a loopback address.
    pub fn local() -> Self {
        Self { tenant: Tenant::new(LOCAL_TENANT), subject: "local".into() }
    }

    /// The service itself, acting on a tenant's behalf.
    pub fn system(tenant: Tenant) -> Self {
        Self { tenant, subject: "system".into() }
    }

    /// The same tenant's caller under another name.
    #[must_use]
    pub fn named(&self, subject: &str) -> Self {
        Self { tenant: self.tenant.clone(), subject: subject.into() }
    }
}
