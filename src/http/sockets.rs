//! The WebSockets and event streams that are open, counted by caller and tenant.
//!
//! Callers who have not said yet who they are share a small part of the places. No known caller, and no tenant, may hold so
//! many that none are left for the next.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::http::StatusCode;
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

use super::refusal::Refusal;
use crate::{
    access::{Caller, Tenant},
    fair::release,
    graphql::Code,
};

/// Every open socket and stream of a server, so that it can end them.
#[derive(Clone, Debug, Default)]
pub struct Sockets {
    stopping: CancellationToken,
    tasks: TaskTracker,
    open: Arc<Mutex<Open>>,
}

/// How many are open.
#[derive(Debug, Default)]
struct Open {
    total: usize,
    unknown: usize,
    callers: HashMap<CallerKey, usize>,
    tenants: HashMap<Tenant, usize>,
}

type CallerKey = (Tenant, Arc<str>);

/// How many may be open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quota {
    total: usize,
    unknown: usize,
    tenant: usize,
    caller: usize,
}

/// Why another socket or stream may not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Stopping,
    Total,
    Unknown,
    Tenant,
    Caller,
}

/// A place among the open sockets and streams; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    sockets: Sockets,
    holder: Holder,
    _task: TaskTrackerToken,
}

/// Who holds a place.
#[derive(Debug)]
enum Holder {
    Unknown,
    Caller(CallerKey),
}

impl Quota {
    /// The parts of `total` places. Where nobody has to say who they are, all callers are one, which may hold all.
    pub(super) fn new(total: usize, callers_are_told_apart: bool) -> Self {
        let part = |numerator: usize, denominator: usize| (total * numerator / denominator).max(1);
        let (tenant, caller) = if callers_are_told_apart { (part(3, 4), part(1, 2)) } else { (total, total) };
        Self { total, unknown: part(1, 10), tenant, caller }
    }
}

impl Sockets {
    /// Sockets that close once the server is `stopping`.
    pub fn new(stopping: CancellationToken) -> Self {
        Self { stopping, ..Self::default() }
    }

    /// Waits until the last one is closed.
    pub async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Ends once the server is stopping.
    pub(super) async fn stopping(&self) {
        self.stopping.cancelled().await;
    }

    /// Whether the server is stopping.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// Runs something that the server waits for when it stops.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.tasks.spawn(task));
    }

    /// How many are open.
    pub(super) fn open(&self) -> usize {
        self.lock().total
    }

    /// A place for a socket on which nobody has said yet who they are.
    pub(super) fn take_unknown(&self, quota: Quota) -> Result<Permit, Full> {
        let mut open = self.room(quota)?;
        if open.unknown >= quota.unknown {
            return Err(Full::Unknown);
        }
        open.unknown += 1;
        Ok(self.permit(open, Holder::Unknown))
    }

    /// A place for a stream of a caller.
    pub(super) fn take(&self, caller: &Caller, quota: Quota) -> Result<Permit, Full> {
        let mut open = self.room(quota)?;
        let key = open.add(caller, quota)?;
        Ok(self.permit(open, Holder::Caller(key)))
    }

    fn room(&self, quota: Quota) -> Result<MutexGuard<'_, Open>, Full> {
        if self.is_stopping() {
            return Err(Full::Stopping);
        }
        let open = self.lock();
        if open.total >= quota.total { Err(Full::Total) } else { Ok(open) }
    }

    /// The server waits for whoever holds a permit when it stops.
    fn permit(&self, mut open: MutexGuard<'_, Open>, holder: Holder) -> Permit {
        open.total += 1;
        drop(open);
        Permit { sockets: self.clone(), holder, _task: self.tasks.token() }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Makes it the permit of a caller, who is known from now on.
    pub(super) fn identify(&mut self, caller: &Caller, quota: Quota) -> Result<(), Full> {
        let mut open = self.sockets.lock();
        let key = open.add(caller, quota)?;
        open.remove(&self.holder);
        self.holder = Holder::Caller(key);
        Ok(())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.sockets.lock();
        open.total -= 1;
        open.remove(&self.holder);
    }
}

impl Open {
    fn add(&mut self, caller: &Caller, quota: Quota) -> Result<CallerKey, Full> {
        let key = (caller.tenant.clone(), Arc::clone(&caller.subject));
        if self.tenants.get(&caller.tenant).is_some_and(|count| *count >= quota.tenant) {
            return Err(Full::Tenant);
        }
        if self.callers.get(&key).is_some_and(|count| *count >= quota.caller) {
            return Err(Full::Caller);
        }
        *self.tenants.entry(caller.tenant.clone()).or_default() += 1;
        *self.callers.entry(key.clone()).or_default() += 1;
        Ok(key)
    }

