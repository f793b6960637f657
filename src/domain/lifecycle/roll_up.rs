//! How an order follows its work orders.

use super::decision::Decision;
use super::{
    CancellationStatus, Direction, Outcome, Phase, Quantifier, RollUpRule, Situation, block, cancel, event,
    flow,
};

/// Code of a cancellation that found the order settled before the plugins' verdict came.
const SETTLED_MEANWHILE: &str = "ORDER_SETTLED";

/// The order's state follows from the state of one or all of its work orders, in the same transaction as the change
/// that caused it.
///
/// Rules are read in order and the first that holds fires, again and again until none does; a rule whose event leads
/// nowhere new from the present state is passed over, so that a later one gets its turn. A rule that settles the order
/// cancels the FORWARD work orders still unfinished, and waits as long as one of them cannot be cancelled or goods are
/// on their way back.
///
/// A cancellation that is RETURNING comes before every rule. One that still waits for its verdict when the order
/// settles is refused: it has nothing left to cancel.
pub(super) fn run(decision: &mut Decision<'_>) {
    if decision.now().is_returning() {
        cancel::finish(decision);
    }
    let mut seen = vec![decision.now().order.status.clone()];
    while let Some(rule) = due(decision.now(), &seen) {
        let Some(step) = decision.now().order_step(&rule.event) else { break };
        if step.target.phase == Phase::Settled && !clear(decision) {
            break;
        }
        decision.move_order(step, false);
        seen.push(step.target.name.clone());
    }
    let order = &decision.now().order;
    if order.phase == Phase::Settled && order.cancellation == Some(CancellationStatus::Requested) {
        decision.change_cancellation(CancellationStatus::Refused, Some(SETTLED_MEANWHILE));
    }
}

/// How the work orders ended, taken together: every FORWARD one SUCCEEDED gives SUCCEEDED, some PARTIALLY_SUCCEEDED,
/// none FAILED (or CANCELLED, if all were cancelled). RETURN work orders do not lower it. Where all or nothing was
/// asked for, one failure makes it FAILED.
pub(super) fn outcome(situation: &Situation<'_>) -> Outcome {
    let ends: Vec<_> = situation
        .work_orders
        .iter()
        .filter(|work_order| work_order.direction == Direction::Forward)
        .map(|work_order| work_order.outcome)
        .collect();
    let is = |wanted: Outcome| move |end: &Option<Outcome>| *end == Some(wanted);
    if flow::all_is_lost(situation) {
        Outcome::Failed
    } else if ends.iter().all(is(Outcome::Succeeded)) {
        Outcome::Succeeded
    } else if ends.iter().any(is(Outcome::Succeeded)) || ends.iter().any(is(Outcome::PartiallySucceeded)) {
        Outcome::PartiallySucceeded
    } else if ends.iter().all(is(Outcome::Cancelled)) {
        Outcome::Cancelled
    } else {
        Outcome::Failed
    }
}

/// The first rule that holds and can fire.
fn due<'a>(situation: &Situation<'a>, seen: &[String]) -> Option<&'a RollUpRule> {
    if situation.is_returning() {
        return None;
    }
    situation.order_lifecycle.roll_up.iter().find(|rule| {
        holds(situation, rule)
            && may_fire(situation, &rule.event)
            && situation.order_step(&rule.event).is_some_and(|step| {
                // States are visited once per decision: two rules cannot chase each other for ever.
                !seen.contains(&step.target.name)
                    && (step.target.phase != Phase::Settled || can_clear(situation))
            })
    })
}

/// Whether a rule speaks of the present work orders. A rule with an outcome asks it of the FORWARD ones only: RETURN
/// work orders hold the order open and do not lower its outcome.
fn holds(situation: &Situation<'_>, rule: &RollUpRule) -> bool {
    let work_orders = &situation.work_orders;
    match rule.quantifier {
        Quantifier::Any => work_orders.iter().any(|it| {
            it.phase == rule.phase
                && rule.outcome.is_none_or(|wanted| it.is_forward() && it.outcome == Some(wanted))
        }),
        Quantifier::All => {
            !work_orders.is_empty()
                && work_orders.iter().all(|it| {
                    it.phase == rule.phase
                        && rule.outcome.is_none_or(|wanted| !it.is_forward() || it.outcome == Some(wanted))
                })
        }
    }
}

/// Work orders cannot bring an order past the gates of intake and release.
fn may_fire(situation: &Situation<'_>, event: &str) -> bool {
    !block::at_intake(situation)
        && event != event::VALIDATE
        && (event != event::START || situation.order.ready_to_process)
}

/// Whether every unfinished work order can be cancelled, so that a rule may settle the order over them. Returns
/// cannot: they hold the order open.
fn can_clear(situation: &Situation<'_>) -> bool {
    situation.unfinished().iter().all(|it| it.is_forward() && block::is_cancellable(situation, it))
}

/// Cancels what a settled order would leave unfinished; false if goods must come back first.
fn clear(decision: &mut Decision<'_>) -> bool {
    let unfinished: Vec<_> = decision.now().unfinished().iter().map(|it| it.sequence).collect();
    for sequence in unfinished {
        decision.cancel_work_order(sequence);
    }
    decision.now().unfinished().is_empty()
}
