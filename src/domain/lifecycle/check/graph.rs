//! Where a lifecycle leads: what can be reached, and what can be left.

use std::collections::HashSet;

use super::{
    super::{
        super::{
            problem::{Found, Path, Problem},
            value::echo,
        },
        Lifecycle, Owner, Phase, Transition, event,
    },
    is_in,
};

/// A lifecycle as states and the ways between them.
pub(super) struct Graph<'a> {
    owner: Owner,
    lifecycle: &'a Lifecycle,
}

impl<'a> Graph<'a> {
    pub(super) const fn of(owner: Owner, lifecycle: &'a Lifecycle) -> Self {
        Self { owner, lifecycle }
    }

    /// Every state is reachable, and every one that is not settled has a way to one that is.
    pub(super) fn check(&self, found: &mut Found) {
        let list = Path::root().field("states");
        let reached =
            self.spread(|name| name == self.lifecycle.initial, |from, to| (from.to_owned(), to.to_owned()));
        let settled = |name: &str| is_in(self.lifecycle, name, |phase| phase == Phase::Settled);
        let ends = self.spread(settled, |from, to| (to.to_owned(), from.to_owned()));
        let ends_by_itself = self.ending();
        for (index, state) in self.lifecycle.states.iter().enumerate() {
            let name = echo(&state.name);
            let at = list.index(index);
            if !reached.contains(&state.name) && self.lifecycle.state(&self.lifecycle.initial).is_some() {
                let message = format!("no way leads from the initial state to {name}");
                found.push(Problem::invalid(&at, message));
            }
            if state.phase == Phase::Settled || ends_by_itself.contains(state.name.as_str()) {
                continue;
            }
            let leaves = |from: &String| *from == state.name;
            let has_exit =
                self.lifecycle.transitions.iter().any(|it| it.to != state.name && it.from.iter().any(leaves));
            let message = if ends.contains(&state.name) {
                format!(
                    "no way that always opens leads from {name} to a SETTLED state: where a rule in rollUp for SETTLED leads \
                     on, callers get no turn; EXECUTE needs such a rule without an outcome, CANCEL a cancellable state, \
                     and START follows intake only"
                )
            } else if has_exit {
                format!("no way leads from {name} to a SETTLED state: what comes here goes round for ever")
            } else {
                format!("no way leads out of {name}, which is not SETTLED: what comes here stays for ever")
            };
            found.push(Problem::invalid(&at, message));
        }
    }

    /// The states that can be come to from those where `begins` holds, along every way or against it.
    fn spread(
        &self,
        begins: impl Fn(&str) -> bool,
        direct: impl Fn(&str, &str) -> (String, String),
    ) -> Vec<String> {
        let names = self.lifecycle.states.iter().map(|state| &state.name);
        let mut reached: Vec<String> = names.filter(|name| begins(name)).cloned().collect();
        let ways: Vec<(String, String)> = self
            .lifecycle
            .transitions
            .iter()
            .flat_map(|it| it.from.iter().map(move |from| (from, it)))
            .filter(|(from, _)| self.lifecycle.state(from).is_some())
            .map(|(from, it)| direct(from, &it.to))
            .collect();
        let mut next = 0;
        while let Some(here) = reached.get(next).cloned() {
            next += 1;
            for (from, to) in &ways {
                if *from == here && !reached.contains(to) {
                    reached.push(to.clone());
                }
            }
        }
        reached
    }

