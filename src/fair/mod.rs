//! Fair shares of what tenants have in common: connections that read, write transactions, calls of plugins, webhook
//! deliveries, processors.
//!
//! [`Shares`] decides: it counts who holds how many places, and says whose turn it is. [`Gate`] is the same for tasks
//! that wait for a place. A lane is what a tenant's places are divided among: its plugins, endpoints or callers.

mod gate;
mod shares;

use std::time::Duration;

pub use gate::{Full, Gate, Place};
pub(crate) use shares::release;
pub use shares::{Key, Shares};

/// A lane of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane<T, K> {
    /// The tenant.
    pub tenant: T,
    /// The name of the lane among those of the tenant.
    pub id: K,
}

/// How many of the places one tenant, and one lane, may hold. Free places always go to the tenant whose turn it is, and
/// of its lanes to the one that holds the fewest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// For what takes long while it costs this machine little, such as calls over the network. A tenant may take another
    /// place while it holds fewer than are free: alone it gets half of them. A lane does likewise among the half of its
    /// tenant.
    Halves,
    /// For what is short and costs the machine. One tenant leaves the last quarter of the places to tenants that hold
    /// none.
    Reserve {
        /// What binds slow tenants besides.
        slow: Option<Slow>,
    },
}

/// The bounds of slow tenants: those that hold their places for long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slow {
    /// A tenant that holds a place for at least this long on average is slow.
    pub after: Duration,
    /// The most places that a slow tenant may hold.
    pub places: usize,
}
