//! A situation, looked at and changed.
//!
//! [`Situation::apply`] is the only place where a situation moves: the decision's working copy and whoever
//! replays changes see the same.

use super::{
    CancellationStatus, Change, Direction, Lifecycle, Phase, Situation, State, Transition, WorkOrderState,
    WorkOrderType, event,
};

/// A transition out of the present state, with the state it leads to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'a> {
    pub(super) transition: &'a Transition,
    pub(super) target: &'a State,
}

impl Lifecycle {
    /// What `event` does out of the state `from`; a transition into a state that does not exist is none.
    pub(super) fn step(&self, from: &str, event: &str) -> Option<Step<'_>> {
        let transition = self.transition(from, event)?;
        Some(Step { transition, target: self.state(&transition.to)? })
    }

    /// Everything that leads out of the state `from`, in the lifecycle's order.
    pub(super) fn steps(&self, from: &str) -> impl Iterator<Item = Step<'_>> {
        let mut seen: Vec<&str> = Vec::new();
        self.transitions
            .iter()
            .filter(move |transition| transition.from.iter().any(|name| name == from))
            .filter(move |transition| {
                // Only the first transition of an event can fire, so a second one is not offered.
                let first = !seen.contains(&transition.event.as_str());
                seen.push(&transition.event);
                first
            })
            .filter_map(|transition| Some(Step { transition, target: self.state(&transition.to)? }))
    }
}

impl<'a> Situation<'a> {
    /// The work order of that sequence number.
    pub fn work_order(&self, sequence: i32) -> Option<&WorkOrderState> {
        self.place(sequence).and_then(|place| self.work_orders.get(place))
    }

    /// Where in the list the work order of that sequence number stands: nearly always where its number says.
    fn place(&self, sequence: i32) -> Option<usize> {
        let is_it = |work_order: &WorkOrderState| work_order.sequence == sequence;
        let expected = usize::try_from(sequence).ok().and_then(|number| number.checked_sub(1));
        expected
            .filter(|place| self.work_orders.get(*place).is_some_and(is_it))
            .or_else(|| self.work_orders.iter().position(is_it))
    }

    /// The sequence number that a work order added now gets.
    pub fn next_sequence(&self) -> i32 {
        self.work_orders.iter().map(|work_order| work_order.sequence).max().unwrap_or(0).saturating_add(1)
    }

    /// Carries one change out.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::OrderMoved { event: _, from: _, to, phase, outcome, released } => {
                self.order.status.clone_from(to);
                self.order.phase = *phase;
                self.order.outcome = *outcome;
                self.order.ready_to_process |= released;
            }
            Change::WorkOrderMoved { sequence, event: _, from: _, to, phase, outcome, attempts } => {
                let place = self.place(*sequence);
                if let Some(work_order) = place.and_then(|place| self.work_orders.get_mut(place)) {
                    work_order.status.clone_from(to);
                    work_order.phase = *phase;
                    work_order.outcome = *outcome;
                    work_order.attempts = *attempts;
                    work_order.started |= *phase == Phase::Active;
                }
            }
            Change::ReturnAdded { sequence, return_of } => {
                let born = self.newborn_return(*sequence, *return_of);
                self.work_orders.push(born);
            }
            Change::CancellationChanged { from: _, to, failure_reason_code: _ } => {
                self.order.cancellation = Some(*to);
            }
        }
    }

    /// A return as it is born: of its original's type, in the initial state of the work orders' lifecycle.
    fn newborn_return(&self, sequence: i32, return_of: i32) -> WorkOrderState {
        let initial = &self.work_order_lifecycle.initial;
        let state = self.work_order_lifecycle.state(initial);
        let phase = state.map_or(Phase::Pending, |state| state.phase);
        WorkOrderState {
            sequence,
            kind: self.work_order(return_of).map_or(WorkOrderType::MoveContainers, |original| original.kind),
            direction: Direction::Return,
            return_of: Some(return_of),
            status: initial.clone(),
            phase,
            outcome: state.and_then(|state| state.outcome),
            attempts: 0,
            started: phase == Phase::Active,
        }
    }

    /// What `event` does to the order now.
    pub(super) fn order_step(&self, event: &str) -> Option<Step<'a>> {
        self.order_lifecycle.step(&self.order.status, event)
    }

    /// What `event` does to a work order now.
    pub(super) fn work_order_step(&self, work_order: &WorkOrderState, event: &str) -> Option<Step<'a>> {
        let step = self.work_order_lifecycle.step(&work_order.status, event);
        step.or_else(|| self.implied_cancel(work_order).filter(|_| event == event::CANCEL))
    }

    /// Everything that leads out of a work order's state, in the lifecycle's order.
    pub(super) fn work_order_steps(&self, work_order: &WorkOrderState) -> Vec<Step<'a>> {
        let mut steps: Vec<_> = self.work_order_lifecycle.steps(&work_order.status).collect();
        if steps.iter().all(|step| step.transition.event != event::CANCEL) {
            steps.extend(self.implied_cancel(work_order));
        }
        steps
    }

    /// What has not begun can always be called off: where a tenant's PENDING state has no CANCEL, that of another state
    /// is taken. Else a work order could wait for ever behind one that has failed.
    fn implied_cancel(&self, work_order: &WorkOrderState) -> Option<Step<'a>> {
        if work_order.phase != Phase::Pending {
            return None;
        }
        let lifecycle = self.work_order_lifecycle;
        let transition = lifecycle.transitions.iter().find(|it| it.event == event::CANCEL)?;
        Some(Step { transition, target: lifecycle.state(&transition.to)? })
    }

    /// The work orders that are not settled, by sequence.
    pub(super) fn unfinished(&self) -> Vec<&WorkOrderState> {
        self.by_sequence(|work_order| work_order.phase != Phase::Settled)
    }

    /// The work orders that satisfy `wanted`, by sequence.
    pub(super) fn by_sequence(&self, wanted: impl Fn(&WorkOrderState) -> bool) -> Vec<&WorkOrderState> {
        let mut found: Vec<_> = self.work_orders.iter().filter(|work_order| wanted(work_order)).collect();
        found.sort_by_key(|work_order| work_order.sequence);
        found
    }

    /// Whether the order is only waiting for goods to come back, to be closed as cancelled.
    pub(super) fn is_returning(&self) -> bool {
        self.order.cancellation == Some(CancellationStatus::Returning)
    }
}

impl WorkOrderState {
    /// Whether it leads to the order's destination.
    pub(super) fn is_forward(&self) -> bool {
        self.direction == Direction::Forward
    }
}
