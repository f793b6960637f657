//! The position of an event in its tenant's log, as clients see it.
//!
//! # Commit order
//!
//! A reader who has seen cursor N must never later be shown an event at or before N. A sequence does not give that:
//! a transaction that took number 7 may commit after the one that took 8. Here every transaction that records events
//! takes its positions from its tenant's row in `event_head`, with an update that locks the row until the transaction
//! ends. So of two transactions of one tenant, the second cannot even learn its positions before the first has
//! committed or rolled back; if it rolled back, its positions were never given out. Positions are therefore handed out
//! in the order of commits and without gaps, on PostgreSQL and SQLite alike, and when an event at N is visible every
//! event before N is.
//!
//! The price is that commits of one tenant queue behind each other from that update on. It is the last lock that a
//! transaction takes, so it is held for the insert of the events and the commit itself, and it cannot be part of a
//! deadlock. `docs/adr/0001-commit-order.md` has the alternatives.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::store::Tenant;

/// A position in a tenant's event log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub i64);

impl Cursor {
    /// The opaque text that clients keep. It carries the tenant, so that a cursor of another is not taken for ours.
    pub fn encode(self, tenant: &Tenant) -> String {
        URL_SAFE_NO_PAD.encode(format!("event:{}:{tenant}", self.0))
    }

    /// Reads such a text; `None` if it is not a cursor of this tenant's log.
    pub fn decode(tenant: &Tenant, text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let text = std::str::from_utf8(&bytes).ok()?;
        let (position, of) = text.strip_prefix("event:")?.split_once(':')?;
        let position = position.parse().ok()?;
        (of == tenant.as_str() && position >= 0).then_some(Self(position))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_own_tenant_only() {
        let tenant = Tenant::new("acme");
        let text = Cursor(42).encode(&tenant);
        assert_eq!(Cursor::decode(&tenant, &text), Some(Cursor(42)));
        assert_eq!(Cursor::decode(&Tenant::new("other"), &text), None);
        let negative = URL_SAFE_NO_PAD.encode("event:-1:acme");
        for broken in ["", "42", "!", text.split_at(1).1, &negative] {
            assert_eq!(Cursor::decode(&tenant, broken), None, "{broken}");
        }
    }
}
