//! What tenants configured, kept in memory: read with every change of an order, changed once in a while.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::Tenant;
use crate::fault::Fault;

/// What another process changed is seen after this long at the latest.
const FRESH_FOR: Duration = Duration::from_secs(1);
/// How many tenants are remembered; beyond it all are forgotten, and read again as they come.
const MAX_TENANTS: usize = 10_000;

/// A value of each tenant, as it was in the store at most a second ago. A process that changes it says so with
/// [`TenantCache::forget`] after the commit, and sees the change at once.
#[derive(Debug)]
pub struct TenantCache<T>(Mutex<Remembered<T>>);

#[derive(Debug)]
struct Remembered<T> {
    tenants: HashMap<Tenant, Cached<T>>,
    /// Counts what was forgotten, so that a read that began before it is not remembered after it.
    forgotten: u64,
}

#[derive(Debug)]
struct Cached<T> {
    value: Arc<T>,
    read_at: Instant,
}

impl<T> Default for TenantCache<T> {
    fn default() -> Self {
        Self(Mutex::new(Remembered { tenants: HashMap::new(), forgotten: 0 }))
    }
}

impl<T> TenantCache<T> {
    /// The tenant's value; `load` reads it from the store where what is remembered is missing or too old.
    pub async fn get(
        &self,
        tenant: &Tenant,
        load: impl AsyncFnOnce() -> Result<T, Fault>,
    ) -> Result<Arc<T>, Fault> {
        // The time before the read: what another process changed meanwhile is seen in time.
        let now = Instant::now();
        let forgotten = {
            let remembered = self.lock();
            if let Some(cached) = remembered.tenants.get(tenant)
                && now.duration_since(cached.read_at) < FRESH_FOR
            {
                return Ok(Arc::clone(&cached.value));
            }
            remembered.forgotten
        };
        let value = Arc::new(load().await?);
        let mut remembered = self.lock();
        if remembered.forgotten == forgotten {
            if remembered.tenants.len() >= MAX_TENANTS {
                remembered.tenants.clear();
            }
            remembered.tenants.insert(tenant.clone(), Cached { value: Arc::clone(&value), read_at: now });
        }
        Ok(value)
    }

    /// The next one who asks reads the store.
    pub fn forget(&self, tenant: &Tenant) {
        let mut remembered = self.lock();
        remembered.forgotten += 1;
        remembered.tenants.remove(tenant);
    }

    fn lock(&self) -> MutexGuard<'_, Remembered<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
