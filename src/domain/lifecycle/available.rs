//! What can happen next, and what stands in its way.

use super::{Flow, Phase, Situation, block, flow};

/// A transition out of the present state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Available {
    /// The event that fires it.
    pub event: String,
    /// The code that reports know it by.
    pub code: Option<String>,
    /// The state that it leads to.
    pub to: String,
    /// Whether a caller may fire it now.
    pub allowed: bool,
    /// What stands in the way, a sentence each; work orders are named by their sequence number.
    pub blocked_by: Vec<String>,
}

impl Available {
    fn new(step: super::apply::Step<'_>, blocked_by: Vec<String>) -> Self {
        Self {
            event: step.transition.event.clone(),
            code: step.transition.code.clone(),
            to: step.target.name.clone(),
            allowed: blocked_by.is_empty(),
            blocked_by,
        }
    }
}

/// Every transition out of the order's present state with what blocks it, in the lifecycle's order.
pub fn available_for_order(situation: &Situation<'_>) -> Vec<Available> {
    situation
        .order_lifecycle
        .steps(&situation.order.status)
        .map(|step| Available::new(step, block::caller_order_event(situation, step)))
        .collect()
}

/// Every transition out of a work order's present state with what blocks it, in the lifecycle's order. Empty for a work
/// order that the order does not have.
pub fn available_for_work_order(situation: &Situation<'_>, sequence: i32) -> Vec<Available> {
    let Some(work_order) = situation.work_order(sequence) else { return Vec::new() };
    situation
        .work_order_steps(work_order)
        .into_iter()
        .map(|step| Available::new(step, block::work_order_event(situation, work_order, step)))
        .collect()
}

/// The sequence numbers of the work orders that must settle before this one can start, under SEQUENTIAL.
///
/// One that has failed is settled and stands in the way for ever: it is named in the START's `blocked_by`, not here.
pub fn blocked_by(situation: &Situation<'_>, sequence: i32) -> Vec<i32> {
    match situation.work_order(sequence) {
        Some(work_order)
            if work_order.phase == Phase::Pending && situation.order.flow == Flow::Sequential =>
        {
            flow::in_the_way(situation, work_order)
                .into_iter()
                .filter(|it| it.phase != Phase::Settled)
                .map(|it| it.sequence)
                .collect()
        }
        _ => Vec::new(),
    }
}
