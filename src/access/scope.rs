//! What a caller may do.

use std::fmt;

/// One thing that a caller may do.
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

    /// The scope of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// All that a caller may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// Every scope there is.
    pub fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// The set of one scope.
    pub const fn only(scope: Scope) -> Self {
        Self(scope.bit())
    }

    /// The union of two sets.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether `scope` is among them. Who has `admin` has all.
    pub const fn allow(self, scope: Scope) -> bool {
        self.0 & (scope.bit() | Scope::Admin.bit()) != 0
    }

    /// Whether nothing was given.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that were given, one by one.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.0 & scope.bit() != 0)
    }
}

impl fmt::Display for Scopes {
    /// The names of the scopes, joined by `and`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Scope::as_str).collect();
        formatter.write_str(&names.join(" and "))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_has_one_name() {
        for scope in Scope::ALL {
            assert_eq!(Scope::from_name(scope.as_str()), Some(scope));
        }
        assert_eq!(Scope::from_name("orders"), None);
    }

    #[test]
    fn only_admin_allows_what_was_not_given() {
        for given in Scope::ALL {
            let scopes = Scopes::from_iter([given]);
            assert_eq!(scopes.iter().collect::<Vec<_>>(), [given]);
            for asked in Scope::ALL {
                assert_eq!(scopes.allow(asked), asked == given || given == Scope::Admin, "{given} {asked}");
            }
        }
        assert!(!Scope::ALL.into_iter().any(|scope| Scopes::default().allow(scope)));
        assert_eq!(Scopes::all().iter().collect::<Vec<_>>(), Scope::ALL);
        let both = Scopes::only(Scope::PiiRead).and(Scopes::only(Scope::OrdersWrite));
        assert_eq!(both.to_string(), "orders:write and pii:read");
    }
}
