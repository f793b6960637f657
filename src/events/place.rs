//! How far a subscriber has come, for a transport that tells its client where to resume.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::watch;

use super::Cursor;
use crate::store::Tenant;

/// What stands for no position: there is no such one.
const NOWHERE: i64 = -1;

/// How far a subscriber has come in its tenant's log.
#[derive(Debug)]
pub struct Place {
    tenant: Tenant,
    /// Everything up to here was handed out, or does not pass the filter.
    passed: watch::Sender<i64>,
    /// The event that is being handed out.
    at: AtomicI64,
}

impl Place {
    /// The place of a subscriber that has not begun.
    pub fn new(tenant: Tenant) -> Self {
        Self { tenant, passed: watch::Sender::new(NOWHERE), at: AtomicI64::new(NOWHERE) }
    }

    /// Cursor of the event that was handed out last.
    pub fn at(&self) -> Option<String> {
        self.encode(self.at.load(Ordering::Relaxed))
    }

    /// Where to resume without missing anything, also while nothing passes the filter.
    pub fn passed(&self) -> Option<String> {
        let position = *self.passed.borrow();
        self.encode(position)
    }

    /// Waits until the subscriber has begun.
    pub async fn begun(&self) {
        // Fails only if the sender is gone, which is ours.
        let _ = self.passed.subscribe().wait_for(|position| *position != NOWHERE).await;
    }

    /// An event is handed out.
    pub(super) fn hand_out(&self, position: i64) {
        self.at.store(position, Ordering::Relaxed);
    }

    /// Nothing up to here need be handed out any more.
    pub(super) fn pass(&self, position: i64) {
        self.passed.send_replace(position);
    }

    fn encode(&self, position: i64) -> Option<String> {
        (position != NOWHERE).then(|| Cursor(position).encode(&self.tenant))
    }
}
