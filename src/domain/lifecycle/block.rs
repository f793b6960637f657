//! What stands in the way of an event, in words.
//!
//! `decide` refuses by these sentences and `available` shows them, so that the two cannot differ. Work orders are
//! named by their sequence number here.

use super::apply::Step;
use super::explain::waiting;
use super::{CancellationStatus, Outcome, Phase, Refusal, Situation, WorkOrderState, available, event, flow};

/// Callers may fire CLOSE, REJECT, CANCEL and a tenant's own events. VALIDATE, START and EXECUTE are the service's: asked
/// for by a caller they are blocked, and the reason says what they wait for.
pub(super) fn caller_order_event(situation: &Situation<'_>, step: Step<'_>) -> Vec<String> {
    let order = &situation.order;
    if situation.is_returning() {
        return order_event(situation, step);
    }
    match step.transition.event.as_str() {
        event::VALIDATE => vec!["VALIDATE waits for the plugins that gate intake".to_owned()],
        event::START if !order.ready_to_process => {
            vec!["START waits for the order's release: readyToProcess is false".to_owned()]
        }
        event::START => vec!["START waits for VALIDATE, which it follows at once".to_owned()],
        event::EXECUTE if situation.unfinished().is_empty() => {
            vec!["EXECUTE waits for a roll-up rule of the lifecycle to hold".to_owned()]
        }
        event::EXECUTE => {
            vec![format!("EXECUTE {}", waiting(situation, |sequence| format!("number {sequence}")))]
        }
        event::CANCEL => cancellation(situation),
        event if event != event::REJECT && at_intake(situation) && !stays_at_intake(situation, step) => {
            vec![format!("{event} waits for intake: the order is not validated yet")]
        }
        _ => order_event(situation, step),
    }
}

/// Whether the order waits for VALIDATE. Nothing brings it past the gates of intake but VALIDATE, REJECT and CANCEL.
pub(super) fn at_intake(situation: &Situation<'_>) -> bool {
    situation.order_step(event::VALIDATE).is_some()
}

fn stays_at_intake(situation: &Situation<'_>, step: Step<'_>) -> bool {
    situation.order_lifecycle.step(&step.target.name, event::VALIDATE).is_some()
}

/// What stands in the way of an order's event, whoever fires it.
///
/// While goods are on their way back, the order waits for them and for nothing else. An event that settles the order
/// leaves no work at hand: PENDING work orders are cancelled with it; those that were ever ACTIVE, and returns, stand in
/// its way (REJECT cancels PENDING returns too, since no goods have left yet).
pub(super) fn order_event(situation: &Situation<'_>, step: Step<'_>) -> Vec<String> {
    if situation.is_returning() {
        return vec![
            "the order's cancellation is RETURNING: it closes when the returns have settled".to_owned(),
        ];
    }
    if !clears(step) {
        return Vec::new();
    }
    let rejects = step.transition.event == event::REJECT;
    let in_the_way = |it: &&&WorkOrderState| {
        let cancel = situation.work_order_step(it, event::CANCEL);
        let ends_at_once = cancel.is_some_and(|cancel| cancel.target.phase == Phase::Settled);
        let at_rest = it.phase == Phase::Pending && !it.started;
        !(at_rest && ends_at_once && (rejects || it.is_forward()))
    };
    situation.unfinished().iter().filter(in_the_way).map(|it| still(it)).collect()
}

/// Whether a step of the order cancels its unfinished work orders.
pub(super) fn clears(step: Step<'_>) -> bool {
    step.target.phase == Phase::Settled || step.transition.event == event::REJECT
}

