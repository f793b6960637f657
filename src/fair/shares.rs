//! Who is served next, and how many places each tenant and each of its lanes holds.

use std::{collections::HashMap, fmt::Debug, hash::Hash, time::Duration};

use super::{Lane, Rule, Slow};

/// What names a tenant or a lane.
pub trait Key: Clone + Debug + Eq + Hash + Ord + Send + Sync + 'static {}

impl<K: Clone + Debug + Eq + Hash + Ord + Send + Sync + 'static> Key for K {}

/// A smoothed duration is seven parts of what it was and one part of the latest.
const SMOOTHING: u32 = 8;
/// Tenants whose durations are remembered; beyond it all are forgotten and measured anew.
const MAX_MEASURED: usize = 10_000;

/// The places of one resource, and who holds them.
#[derive(Debug)]
pub struct Shares<T, K> {
    rule: Rule,
    places: usize,
    lanes: HashMap<Lane<T, K>, usize>,
    tenants: HashMap<T, usize>,
    taken: usize,
    last: Option<T>,
    /// How long each tenant holds a place, smoothed; only under a rule that asks for it.
    durations: HashMap<T, Duration>,
}

impl<T: Key, K: Key> Shares<T, K> {
    /// So many places, all of them free.
    pub fn new(places: usize, rule: Rule) -> Self {
        Self {
            rule,
            places,
            lanes: HashMap::new(),
            tenants: HashMap::new(),
            taken: 0,
            last: None,
            durations: HashMap::new(),
        }
    }

    /// How many more places a lane may take now.
    pub fn room(&self, lane: &Lane<T, K>) -> usize {
        let of_tenant = self.tenants.get(&lane.tenant).copied().unwrap_or(0);
        let left = self.places.saturating_sub(self.taken);
        match self.rule {
            Rule::Halves => {
                let of_lane = self.lanes.get(lane).copied().unwrap_or(0);
                // What its tenant could have at most, less what the tenant holds.
                let of_tenants_half = (self.places / 2).saturating_sub(of_tenant);
                half_of_difference(left, of_tenant).min(half_of_difference(of_tenants_half, of_lane))
            }
            Rule::Reserve { slow } => {
                let reserve = if of_tenant == 0 { 0 } else { self.places / 4 };
                let left = left.saturating_sub(reserve);
                let duration = self.durations.get(&lane.tenant);
                let slow = slow.filter(|slow| duration.is_some_and(|duration| *duration >= slow.after));
                slow.map_or(left, |slow| left.min(slow.places.saturating_sub(of_tenant)))
            }
        }
    }

    /// The lane whose turn it is among those that want places, and how many it may take: of the tenant after the one
    /// that was served last, the lane that holds the fewest.
    pub fn next<'a>(
        &self,
        wanting: impl Iterator<Item = &'a Lane<T, K>> + Clone,
    ) -> Option<(Lane<T, K>, usize)> {
        let has_room = |lane: &&Lane<T, K>| self.room(lane) > 0;
        let is_after_last = |lane: &&Lane<T, K>| self.last.as_ref().is_none_or(|last| lane.tenant > *last);
        let first = wanting.clone().filter(is_after_last).find(has_room);
        let first = first.or_else(|| wanting.clone().find(has_room))?;
        let of_tenant = wanting.clone().filter(|lane| lane.tenant == first.tenant).filter(has_room);
        let lane = of_tenant.min_by_key(|lane| self.lanes.get(*lane).copied().unwrap_or(0))?;
        let share = self.places.saturating_sub(self.taken).div_ceil(wanting.count());
        Some((lane.clone(), self.room(lane).min(share)))
    }

    /// Gives places to a lane; this was its tenant's turn.
    pub fn begin(&mut self, lane: &Lane<T, K>, count: usize) {
        self.last = Some(lane.tenant.clone());
        if count > 0 {
            self.taken += count;
            *self.lanes.entry(lane.clone()).or_default() += count;
            *self.tenants.entry(lane.tenant.clone()).or_default() += count;
        }
    }

    /// Takes back a place of a lane.
    pub fn end(&mut self, lane: &Lane<T, K>) {
        if release(&mut self.lanes, lane) && release(&mut self.tenants, &lane.tenant) {
            self.taken = self.taken.saturating_sub(1);
        }
    }

    /// Takes back a place that a lane held for so long.
    pub fn end_after(&mut self, lane: &Lane<T, K>, held: Duration) {
        self.end(lane);
        let Rule::Reserve { slow: Some(Slow { after: slow_after, .. }) } = self.rule else { return };
        match self.durations.get_mut(&lane.tenant) {
            Some(duration) => *duration = (*duration * (SMOOTHING - 1) + held) / SMOOTHING,
            // Quick ones need no memory.
            None if held < slow_after => return,
            None => {
                if self.durations.len() >= MAX_MEASURED {
                    self.durations.clear();
                }
                self.durations.insert(lane.tenant.clone(), held);
            }
        }
        let is_quick = |duration: &Duration| *duration < slow_after / 2;
        if self.durations.get(&lane.tenant).is_some_and(is_quick) {
            self.durations.remove(&lane.tenant);
        }
    }
}

/// How many of `left` places may be taken by one who holds `held`, until it holds as many as are left.
const fn half_of_difference(left: usize, held: usize) -> usize {
    left.saturating_sub(held).div_ceil(2)
}

