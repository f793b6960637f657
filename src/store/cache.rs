//! What was read from the store, kept in memory for a moment: read with every request, changed once in a while.

use std::{
    collections::HashMap,
    fmt::Debug,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::Tenant;

/// How long a tenant's value is kept: what another process changed is seen after this long at the latest.
const TENANT_FRESH_FOR: Duration = Duration::from_secs(1);
/// How many values are kept; beyond it all are forgotten, and read again as they are asked for.
const MAX_VALUES: usize = 10_000;

/// Values by their keys, each as it was in the store a moment ago. A process that changes one says so with
/// [`Cache::forget`] after the commit, and sees the change at once.
#[derive(Debug)]
pub struct Cache<K, V> {
    fresh_for: Duration,
    remembered: Mutex<Remembered<K, V>>,
}

/// A value of each tenant, kept for a second.
pub type TenantCache<V> = Cache<Tenant, V>;

#[derive(Debug)]
struct Remembered<K, V> {
    values: HashMap<K, Cached<V>>,
    /// Counts what was forgotten, so that a read that began before it is not remembered after it.
    forgotten: u64,
}

#[derive(Debug)]
struct Cached<V> {
    value: Arc<V>,
    /// By a clock that is never set back; none where the value was forgotten since.
    read_at: Option<Instant>,
}

impl<V> Default for TenantCache<V> {
    fn default() -> Self {
        Self::new(TENANT_FRESH_FOR)
    }
}

impl<K: Hash + Eq, V> Cache<K, V> {
    /// An empty cache, whose values are kept for so long.
    pub fn new(fresh_for: Duration) -> Self {
        let remembered = Remembered { values: HashMap::new(), forgotten: 0 };
        Self { fresh_for, remembered: Mutex::new(remembered) }
    }

    /// The value of a key; `load` reads it where what is remembered is missing or too old.
    pub async fn get<E>(&self, key: &K, load: impl AsyncFnOnce() -> Result<V, E>) -> Result<Arc<V>, E>
    where
        K: Clone,
    {
        self.get_anew(key, async |_| load().await).await
    }

    /// The same; `load` is given the value that was remembered before, so that what was derived from parts that did not
    /// change need not be derived again.
    pub async fn get_anew<E>(
        &self,
        key: &K,
        load: impl AsyncFnOnce(Option<Arc<V>>) -> Result<V, E>,
    ) -> Result<Arc<V>, E>
    where
        K: Clone,
    {
        // The time before the read: what another process changed meanwhile is seen in time.
        let now = Instant::now();
        let (forgotten, before) = {
            let remembered = self.lock();
            let cached = remembered.values.get(key);
            if let Some(Cached { value, read_at: Some(read_at) }) = cached
                && now.duration_since(*read_at) < self.fresh_for
            {
                return Ok(Arc::clone(value));
            }
            (remembered.forgotten, cached.map(|cached| Arc::clone(&cached.value)))
        };
        let value = Arc::new(load(before).await?);
        let mut remembered = self.lock();
        if remembered.forgotten == forgotten {
            if remembered.values.len() >= MAX_VALUES {
                remembered.values.clear();
            }
            remembered.values.insert(key.clone(), Cached { value: Arc::clone(&value), read_at: Some(now) });
        }
        Ok(value)
    }

    /// Forgets a value: the next one who asks for it reads the store.
    pub fn forget(&self, key: &K) {
        let mut remembered = self.lock();
        remembered.forgotten += 1;
        if let Some(cached) = remembered.values.get_mut(key) {
            cached.read_at = None;
        }
    }

    /// Forgets all values.
    pub fn forget_all(&self) {
        let mut remembered = self.lock();
        remembered.forgotten += 1;
        remembered.values.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Remembered<K, V>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    async fn get(cache: &Cache<&'static str, u32>, key: &'static str, value: u32) -> u32 {
        *cache.get(&key, async || Ok::<_, Infallible>(value)).await.unwrap()
    }

    #[tokio::test]
    async fn a_value_is_read_once_and_anew_when_it_was_forgotten() {
        let cache = Cache::new(Duration::from_mins(1));
        assert_eq!(
            (get(&cache, "a", 1).await, get(&cache, "a", 2).await, get(&cache, "b", 3).await),
            (1, 1, 3)
        );
        cache.forget(&"a");
        assert_eq!((get(&cache, "a", 4).await, get(&cache, "b", 5).await), (4, 3));
        cache.forget_all();
        assert_eq!((get(&cache, "a", 6).await, get(&cache, "b", 7).await), (6, 7));
        let failed = cache.get(&"c", async || Err::<u32, _>("away")).await;
        assert_eq!(failed.unwrap_err(), "away");
        assert_eq!(get(&cache, "c", 8).await, 8);
    }

    #[tokio::test]
    async fn what_is_read_anew_is_given_what_was_there_before() {
        let cache = Cache::new(Duration::from_mins(1));
        let next =
            async |before: Option<Arc<u32>>| Ok::<_, Infallible>(before.map_or(1, |before| *before + 1));
        assert_eq!(*cache.get_anew(&"a", next).await.unwrap(), 1);
        assert_eq!(*cache.get_anew(&"a", next).await.unwrap(), 1);
        cache.forget(&"a");
        assert_eq!(*cache.get_anew(&"a", next).await.unwrap(), 2);
        cache.forget_all();
        assert_eq!(*cache.get_anew(&"a", next).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_value_that_is_too_old_is_read_anew() {
        let cache = Cache::new(Duration::ZERO);
        assert_eq!((get(&cache, "a", 1).await, get(&cache, "a", 2).await), (1, 2));
    }

    #[tokio::test]
    async fn a_read_that_began_before_a_change_is_not_remembered_after_it() {
        let cache = Cache::new(Duration::from_mins(1));
        for forget in [|cache: &Cache<_, _>| cache.forget(&"a"), |cache: &Cache<_, _>| cache.forget_all()] {
            let old = cache.get(&"a", async || {
                forget(&cache);
                Ok::<_, Infallible>(1)
            });
            assert_eq!(*old.await.unwrap(), 1);
            assert_eq!(get(&cache, "a", 2).await, 2);
            cache.forget_all();
        }
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded() {
        let cache = Cache::new(Duration::from_mins(1));
        for number in 0..=MAX_VALUES {
            cache.get(&number, async || Ok::<_, Infallible>(())).await.unwrap();
        }
        assert_eq!(cache.lock().values.len(), 1);
    }
}