    fn remove(&mut self, holder: &Holder) {
        match holder {
            Holder::Unknown => self.unknown -= 1,
            Holder::Caller(key) => {
                release(&mut self.tenants, &key.0);
                release(&mut self.callers, key);
            }
        }
    }
}

impl Full {
    pub(super) const ALL: [Self; 5] =
        [Self::Stopping, Self::Total, Self::Unknown, Self::Tenant, Self::Caller];

    /// The reason in the metrics.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Stopping => "stopping",
            Self::Total => "total",
            Self::Unknown => "unknown",
            Self::Tenant => "tenant",
            Self::Caller => "caller",
        }
    }

    /// The reason in words for the caller, short enough for the end of a WebSocket.
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::Stopping => "the server is stopping; try again",
            Self::Total => "the server has as many open WebSockets and streams as it takes; try again later",
            Self::Unknown => "too many WebSockets wait for their connection_init; try again later",
            Self::Tenant => "the tenant has as many open WebSockets and streams as one may; close some",
            Self::Caller => "the caller has as many open WebSockets and streams as one may; close some",
        }
    }
}

impl From<Full> for Refusal {
    fn from(full: Full) -> Self {
        let (status, code) = match full {
            Full::Stopping | Full::Total | Full::Unknown => {
                (StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable)
            }
            Full::Tenant | Full::Caller => (StatusCode::TOO_MANY_REQUESTS, Code::RateLimited),
        };
        Self::new(status, code, full.message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(tenant: &str, subject: &str) -> Caller {
        Caller { tenant: Tenant::new(tenant), ..Caller::local().named(subject) }
    }

    #[test]
    fn no_caller_and_no_tenant_holds_all_places() {
        let (sockets, quota) = (Sockets::default(), Quota::new(8, true));
        let mut held = Vec::new();
        let mut take = |tenant, subject, count| {
            for _ in 0..count {
                held.push(sockets.take(&caller(tenant, subject), quota).unwrap());
            }
        };
        take("a", "one", 4);
        assert_eq!(sockets.take(&caller("a", "one"), quota).unwrap_err(), Full::Caller);
        take("a", "two", 2);
        assert_eq!(sockets.take(&caller("a", "three"), quota).unwrap_err(), Full::Tenant);
        // A caller of the same name of another tenant is another caller.
        let take = |tenant, subject| sockets.take(&caller(tenant, subject), quota);
        let others = [take("b", "one").unwrap(), take("b", "one").unwrap()];
        assert_eq!(take("c", "one").unwrap_err(), Full::Total);
        drop(others);
        let one = take("c", "one").unwrap();
        assert_eq!(sockets.open(), 7);
        held.push(one);
        held.clear();
        assert_eq!(sockets.open(), 0);
        let open = sockets.lock();
        assert!(open.callers.is_empty() && open.tenants.is_empty(), "{open:?}");
    }

    #[test]
    fn few_may_be_unknown_and_only_for_as_long_as_they_are() {
        let (sockets, quota) = (Sockets::default(), Quota::new(20, true));
        let mut first = sockets.take_unknown(quota).unwrap();
        let second = sockets.take_unknown(quota).unwrap();
        assert_eq!(sockets.take_unknown(quota).unwrap_err(), Full::Unknown);
        // Those who are known have their places.
        let known = sockets.take(&caller("a", "one"), quota).unwrap();
        first.identify(&caller("a", "one"), quota).unwrap();
        let mut third = sockets.take_unknown(quota).unwrap();
        assert_eq!((sockets.open(), sockets.lock().unknown), (4, 2));
        let full = Quota { caller: 2, ..quota };
        assert_eq!(third.identify(&caller("a", "one"), full), Err(Full::Caller));
        drop((first, second, third, known));
        assert_eq!((sockets.open(), sockets.lock().unknown), (0, 0));
    }

    #[test]
    fn where_all_callers_are_one_it_may_hold_all_places() {
        let (sockets, quota) = (Sockets::default(), Quota::new(2, false));
        let take = || sockets.take(&Caller::local(), quota);
        let _held = [take().unwrap(), take().unwrap()];
        assert_eq!(take().unwrap_err(), Full::Total);
        assert_eq!(Quota::new(1, true), Quota { total: 1, unknown: 1, tenant: 1, caller: 1 });
        assert!(Full::ALL.iter().all(|full| full.message().len() <= 123));
    }
}
