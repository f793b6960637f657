//! The lifecycles of orders and work orders, and how one follows from the other.
//!
//! Everything here is computation over values: an order's [`Situation`] and a [`Command`] give a list of
//! [`Change`]s or a [`Refusal`]. Work orders are named by their sequence number, which is unique within an order.

mod apply;
mod available;
mod block;
mod builtin;
mod cancel;
mod change;
mod check;
mod decide;
mod decision;
pub mod event;
mod explain;
mod flow;
mod returns;
mod roll_up;
#[cfg(test)]
pub(in crate::domain) mod tests;

pub use available::{Available, available_for_order, available_for_work_order, blocked_by};
pub use builtin::{BUILT_IN_VERSION, built_in, built_in_order_lifecycle, built_in_work_order_lifecycle};
pub use change::{Change, Refusal};
pub use check::check;
pub use decide::decide;
pub use explain::{Plugins, explain};
pub use flow::never_starts;

use serde::{Deserialize, Serialize};

/// The coarse stage of a state, the same for every tenant's lifecycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Phase {
    /// Not begun.
    Pending,
    /// Being worked on.
    Active,
    /// Done with, whatever the outcome.
    Settled,
}

/// How a settled order or work order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// Everything was done.
    Succeeded,
    /// Some of it was done.
    PartiallySucceeded,
    /// It was tried and not done.
    Failed,
    /// It was called off.
    Cancelled,
    /// It was never taken on.
    Rejected,
}

/// Whose lifecycle it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    /// Orders.
    Order,
    /// Work orders.
    WorkOrder,
}

/// What a work order does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkOrderType {
    /// Moves goods from its pickup to the order's destination.
    MoveContainers,
    /// A service at the destination, such as an installation.
    PhysicalService,
    /// A service without a place, such as KYC.
    DigitalService,
}

/// Which way a work order leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To the order's destination.
    Forward,
    /// Back from it.
    Return,
}

/// How the work orders of an order depend on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flow {
    /// Any may start once the order is active.
    StartTogether,
    /// All or nothing.
    CompleteTogether,
    /// One after the other, by sequence.
    Sequential,
}

/// Where the request to cancel an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CancellationStatus {
    /// It waits for the plugins' verdict.
    Requested,
    /// Goods are on their way back.
    Returning,
    /// The order is cancelled.
    Completed,
    /// The order goes on.
    Refused,
}

/// A state machine, as a tenant writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lifecycle {
    /// Counts the tenant's lifecycles of this kind; 1 is built in.
    pub version: i32,
    /// Name of the state that an entity is born in.
    pub initial: String,
    /// Its states.
    pub states: Vec<State>,
    /// Its transitions; an event may stand in several, from different states.
    pub transitions: Vec<Transition>,
    /// How an order follows its work orders: read in order, the first that holds fires. Empty for work orders.
    pub roll_up: Vec<RollUpRule>,
}

/// A state of a [`Lifecycle`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// Its name, unique in the lifecycle.
    pub name: String,
    /// Its phase.
    pub phase: Phase,
    /// How an entity ended that comes here, unless the transition says otherwise.
    pub outcome: Option<Outcome>,
    /// Whether what is in this state may be cancelled by a cancellation of the order.
    pub cancellable: bool,
}

/// A transition of a [`Lifecycle`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    /// The event that fires it.
    pub event: String,
    /// The code that reports know it by, such as `E-601`.
    pub code: Option<String>,
    /// The states that it leads out of.
    pub from: Vec<String>,
    /// The state that it leads to.
    pub to: String,
    /// How an entity ended that takes it.
    pub outcome: Option<Outcome>,
}

/// How many work orders a [`RollUpRule`] speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Quantifier {
    /// At least one.
    Any,
    /// Every one.
    All,
}

/// Fires an event on the order when its work orders are in a phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RollUpRule {
    /// One or all.
    pub quantifier: Quantifier,
    /// The phase they must be in.
    pub phase: Phase,
    /// The outcome they must have, if it matters.
    pub outcome: Option<Outcome>,
    /// The order's event.
    pub event: String,
}

impl CancellationStatus {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "REQUESTED",
            Self::Returning => "RETURNING",
            Self::Completed => "COMPLETED",
            Self::Refused => "REFUSED",
        }
    }
}

impl Lifecycle {
    /// The state of that name.
    pub fn state(&self, name: &str) -> Option<&State> {
        self.states.iter().find(|state| state.name == name)
    }

    /// The transition that `event` fires out of the state `from`.
    pub fn transition(&self, from: &str, event: &str) -> Option<&Transition> {
        self.transitions
            .iter()
            .find(|transition| transition.event == event && transition.from.iter().any(|name| name == from))
    }
}

/// What of an order its lifecycle depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderState {
    /// Name of its state.
    pub status: String,
    /// The state's phase.
    pub phase: Phase,
    /// How it ended, once settled.
    pub outcome: Option<Outcome>,
    /// Whether START may follow VALIDATE.
    pub ready_to_process: bool,
    /// How its work orders depend on each other.
    pub flow: Flow,
    /// Where a request to cancel it stands.
    pub cancellation: Option<CancellationStatus>,
}

/// What of a work order the lifecycles depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkOrderState {
    /// Its number within the order, from 1.
    pub sequence: i32,
    /// What it does.
    pub kind: WorkOrderType,
    /// Which way it leads.
    pub direction: Direction,
    /// For a return: the sequence number of the work order whose goods come back.
    pub return_of: Option<i32>,
    /// Name of its state.
    pub status: String,
    /// The state's phase.
    pub phase: Phase,
    /// How it ended, once settled.
    pub outcome: Option<Outcome>,
    /// How often ATTEMPT_FAILED happened.
    pub attempts: i32,
    /// Whether it was ever ACTIVE: then its goods have left the pickup.
    pub started: bool,
}

/// An order, its work orders by sequence, and the lifecycles they were born with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Situation<'a> {
    /// The order.
    pub order: OrderState,
    /// Its work orders, by sequence.
    pub work_orders: Vec<WorkOrderState>,
    /// The order's lifecycle.
    pub order_lifecycle: &'a Lifecycle,
    /// Its work orders' lifecycle.
    pub work_order_lifecycle: &'a Lifecycle,
}

/// What is asked of an order's lifecycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The service: every gate of intake passed (or there was none).
    Validate,
    /// The service: a plugin refused the order at intake.
    RejectByPlugin,
    /// A caller fires an event of the order's lifecycle.
    Order {
        /// The event's name.
        event: String,
    },
    /// A caller fires an event of a work order's lifecycle.
    WorkOrder {
        /// The work order's sequence number.
        sequence: i32,
        /// The event's name.
        event: String,
    },
    /// A work order was added: the order follows, where a rule says so.
    WorkOrderAdded,
    /// A caller sets `readyToProcess`.
    Release,
    /// A caller asks for the order's cancellation.
    Cancel {
        /// Whether plugins must agree first.
        gated: bool,
    },
    /// The plugins agreed to a cancellation that was REQUESTED.
    CancellationApproved,
    /// A plugin refused a cancellation that was REQUESTED.
    CancellationRefused,
}
