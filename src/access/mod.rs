//! Who is calling.
//!
//! A [`Caller`] is the only source of a tenant: no argument of the API names one.

use std::sync::Arc;

use crate::store::Tenant;

/// The tenant that callers belong to where no access is configured.
const LOCAL_TENANT: &str = "default";

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Reading orders and their events.
    OrdersRead,
    /// Creating and changing orders.
    OrdersWrite,
    /// Reading plugins, workflows and the like.
    ConfigRead,
    /// Changing them.
    ConfigWrite,
    /// Seeing the personal data of contacts.
    PiiRead,
    /// Everything.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 6] = [
        Self::OrdersRead,
        Self::OrdersWrite,
        Self::ConfigRead,
        Self::ConfigWrite,
        Self::PiiRead,
        Self::Admin,
    ];

    /// The name in tokens and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrdersRead => "orders:read",
            Self::OrdersWrite => "orders:write",
            Self::ConfigRead => "config:read",
            Self::ConfigWrite => "config:write",
            Self::PiiRead => "pii:read",
            Self::Admin => "admin",
        }
    }
}

/// Who acts: it is written to the history of everything it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whose data it may see.
    pub tenant: Tenant,
    /// Its name in the history.
    pub subject: Arc<str>,
    /// What it may do.
    pub scopes: Arc<[Scope]>,
}

impl Caller {
    /// Whoever reaches a server without configured access, which therefore serves only a loopback address.
    pub fn local() -> Self {
        Self { tenant: Tenant::new(LOCAL_TENANT), subject: "local".into(), scopes: Scope::ALL.into() }
    }

    /// The service itself, acting on a tenant's behalf.
    pub fn system(tenant: Tenant) -> Self {
        Self { tenant, subject: "system".into(), scopes: Scope::ALL.into() }
    }

    /// The same tenant's caller under another name.
    #[must_use]
    pub fn named(&self, subject: &str) -> Self {
        Self { tenant: self.tenant.clone(), subject: subject.into(), scopes: Arc::clone(&self.scopes) }
    }
}