    /// The states that can always be brought to an end: step by step backwards from those that are one, so that no two
    /// states count on each other.
    fn ending(&self) -> HashSet<&'a str> {
        let (settled, open): (Vec<_>, Vec<_>) =
            self.lifecycle.states.iter().partition(|state| state.phase == Phase::Settled);
        let mut ending: HashSet<&str> = settled.iter().map(|state| state.name.as_str()).collect();
        let mut open: Vec<_> =
            open.iter().map(|state| (state.name.as_str(), self.exits(&state.name))).collect();
        loop {
            let (more, rest): (Vec<_>, Vec<_>) =
                open.into_iter().partition(|(_, exits)| exits.lead_into(&ending));
            if more.is_empty() {
                return ending;
            }
            ending.extend(more.iter().map(|(name, _)| *name));
            open = rest;
        }
    }

    /// What can happen in a state once all work orders are settled, which they can always come to.
    fn exits(&self, name: &str) -> Exits<'a> {
        let mut exits = Exits::default();
        let is_at_intake = self.lifecycle.transition(name, event::VALIDATE).is_some();
        let rules =
            self.lifecycle.roll_up.iter().filter(|rule| rule.phase == Phase::Settled && !is_at_intake);
        for rule in rules {
            let way = self.lifecycle.transition(name, &rule.event).filter(|way| way.to != name);
            match way {
                None => {}
                // START waits for the release.
                Some(way) if rule.outcome.is_some() || rule.event == event::START => {
                    exits.perhaps.push(&way.to);
                }
                Some(way) => {
                    exits.surely = Some(&way.to);
                    break;
                }
            }
        }
        let ways = self.lifecycle.transitions.iter().filter(|it| it.from.iter().any(|from| from == name));
        let open = ways.filter(|way| self.can_fire(name, way));
        exits.by_choice = open.map(|way| (way.to.as_str(), self.follows(name, way))).collect();
        exits
    }

    /// Where START leads at once that follows a way from one PENDING state to another.
    fn follows(&self, from: &str, way: &Transition) -> Option<&'a str> {
        let is_own = self.owner == Owner::Order && way.event != event::START;
        if !is_own || !self.is_pending(from) || !self.is_pending(&way.to) {
            return None;
        }
        self.lifecycle.transition(&way.to, event::START).map(|start| start.to.as_str())
    }

    /// Whether callers or the service can fire an event out of a state in which no rule fires.
    ///
    /// Nobody can fire an order's EXECUTE there. Nor can callers fire START: it follows where a PENDING state is come to
    /// from another one, by something that is neither a rule's nor START itself. A cancellation needs a cancellable state.
    fn can_fire(&self, from: &str, transition: &Transition) -> bool {
        if self.owner == Owner::WorkOrder {
            return true;
        }
        match transition.event.as_str() {
            event::EXECUTE => false,
            event::START => {
                let by_rule = |event: &str| self.lifecycle.roll_up.iter().any(|rule| rule.event == event);
                let goes_on = is_in(self.lifecycle, &transition.to, |phase| phase != Phase::Settled);
                let is_followed = |way: &Transition| {
                    way.event != event::START
                        && !by_rule(&way.event)
                        && way.from.iter().all(|name| self.is_pending(name))
                };
                let mut ways_in = self.lifecycle.transitions.iter().filter(|it| it.to == from);
                goes_on && self.is_pending(from) && ways_in.all(is_followed)
            }
            event::CANCEL => self.lifecycle.state(from).is_some_and(|state| state.cancellable),
            _ => true,
        }
    }

    fn is_pending(&self, name: &str) -> bool {
        is_in(self.lifecycle, name, |phase| phase == Phase::Pending)
    }
}

/// The ways out of a state once all work orders are settled.
#[derive(Default)]
struct Exits<'a> {
    /// Where rules lead that hold or not, as the work orders ended.
    perhaps: Vec<&'a str>,
    /// Where a rule leads that holds however they ended. Callers get no turn then.
    surely: Option<&'a str>,
    /// Where callers and the service can lead, and where it goes on to from there at once.
    by_choice: Vec<(&'a str, Option<&'a str>)>,
}

impl Exits<'_> {
    /// Whether one of those states is come to, whatever rules hold.
    fn lead_into(&self, states: &HashSet<&str>) -> bool {
        let mut chosen = self.by_choice.iter();
        self.perhaps.iter().all(|state| states.contains(state))
            && match self.surely {
                Some(state) => states.contains(state),
                None => chosen.any(|(state, next)| {
                    states.contains(state) && next.is_none_or(|next| states.contains(next))
                }),
            }
    }
}