/// Counts one less of a key, and forgets a key that holds nothing. False where it held nothing before.
pub(crate) fn release<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) -> bool {
    let Some(count) = counts.get_mut(key) else { return false };
    *count -= 1;
    if *count == 0 {
        counts.remove(key);
    }
    true
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The lane of a name such as `a1`: plugin 1 of tenant a.
    fn lane(name: &str) -> Lane<String, u8> {
        let (tenant, plugin) = name.split_at(1);
        Lane { tenant: tenant.to_owned(), id: plugin.parse().unwrap() }
    }

    /// Serves lanes that always have more to do, until nobody may take more; gives what each holds, and who was served in
    /// which order.
    fn fill(shares: &mut Shares<String, u8>, names: &[&str]) -> (Vec<usize>, Vec<String>) {
        let due: BTreeSet<_> = names.iter().copied().map(lane).collect();
        let mut served = Vec::new();
        while let Some((lane, count)) = shares.next(due.iter()) {
            assert!(count > 0);
            shares.begin(&lane, 1);
            served.push(format!("{}{}", lane.tenant, lane.id));
        }
        (names.iter().map(|name| shares.lanes.get(&lane(name)).copied().unwrap_or(0)).collect(), served)
    }

    #[test]
    fn each_gets_as_much_as_it_leaves() {
        for (names, expected) in [
            (vec!["a1"], vec![16]),
            (vec!["a1", "a2"], vec![11, 11]),
            (vec!["a1", "a2", "a3"], vec![8, 8, 8]),
            (vec!["a1", "b1"], vec![16, 16]),
            (vec!["a1", "a2", "b1", "b2"], vec![11, 11, 11, 10]),
            (vec!["a1", "b1", "c1", "d1", "e1"], vec![11, 11, 11, 11, 10]),
            (vec![], vec![]),
        ] {
            let (held, _) = fill(&mut Shares::new(64, Rule::Halves), &names);
            assert_eq!(held, expected, "{names:?}");
        }
    }

    #[test]
    fn a_newcomer_gets_the_next_place_when_all_are_taken() {
        let mut shares = Shares::new(64, Rule::Halves);
        let busy: Vec<_> = ('a'..='h').map(|tenant| format!("{tenant}1")).collect();
        for name in &busy {
            fill(&mut shares, &[name]);
        }
        assert_eq!((shares.taken, shares.room(&lane("A1"))), (64, 0));
        shares.end(&lane("a1"));
        let due: BTreeSet<_> = busy.iter().map(|name| lane(name)).chain([lane("A1")]).collect();
        let (next, count) = shares.next(due.iter()).unwrap();
        assert_eq!((next.tenant.as_str(), count), ("A", 1));
    }

    #[test]
    fn a_slow_plugin_leaves_places_to_the_other_plugins_of_its_tenant() {
        let mut shares = Shares::new(64, Rule::Halves);
        assert_eq!(fill(&mut shares, &["a1"]).0, [16]);
        assert_eq!(fill(&mut shares, &["a2"]).0, [8]);
        assert_eq!(fill(&mut shares, &["a3"]).0, [4]);
        assert_eq!(fill(&mut shares, &["b1"]).0, [16]);
    }

    #[test]
    fn tenants_are_served_in_turn() {
        let mut shares = Shares::new(8, Rule::Halves);
        let (_, served) = fill(&mut shares, &["a1", "a2", "b1", "c1"]);
        assert_eq!(served[..3], ["a1", "b1", "c1"]);
        // Nobody had room any more; the next place goes to whose turn it is.
        shares.end(&lane("a1"));
        shares.end(&lane("b1"));
        let due = BTreeSet::from([lane("a1"), lane("a2"), lane("b1")]);
        let last = shares.last.clone().unwrap();
        let (next, _) = shares.next(due.iter()).unwrap();
        assert_ne!(next.tenant, last);
    }

    #[test]
    fn what_ended_is_forgotten() {
        let mut shares = Shares::new(64, Rule::Halves);
        shares.begin(&lane("a1"), 2);
        shares.end(&lane("a1"));
        shares.end(&lane("a1"));
        // One too many is no calamity.
        shares.end(&lane("a1"));
        assert_eq!((shares.taken, shares.lanes.len(), shares.tenants.len()), (0, 0, 0));
        assert_eq!(shares.room(&lane("a1")), 16);
    }

    fn reserve(places: usize) -> Shares<String, u8> {
        Shares::new(
            places,
            Rule::Reserve { slow: Some(Slow { after: Duration::from_millis(20), places: 1 }) },
        )
    }

    #[test]
    fn one_tenant_leaves_a_quarter_to_the_others() {
        let mut shares = reserve(8);
        assert_eq!(fill(&mut shares, &["a1", "a2"]).0, [3, 3]);
        assert_eq!(fill(&mut shares, &["b1"]).0, [1]);
        assert_eq!((shares.room(&lane("b1")), shares.room(&lane("c1"))), (0, 1));
        assert_eq!(fill(&mut reserve(1), &["a1"]).0, [1]);
    }

    #[test]
    fn a_slow_tenant_has_one_place_until_it_is_quick_again() {
        let mut shares = reserve(8);
        shares.begin(&lane("a1"), 1);
        shares.end_after(&lane("a1"), Duration::from_millis(400));
        assert_eq!((shares.room(&lane("a1")), shares.room(&lane("b1"))), (1, 8));
        shares.begin(&lane("a1"), 1);
        assert_eq!((shares.room(&lane("a2")), shares.room(&lane("b1"))), (0, 7));
        let mut quick = 0;
        while shares.room(&lane("a2")) == 0 {
            shares.begin(&lane("a1"), 1);
            shares.end_after(&lane("a1"), Duration::from_millis(1));
            quick += 1;
        }
        assert_eq!(quick, 23);
        assert_eq!(shares.room(&lane("a2")), 5);
    }
}
