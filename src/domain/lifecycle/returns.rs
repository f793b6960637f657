//! Returns: work orders that bring goods back.

use super::decision::Decision;
use super::{Outcome, Phase, WorkOrderType};

/// A MOVE_CONTAINERS work order that is FAILed or CANCELled after it was started (its goods left the pickup) gets one
/// new RETURN work order, in the same transaction. A RETURN that fails gets no return of its own. "Started" means that
/// it was ever ACTIVE.
///
/// A tenant's work order that ends REJECTED (a consignee turned the goods away) counts as failed.
pub(super) fn follow(decision: &mut Decision<'_>, sequence: i32) {
    let Some(work_order) = decision.now().work_order(sequence) else { return };
    let in_vain =
        matches!(work_order.outcome, Some(Outcome::Failed | Outcome::Cancelled | Outcome::Rejected));
    if work_order.phase == Phase::Settled && in_vain {
        bear(decision, sequence);
    }
}

/// Bears the return of a FORWARD work order whose goods left the pickup. One that has a return, born by rule or made
/// by hand, gets no second one: its goods come back once.
pub(super) fn bear(decision: &mut Decision<'_>, sequence: i32) {
    let Some(work_order) = decision.now().work_order(sequence) else { return };
    let moved_goods =
        work_order.kind == WorkOrderType::MoveContainers && work_order.is_forward() && work_order.started;
    if moved_goods && !decision.has_return(sequence) {
        decision.add_return(sequence);
    }
}
