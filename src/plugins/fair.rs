//! Who is served next, and how many calls each may have under way: so that neither a slow plugin nor a busy tenant
//! delays the others.
//!
//! The rule, once among tenants and once among a tenant's plugins: whoever has fewer calls under way than places are left
//! may have another. One tenant alone gets half of the places at most, and one of its plugins half of these; among several
//! who want all there is they come to equal parts as calls end. Where many are busy and no place is left, the next one
//! that becomes free goes to who has few. Tenants are served in turn.

use std::collections::{BTreeSet, HashMap};

use crate::store::{Tenant, queue::Lane};

/// The calls under way of a process.
#[derive(Debug)]
pub(super) struct Fair {
    places: usize,
    lanes: HashMap<Lane, usize>,
    tenants: HashMap<Tenant, usize>,
    taken: usize,
    last: Option<Tenant>,
}

impl Fair {
    /// None under way, of at most so many at once.
    pub(super) fn new(places: usize) -> Self {
        Self { places, lanes: HashMap::new(), tenants: HashMap::new(), taken: 0, last: None }
    }

    /// How many more calls a lane may have now.
    pub(super) fn room(&self, lane: &Lane) -> usize {
        let of_tenant = self.tenants.get(&lane.tenant).copied().unwrap_or(0);
        let of_lane = self.lanes.get(lane).copied().unwrap_or(0);
        let tenant_room = half_of_difference(self.places.saturating_sub(self.taken), of_tenant);
        // What its tenant could have at most, less what the tenant has under way.
        let left = (self.places / 2).saturating_sub(of_tenant);
        tenant_room.min(half_of_difference(left, of_lane))
    }

    /// Of the lanes in which runs are due: whose turn it is, and how many it may take up. The tenant after the one that
    /// was served last, and of its lanes the one with the fewest calls under way.
    pub(super) fn next(&self, due: &BTreeSet<Lane>) -> Option<(Lane, usize)> {
        let has_room = |lane: &&Lane| self.room(lane) > 0;
        let is_after_last = |lane: &&Lane| self.last.as_ref().is_none_or(|last| lane.tenant > *last);
        let mut after_last = due.iter().filter(is_after_last);
        let first = after_last.find(has_room).or_else(|| due.iter().find(has_room))?;
        let of_tenant = due.iter().filter(|lane| lane.tenant == first.tenant).filter(has_room);
        let lane = of_tenant.min_by_key(|lane| self.lanes.get(*lane).copied().unwrap_or(0))?;
        let share = self.places.saturating_sub(self.taken).div_ceil(due.len());
        Some((lane.clone(), self.room(lane).min(share)))
    }

    /// Calls of a lane begin; this was its tenant's turn.
    pub(super) fn begin(&mut self, lane: &Lane, count: usize) {
        self.last = Some(lane.tenant.clone());
        if count > 0 {
            self.taken += count;
            *self.lanes.entry(lane.clone()).or_default() += count;
            *self.tenants.entry(lane.tenant.clone()).or_default() += count;
        }
    }

    /// A call of a lane ended.
    pub(super) fn end(&mut self, lane: &Lane) {
        if release(&mut self.lanes, lane) && release(&mut self.tenants, &lane.tenant) {
            self.taken = self.taken.saturating_sub(1);
        }
    }
}

/// How many of `left` places one may take who has `held`, until it holds as many as are left.
const fn half_of_difference(left: usize, held: usize) -> usize {
    left.saturating_sub(held).div_ceil(2)
}

/// Counts down, and forgets who has nothing under way.
fn release<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) -> bool {
    let Some(count) = counts.get_mut(key) else { return false };
    *count -= 1;
    if *count == 0 {
        counts.remove(key);
    }
    true
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    /// The lane of a name such as `a1`: plugin 1 of tenant a.
    fn lane(name: &str) -> Lane {
        let (tenant, plugin) = name.split_at(1);
        Lane { tenant: Tenant::new(tenant), id: Uuid::from_u128(plugin.parse().unwrap()) }
    }

    /// Serves lanes that always have more to do, until nobody may take more; gives what each holds, and who was served in
    /// which order.
    fn fill(fair: &mut Fair, names: &[&str]) -> (Vec<usize>, Vec<String>) {
        let due: BTreeSet<_> = names.iter().copied().map(lane).collect();
        let mut served = Vec::new();
        while let Some((lane, count)) = fair.next(&due) {
            assert!(count > 0);
            fair.begin(&lane, 1);
            served.push(format!("{}{}", lane.tenant, lane.id.as_u128()));
        }
        (names.iter().map(|name| fair.lanes.get(&lane(name)).copied().unwrap_or(0)).collect(), served)
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
            let (held, _) = fill(&mut Fair::new(64), &names);
            assert_eq!(held, expected, "{names:?}");
        }
    }

    #[test]
    fn a_newcomer_gets_the_next_place_when_all_are_taken() {
        let mut fair = Fair::new(64);
        let busy: Vec<_> = ('a'..='h').map(|tenant| format!("{tenant}1")).collect();
        for name in &busy {
            fill(&mut fair, &[name]);
        }
        assert_eq!((fair.taken, fair.room(&lane("A1"))), (64, 0));
        fair.end(&lane("a1"));
        let due: BTreeSet<_> = busy.iter().map(|name| lane(name)).chain([lane("A1")]).collect();
        let (next, count) = fair.next(&due).unwrap();
        assert_eq!((next.tenant.as_str(), count), ("A", 1));
    }

    #[test]
    fn a_slow_plugin_leaves_places_to_the_other_plugins_of_its_tenant() {
        let mut fair = Fair::new(64);
        assert_eq!(fill(&mut fair, &["a1"]).0, [16]);
        assert_eq!(fill(&mut fair, &["a2"]).0, [8]);
        assert_eq!(fill(&mut fair, &["a3"]).0, [4]);
        assert_eq!(fill(&mut fair, &["b1"]).0, [16]);
    }

    #[test]
    fn tenants_are_served_in_turn() {
        let mut fair = Fair::new(8);
        let (_, served) = fill(&mut fair, &["a1", "a2", "b1", "c1"]);
        assert_eq!(served[..3], ["a1", "b1", "c1"]);
        // Nobody had room any more; the next place goes to whose turn it is.
        fair.end(&lane("a1"));
        fair.end(&lane("b1"));
        let due = BTreeSet::from([lane("a1"), lane("a2"), lane("b1")]);
        let last = fair.last.clone().unwrap();
        let (next, _) = fair.next(&due).unwrap();
        assert_ne!(next.tenant, last);
    }

    #[test]
    fn what_ended_is_forgotten() {
        let mut fair = Fair::new(64);
        fair.begin(&lane("a1"), 2);
        fair.end(&lane("a1"));
        fair.end(&lane("a1"));
        // One too many is no calamity.
        fair.end(&lane("a1"));
        assert_eq!((fair.taken, fair.lanes.len(), fair.tenants.len()), (0, 0, 0));
        assert_eq!(fair.room(&lane("a1")), 16);
    }
}
