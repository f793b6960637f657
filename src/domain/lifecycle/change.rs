//! What a decision says: changes to carry out, or why not.

use super::{CancellationStatus, Outcome, Phase};

/// One fact that a decision brings about; carried out and recorded in the order of the list, causes before effects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The order's event fired.
    OrderMoved {
        /// The event.
        event: String,
        /// The state it left.
        from: String,
        /// The state it is in now.
        to: String,
        /// That state's phase.
        phase: Phase,
        /// How it ended, once settled.
        outcome: Option<Outcome>,
        /// Whether this fact also set `readyToProcess`.
        released: bool,
    },
    /// A work order's event fired.
    WorkOrderMoved {
        /// Its sequence number.
        sequence: i32,
        /// The event.
        event: String,
        /// The state it left.
        from: String,
        /// The state it is in now (ATTEMPT_FAILED stays in it).
        to: String,
        /// That state's phase.
        phase: Phase,
        /// How it ended, once settled.
        outcome: Option<Outcome>,
        /// Its failed attempts after this fact.
        attempts: i32,
    },
    /// A return is born for a work order whose goods left the pickup.
    ReturnAdded {
        /// The new work order's sequence number.
        sequence: i32,
        /// The work order whose goods come back.
        return_of: i32,
    },
    /// The cancellation took a new status.
    CancellationChanged {
        /// The status before, if there was a cancellation.
        from: Option<CancellationStatus>,
        /// The status now.
        to: CancellationStatus,
        /// Why it was refused, as a code.
        failure_reason_code: Option<String>,
    },
}

/// Why a command changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The lifecycle has no such transition out of the present state.
    NotAllowed {
        /// The present state.
        current_status: String,
        /// The event that was asked for.
        event: String,
        /// The events that callers may fire now, in the lifecycle's order.
        allowed: Vec<String>,
    },
    /// The lifecycle has the transition, but something stands in its way.
    Blocked {
        /// The present state.
        current_status: String,
        /// The event that was asked for.
        event: String,
        /// What stands in the way, a sentence each.
        blocked_by: Vec<String>,
    },
    /// The order has no work order of that sequence number.
    NoSuchWorkOrder,
}
