//! Cancellation of an order: a request with an answer.

use super::decision::Decision;
use super::{CancellationStatus, Phase, Refusal, Situation, block, event};

/// Code of a cancellation that the order's own state refuses.
const ORDER_NOT_CANCELLABLE: &str = "ORDER_NOT_CANCELLABLE";
/// Code of a cancellation that a work order's state refuses.
const WORK_ORDER_NOT_CANCELLABLE: &str = "WORK_ORDER_NOT_CANCELLABLE";

/// A caller asks for the order's cancellation. Where plugins must agree (`gated`), the request waits for their verdict
/// as REQUESTED. Asked again while REQUESTED or RETURNING, it changes nothing. An order state that is not
/// `cancellable` refuses every cancellation, without asking plugins.
pub(super) fn request(decision: &mut Decision<'_>, gated: bool) -> Result<(), Refusal> {
    let now = decision.now();
    if now.order.phase == Phase::Settled {
        return Err(block::order_not_allowed(now, event::CANCEL));
    }
    let standing = now.order.cancellation;
    if matches!(standing, Some(CancellationStatus::Requested | CancellationStatus::Returning)) {
        return Ok(());
    }
    if gated && block::order_is_cancellable(now) {
        decision.change_cancellation(CancellationStatus::Requested, None);
    } else {
        carry_out(decision);
    }
    Ok(())
}

/// The plugins agreed. A verdict that nobody waits for any more changes nothing.
pub(super) fn approve(decision: &mut Decision<'_>) {
    if decision.now().order.cancellation == Some(CancellationStatus::Requested) {
        carry_out(decision);
    }
}

/// A plugin refused, and the order goes on. The reason's code is the plugin's, which only the caller knows: it is
/// absent here. A verdict that nobody waits for any more changes nothing.
pub(super) fn refuse(decision: &mut Decision<'_>) {
    if decision.now().order.cancellation == Some(CancellationStatus::Requested) {
        decision.change_cancellation(CancellationStatus::Refused, None);
    }
}

/// PENDING work orders are cancelled at once; ACTIVE ones are cancelled if their state is `cancellable`, with returns.
/// If one is not, nothing is cancelled and the cancellation is REFUSED. A cancellation cancels FORWARD work orders; a
/// RETURN under way from an earlier failure goes on. With returns under way it is RETURNING, and the order closes when
/// they settle; with none it is COMPLETED and the order closes at once.
///
/// The changes stand in this order: each work order's CANCEL, followed by its return; then RETURNING, or else the
/// order's CANCEL and, that being what completes it, COMPLETED.
fn carry_out(decision: &mut Decision<'_>) {
    let now = decision.now();
    if now.order.phase == Phase::Settled || !block::order_is_cancellable(now) {
        return decision.change_cancellation(CancellationStatus::Refused, Some(ORDER_NOT_CANCELLABLE));
    }
    let at_hand = to_cancel(now);
    if !at_hand.iter().all(|&(_, cancellable)| cancellable) {
        return decision.change_cancellation(CancellationStatus::Refused, Some(WORK_ORDER_NOT_CANCELLABLE));
    }
    for (sequence, _) in at_hand {
        decision.cancel_work_order(sequence);
    }
    if decision.now().unfinished().is_empty() {
        close(decision);
    } else {
        decision.change_cancellation(CancellationStatus::Returning, None);
    }
}

/// Closes an order whose cancellation is RETURNING once its last return has settled. A FORWARD work order that was
/// added meanwhile is cancelled then, having never started.
pub(super) fn finish(decision: &mut Decision<'_>) {
    let now = decision.now();
    let late = to_cancel(now);
    if now.unfinished().len() > late.len() || !late.iter().all(|&(_, cancellable)| cancellable) {
        return;
    }
    for (sequence, _) in late {
        decision.cancel_work_order(sequence);
    }
    if decision.now().unfinished().is_empty() {
        close(decision);
    }
}

/// Closes the order: its CANCEL, then the cancellation's COMPLETED.
fn close(decision: &mut Decision<'_>) {
    match decision.now().order_step(event::CANCEL) {
        Some(step) => {
            decision.move_order(step, false);
            decision.change_cancellation(CancellationStatus::Completed, None);
        }
        None => decision.change_cancellation(CancellationStatus::Refused, Some(ORDER_NOT_CANCELLABLE)),
    }
}

/// The FORWARD work orders at hand, by sequence, and whether each can be cancelled.
fn to_cancel(situation: &Situation<'_>) -> Vec<(i32, bool)> {
    situation
        .unfinished()
        .iter()
        .filter(|it| it.is_forward())
        .map(|it| (it.sequence, block::is_cancellable(situation, it)))
        .collect()
}
