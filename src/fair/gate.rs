//! Places that tasks wait for.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::oneshot, time::Instant};

use super::{
    Lane, Rule,
    shares::{Key, Shares},
};

/// The most tasks of one lane that wait.
const MAX_WAITING_IN_LANE: usize = 10_000;

/// Shared places; cheap to clone.
#[derive(Debug)]
pub struct Gate<T: Key, K: Key>(Arc<Mutex<State<T, K>>>);

#[derive(Debug)]
struct State<T: Key, K: Key> {
    shares: Shares<T, K>,
    waiting: BTreeMap<Lane<T, K>, Queue<T, K>>,
}

/// The tasks of a lane that wait, in the order in which they asked.
type Queue<T, K> = VecDeque<oneshot::Sender<Place<T, K>>>;

/// A place, held until it is dropped.
#[derive(Debug)]
pub struct Place<T: Key, K: Key> {
    gate: Gate<T, K>,
    lane: Lane<T, K>,
    since: Instant,
}

/// Too many tasks of the lane wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl<T: Key, K: Key> Clone for Gate<T, K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Key, K: Key> Gate<T, K> {
    /// So many places, all of them free.
    pub fn new(places: usize, rule: Rule) -> Self {
        Self(Arc::new(Mutex::new(State { shares: Shares::new(places, rule), waiting: BTreeMap::new() })))
    }

    /// A place, if the lane may have one at once.
    pub fn try_acquire(&self, tenant: &T, id: &K) -> Option<Place<T, K>> {
        let lane = Lane { tenant: tenant.clone(), id: id.clone() };
        let mut state = self.lock();
        self.take(&mut state, &lane)
    }

    /// A place, as soon as it is the lane's turn. Dropped before, it leaves the queue.
    pub async fn acquire(&self, tenant: &T, id: &K) -> Result<Place<T, K>, Full> {
        let place = {
            let lane = Lane { tenant: tenant.clone(), id: id.clone() };
            let mut state = self.lock();
            if let Some(place) = self.take(&mut state, &lane) {
                return Ok(place);
            }
            let queue = state.waiting.entry(lane).or_default();
            if queue.len() >= MAX_WAITING_IN_LANE {
                // Those that went away are found here and when they are served, and not with each that comes.
                queue.retain(|waiter| !waiter.is_closed());
            }
            if queue.len() >= MAX_WAITING_IN_LANE {
                return Err(Full);
            }
            let (waiter, place) = oneshot::channel();
            queue.push_back(waiter);
            place
        };
        // The gate drops no waiter that is still there.
        place.await.map_err(|_| Full)
    }

    /// A place for a lane in which nobody waits.
    fn take(&self, state: &mut State<T, K>, lane: &Lane<T, K>) -> Option<Place<T, K>> {
        let is_free = !state.waiting.contains_key(lane) && state.shares.room(lane) > 0;
        is_free.then(|| self.place(state, lane.clone()))
    }

    fn place(&self, state: &mut State<T, K>, lane: Lane<T, K>) -> Place<T, K> {
        state.shares.begin(&lane, 1);
        Place { gate: self.clone(), lane, since: Instant::now() }
    }

    /// Gives free places to those whose turn it is. A waiter that went away meanwhile drops its place, which comes back
    /// here.
    fn serve(&self) {
        let mut served = Vec::new();
        {
            let mut state = self.lock();
            while let Some((lane, _)) = state.shares.next(state.waiting.keys()) {
                let Some(queue) = state.waiting.get_mut(&lane) else { break };
                let waiter = std::iter::from_fn(|| queue.pop_front()).find(|waiter| !waiter.is_closed());
                if queue.is_empty() {
                    state.waiting.remove(&lane);
                }
                if let Some(waiter) = waiter {
                    served.push((waiter, self.place(&mut state, lane)));
                }
            }
        }
        // Without the lock: the place of a waiter that went away is dropped here.
        for (waiter, place) in served {
            drop(waiter.send(place));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T, K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Key, K: Key> Drop for Place<T, K> {
    fn drop(&mut self) {
        self.gate.lock().shares.end_after(&self.lane, self.since.elapsed());
        self.gate.serve();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn gate(places: usize) -> Gate<&'static str, u8> {
        Gate::new(places, Rule::Reserve { slow: None })
    }

    #[tokio::test]
    async fn the_next_free_place_goes_to_the_tenant_whose_turn_it_is() {
        let gate = gate(1);
        let held = gate.acquire(&"a", &1).await.unwrap();
        let mut greedy: Vec<_> = (0..3).map(|_| Box::pin(gate.acquire(&"a", &1))).collect();
        assert!(greedy.iter_mut().all(|waiting| waiting.now_or_never().is_none()));
        let mut modest = Box::pin(gate.acquire(&"b", &1));
        assert!((&mut modest).now_or_never().is_none());
        assert!(gate.try_acquire(&"c", &1).is_none());
        drop(held);
        assert!(greedy.iter_mut().all(|waiting| waiting.now_or_never().is_none()));
        let place = (&mut modest).now_or_never().unwrap().unwrap();
        drop(place);
        let served = greedy.iter_mut().filter_map(FutureExt::now_or_never).collect::<Vec<_>>();
        assert_eq!(served.len(), 1);
    }

    #[tokio::test]
    async fn a_waiter_that_went_away_keeps_nobody_waiting() {
        let gate = gate(1);
        let held = gate.acquire(&"a", &1).await.unwrap();
        let mut gone = Box::pin(gate.acquire(&"b", &1));
        let mut gone_later = Box::pin(gate.acquire(&"b", &1));
        let mut last = Box::pin(gate.acquire(&"b", &2));
        for waiting in [&mut gone, &mut gone_later, &mut last] {
            assert!(waiting.now_or_never().is_none());
        }
        drop(gone);
        drop(held);
        // The second has its place and goes away before it knows.
        drop(gone_later);
        assert!(last.now_or_never().is_some());
        assert!(gate.lock().waiting.is_empty());
        assert!(gate.try_acquire(&"a", &1).is_some());
    }

    #[tokio::test]
    async fn a_lane_is_served_in_the_order_in_which_it_asked() {
        let gate = gate(1);
        let held = gate.acquire(&"a", &1).await.unwrap();
        let mut first = Box::pin(gate.acquire(&"a", &2));
        let mut second = Box::pin(gate.acquire(&"a", &2));
        assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
        drop(held);
        assert!((&mut second).now_or_never().is_none());
        drop(first.now_or_never().unwrap());
        assert!(second.now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_queue_is_bounded() {
        let gate = gate(1);
        let _held = gate.acquire(&"a", &1).await.unwrap();
        let mut waiting: Vec<_> =
            (0..MAX_WAITING_IN_LANE).map(|_| Box::pin(gate.acquire(&"a", &1))).collect();
        assert!(waiting.iter_mut().all(|waiting| waiting.now_or_never().is_none()));
        assert_eq!(gate.acquire(&"a", &1).now_or_never().unwrap().unwrap_err(), Full);
        assert!(gate.acquire(&"b", &1).now_or_never().is_none());
        waiting.pop();
        assert!(gate.acquire(&"a", &1).now_or_never().is_none());
    }
}
