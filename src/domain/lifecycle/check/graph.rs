//! Where a lifecycle leads: what can be reached, and what can be left.

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
        let reached = self.spread(
            |name| name == self.lifecycle.initial,
            |from, to| (from.to_owned(), to.to_owned()),
            |_, _| true,
        );
        let settled = |name: &str| is_in(self.lifecycle, name, |phase| phase == Phase::Settled);
        let backwards = |from: &str, to: &str| (to.to_owned(), from.to_owned());
        let ends = self.spread(settled, backwards, |_, _| true);
        let ends_by_itself =
            self.spread(settled, backwards, |from, transition| self.can_fire(from, transition));
        for (index, state) in self.lifecycle.states.iter().enumerate() {
            let name = echo(&state.name);
            let at = list.index(index);
            if !reached.contains(&state.name) && self.lifecycle.state(&self.lifecycle.initial).is_some() {
                let message = format!("no way leads from the initial state to {name}");
                found.push(Problem::invalid(&at, message));
            }
            if state.phase == Phase::Settled || ends_by_itself.contains(&state.name) {
                continue;
            }
            let leaves = |from: &String| *from == state.name;
            let has_exit =
                self.lifecycle.transitions.iter().any(|it| it.to != state.name && it.from.iter().any(leaves));
            let message = if ends.contains(&state.name) {
                format!(
                    "no way that always opens leads from {name} to a SETTLED state: EXECUTE needs a rule in rollUp for \
                     SETTLED without an outcome, CANCEL a cancellable state, and START follows intake only"
                )
            } else if has_exit {
                format!("no way leads from {name} to a SETTLED state: what comes here goes round for ever")
            } else {
                format!("no way leads out of {name}, which is not SETTLED: what comes here stays for ever")
            };
            found.push(Problem::invalid(&at, message));
        }
    }

    /// The states that can be come to from those where `begins` holds, along the ways that `passes` lets through.
    fn spread(
        &self,
        begins: impl Fn(&str) -> bool,
        direct: impl Fn(&str, &str) -> (String, String),
        passes: impl Fn(&str, &Transition) -> bool,
    ) -> Vec<String> {
        let names = self.lifecycle.states.iter().map(|state| &state.name);
        let mut reached: Vec<String> = names.filter(|name| begins(name)).cloned().collect();
        let ways: Vec<(String, String)> = self
            .lifecycle
            .transitions
            .iter()
            .flat_map(|it| it.from.iter().map(move |from| (from, it)))
            .filter(|(from, it)| self.lifecycle.state(from).is_some() && passes(from, it))
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

    /// Whether somebody can fire an event out of a state, however its work orders end.
    ///
    /// Callers cannot fire an order's EXECUTE: it needs a rule that holds once all of them are settled, and before which
    /// no other rule takes the order elsewhere. Nor can they fire START: it follows where a PENDING state is come to from
    /// another one, by something that is no rule's. A cancellation needs a cancellable state.
    fn can_fire(&self, from: &str, transition: &Transition) -> bool {
        if self.owner == Owner::WorkOrder {
            return true;
        }
        match transition.event.as_str() {
            event::EXECUTE => {
                let mut rules = self.lifecycle.roll_up.iter().filter(|rule| {
                    rule.phase == Phase::Settled && self.lifecycle.transition(from, &rule.event).is_some()
                });
                rules.next().is_some_and(|rule| rule.event == event::EXECUTE && rule.outcome.is_none())
            }
            event::START => {
                let is_pending = |name: &String| is_in(self.lifecycle, name, |phase| phase == Phase::Pending);
                let by_rule = |event: &str| self.lifecycle.roll_up.iter().any(|rule| rule.event == event);
                let goes_on = is_in(self.lifecycle, &transition.to, |phase| phase != Phase::Settled);
                let mut ways_in = self.lifecycle.transitions.iter().filter(|it| it.to == from);
                goes_on && ways_in.all(|it| it.from.iter().all(is_pending) && !by_rule(&it.event))
            }
            event::CANCEL => self.lifecycle.state(from).is_some_and(|state| state.cancellable),
            _ => true,
        }
    }
}
