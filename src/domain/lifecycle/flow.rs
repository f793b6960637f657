//! How the work orders of an order depend on each other.
//!
//! Flow rules bind FORWARD work orders only; a RETURN may always start.

use super::decision::Decision;
use super::{Flow, Outcome, Phase, Situation, WorkOrderState, returns};

/// Whether it ended in a way that stops what depends on it.
fn failed(work_order: &WorkOrderState) -> bool {
    work_order.phase == Phase::Settled
        && matches!(work_order.outcome, Some(Outcome::Failed | Outcome::Rejected))
}

/// Whether one failed of an order whose work orders are all or nothing.
pub(super) fn all_is_lost(situation: &Situation<'_>) -> bool {
    situation.order.flow == Flow::CompleteTogether
        && situation.work_orders.iter().any(|work_order| work_order.is_forward() && failed(work_order))
}

/// The work orders that stand in the way of the start of `work_order`.
///
/// START_TOGETHER: any work order may start once the order is ACTIVE. SEQUENTIAL: one may start only when every FORWARD
/// work order of a lower sequence is SETTLED with SUCCEEDED (or CANCELLED). COMPLETE_TOGETHER: all or nothing, so none
/// starts after one has failed.
///
/// A tenant's PARTIALLY_SUCCEEDED lets the next one start too; only failure breaks the chain.
pub(super) fn in_the_way<'s>(
    situation: &'s Situation<'_>,
    work_order: &WorkOrderState,
) -> Vec<&'s WorkOrderState> {
    if !work_order.is_forward() {
        return Vec::new();
    }
    situation.by_sequence(|other| {
        other.is_forward()
            && match situation.order.flow {
                Flow::StartTogether => false,
                Flow::Sequential => {
                    other.sequence < work_order.sequence && (other.phase != Phase::Settled || failed(other))
                }
                Flow::CompleteTogether => failed(other),
            }
    })
}

/// What would stand for ever in the way of a FORWARD work order that were added now: one that has failed, where the flow
/// starts nothing after a failure.
pub fn never_starts<'s>(situation: &'s Situation<'_>) -> Option<&'s WorkOrderState> {
    match situation.order.flow {
        Flow::StartTogether => None,
        Flow::Sequential | Flow::CompleteTogether => {
            situation.by_sequence(|other| other.is_forward() && failed(other)).into_iter().next()
        }
    }
}

/// What the end of a work order does to its siblings.
///
/// SEQUENTIAL: when one fails, the later ones that are still PENDING are cancelled. COMPLETE_TOGETHER: when one FAILS,
/// those not yet settled are cancelled, and those that already moved goods get a RETURN, completed ones too.
///
/// A sibling whose lifecycle has no CANCEL out of its state goes on; this rule meets it again when it ends.
pub(super) fn follow(decision: &mut Decision<'_>, sequence: i32) {
    let now = decision.now();
    let Some(work_order) = now.work_order(sequence) else { return };
    if !work_order.is_forward() || work_order.phase != Phase::Settled {
        return;
    }
    let siblings = match now.order.flow {
        Flow::Sequential if failed(work_order) => now.by_sequence(|other| {
            other.is_forward() && other.sequence > sequence && other.phase == Phase::Pending
        }),
        Flow::CompleteTogether if all_is_lost(now) => now.by_sequence(WorkOrderState::is_forward),
        _ => return,
    };
    let siblings: Vec<_> = siblings.iter().map(|other| (other.sequence, other.phase)).collect();
    for (sibling, phase) in siblings {
        if phase == Phase::Settled {
            returns::bear(decision, sibling);
        } else {
            decision.cancel_work_order(sibling);
        }
    }
}