/// What stands in the way of a work order's event.
///
/// A work order may start once the order is ACTIVE and the flow lets it. A RETURN may always start once the order is
/// active, and also while the cancellation is RETURNING, whatever state that found the order in. Whatever else leads
/// out of PENDING into work or success is bound like START.
pub(super) fn work_order_event(
    situation: &Situation<'_>,
    work_order: &WorkOrderState,
    step: Step<'_>,
) -> Vec<String> {
    if !begins_work(work_order, step) {
        return Vec::new();
    }
    let order = &situation.order;
    let returning = situation.is_returning();
    let mut reasons = Vec::new();
    if returning && work_order.is_forward() {
        reasons.push("the order's cancellation is RETURNING".to_owned());
    } else if order.phase != Phase::Active && !returning {
        reasons.push(format!("the order is {} and not active", order.status));
    }
    reasons.extend(flow::in_the_way(situation, work_order).into_iter().map(still));
    reasons
}

fn begins_work(work_order: &WorkOrderState, step: Step<'_>) -> bool {
    let outcome = step.transition.outcome.or(step.target.outcome);
    work_order.phase == Phase::Pending
        && (step.transition.event == event::START
            || match step.target.phase {
                Phase::Pending => false,
                Phase::Active => true,
                Phase::Settled => {
                    matches!(outcome, Some(Outcome::Succeeded | Outcome::PartiallySucceeded))
                }
            })
}

/// Whether a cancellation of the order may cancel it: PENDING always, ACTIVE if its state is `cancellable`; and CANCEL
/// must lead out of its state.
pub(super) fn is_cancellable(situation: &Situation<'_>, work_order: &WorkOrderState) -> bool {
    let state = situation.work_order_lifecycle.state(&work_order.status);
    situation.work_order_step(work_order, event::CANCEL).is_some()
        && (work_order.phase == Phase::Pending || state.is_some_and(|state| state.cancellable))
}

/// Whether the order's state lets it be cancelled: it is `cancellable` and CANCEL leads out of it.
pub(super) fn order_is_cancellable(situation: &Situation<'_>) -> bool {
    let state = situation.order_lifecycle.state(&situation.order.status);
    state.is_some_and(|state| state.cancellable) && situation.order_step(event::CANCEL).is_some()
}

/// The refusal of an event that does not lead out of the order's state.
pub(super) fn order_not_allowed(situation: &Situation<'_>, event: &str) -> Refusal {
    Refusal::NotAllowed {
        current_status: situation.order.status.clone(),
        event: event.to_owned(),
        allowed: allowed(available::available_for_order(situation)),
    }
}

/// The refusal of an event that does not lead out of a work order's state.
pub(super) fn work_order_not_allowed(
    situation: &Situation<'_>,
    work_order: &WorkOrderState,
    event: &str,
) -> Refusal {
    Refusal::NotAllowed {
        current_status: work_order.status.clone(),
        event: event.to_owned(),
        allowed: allowed(available::available_for_work_order(situation, work_order.sequence)),
    }
}

/// Blocked, if anything stands in the way.
pub(super) fn refuse_if(blocked_by: Vec<String>, current_status: &str, event: &str) -> Result<(), Refusal> {
    if blocked_by.is_empty() {
        return Ok(());
    }
    Err(Refusal::Blocked { current_status: current_status.to_owned(), event: event.to_owned(), blocked_by })
}

fn allowed(available: Vec<available::Available>) -> Vec<String> {
    available.into_iter().filter(|it| it.allowed).map(|it| it.event).collect()
}

fn cancellation(situation: &Situation<'_>) -> Vec<String> {
    let order = &situation.order;
    if order.phase == Phase::Settled {
        return vec![format!("the order is {} and settled", order.status)];
    }
    if order.cancellation == Some(CancellationStatus::Requested) {
        return vec!["the cancellation waits for the plugins' verdict".to_owned()];
    }
    if !order_is_cancellable(situation) {
        return vec![format!("the order is {}, which is not cancellable", order.status)];
    }
    let stuck = |it: &&&WorkOrderState| it.is_forward() && !is_cancellable(situation, it);
    let sentence = |it: &&WorkOrderState| {
        format!("work order {} is {}, which is not cancellable", it.sequence, it.status)
    };
    situation.unfinished().iter().filter(stuck).map(sentence).collect()
}

fn still(work_order: &WorkOrderState) -> String {
    format!("work order {} is {}", work_order.sequence, work_order.status)
}
