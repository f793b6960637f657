//! A decision in the making: a private copy of the situation and the changes made to it so far.
//!
//! Nothing here asks whether an event is allowed; that is `block`'s business.

use super::apply::Step;
use super::{CancellationStatus, Change, Outcome, Phase, Situation, event, returns, roll_up};

/// A working copy that writes down what happens to it.
///
/// What returns need to know is kept beside the copy, which would else be searched through for each work order of a
/// hundred that one command calls off.
pub(super) struct Decision<'a> {
    now: Situation<'a>,
    changes: Vec<Change>,
    /// The sequence numbers of the work orders that have a return.
    returned: Vec<i32>,
    next_sequence: i32,
}

impl<'a> Decision<'a> {
    /// A decision that has changed nothing yet.
    pub(super) fn new(situation: &Situation<'a>) -> Self {
        Self {
            now: situation.clone(),
            changes: Vec::new(),
            returned: situation.work_orders.iter().filter_map(|work_order| work_order.return_of).collect(),
            next_sequence: situation.next_sequence(),
        }
    }

    /// The situation after the changes so far.
    pub(super) fn now(&self) -> &Situation<'a> {
        &self.now
    }

    /// Whether a work order or the order moved.
    pub(super) fn moved(&self) -> bool {
        self.changes.iter().any(|change| !matches!(change, Change::CancellationChanged { .. }))
    }

    /// What was decided.
    pub(super) fn into_changes(self) -> Vec<Change> {
        self.changes
    }

    /// Carries a change out and writes it down.
    fn push(&mut self, change: Change) {
        self.now.apply(&change);
        self.changes.push(change);
    }

    /// Whether a work order has a return, born by rule or made by hand.
    pub(super) fn has_return(&self, sequence: i32) -> bool {
        self.returned.contains(&sequence)
    }

    /// Bears the return of a work order.
    pub(super) fn add_return(&mut self, return_of: i32) {
        self.push(Change::ReturnAdded { sequence: self.next_sequence, return_of });
        self.returned.push(return_of);
        self.next_sequence = self.next_sequence.saturating_add(1);
    }

    /// Moves the order.
    pub(super) fn move_order(&mut self, step: Step<'_>, released: bool) {
        let change = Change::OrderMoved {
            event: step.transition.event.clone(),
            from: self.now.order.status.clone(),
            to: step.target.name.clone(),
            phase: step.target.phase,
            outcome: self.order_outcome(step),
            released,
        };
        self.push(change);
    }

    /// Moves a work order; where that ends it in vain after its goods left the pickup, its return is born with it.
    pub(super) fn move_work_order(&mut self, sequence: i32, step: Step<'_>) {
        let Some(work_order) = self.now.work_order(sequence) else { return };
        let was_settled = work_order.phase == Phase::Settled;
        let tried_in_vain = step.transition.event == event::ATTEMPT_FAILED;
        let outcome = step.transition.outcome.or(step.target.outcome).or(if was_settled {
            work_order.outcome
        } else {
            Some(default_outcome(&step.transition.event).unwrap_or(Outcome::Succeeded))
        });
        let change = Change::WorkOrderMoved {
            sequence,
            event: step.transition.event.clone(),
            from: work_order.status.clone(),
            to: step.target.name.clone(),
            phase: step.target.phase,
            outcome: outcome.filter(|_| step.target.phase == Phase::Settled),
            attempts: work_order.attempts.saturating_add(i32::from(tried_in_vain)),
        };
        self.push(change);
        if !was_settled {
            returns::follow(self, sequence);
        }
    }

    /// Fires CANCEL on a work order, if its lifecycle has it out of the present state.
    pub(super) fn cancel_work_order(&mut self, sequence: i32) {
        let step = self.now.work_order(sequence).and_then(|it| self.now.work_order_step(it, event::CANCEL));
        if let Some(step) = step {
            self.move_work_order(sequence, step);
        }
    }

    /// Gives the cancellation a new status.
    pub(super) fn change_cancellation(&mut self, to: CancellationStatus, failure_reason_code: Option<&str>) {
        self.push(Change::CancellationChanged {
            from: self.now.order.cancellation,
            to,
            failure_reason_code: failure_reason_code.map(str::to_owned),
        });
    }

    /// How the order ended that takes this step: as the transition says, else as the state says, else, where it had
    /// ended before, as it had ended, else as the event says, else as its work orders ended.
    fn order_outcome(&self, step: Step<'_>) -> Option<Outcome> {
        if step.target.phase != Phase::Settled {
            return None;
        }
        let said = step.transition.outcome.or(step.target.outcome).or(self.now.order.outcome);
        Some(
            said.or_else(|| default_outcome(&step.transition.event))
                .unwrap_or_else(|| roll_up::outcome(&self.now)),
        )
    }
}

/// How the service's own events end what takes them, where the lifecycle does not say.
fn default_outcome(event: &str) -> Option<Outcome> {
    match event {
        event::CANCEL => Some(Outcome::Cancelled),
        event::REJECT => Some(Outcome::Rejected),
        event::FAIL => Some(Outcome::Failed),
        _ => None,
    }
}
