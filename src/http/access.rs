//! Who is calling.

use crate::access::Caller;

/// The caller of a request. No access is configured, and only this machine reaches the server: it may do everything.
pub(super) fn caller() -> Caller {
    Caller::local()
}
