//! Lifecycles as clients see them.

use async_graphql::SimpleObject;

use super::super::{
    scalar::DateTime,
    value::{LifecycleOwner, Outcome, Phase, Quantifier},
};
use crate::{domain::lifecycle, usecase::lifecycle::InForce};

/// A state machine of orders or of work orders.
#[derive(Clone, Debug, SimpleObject)]
pub struct Lifecycle {
    /// What it is of.
    owner: LifecycleOwner,
    /// Counts the tenant's lifecycles of this kind; 1 is built in.
    version: i32,
    /// Name of the state that everything is born in.
    initial: String,
    /// Its states.
    states: Vec<LifecycleState>,
    /// Its transitions; an event may stand in several, from different states.
    transitions: Vec<LifecycleTransition>,
    /// How an order follows its work orders; empty for work orders.
    roll_up: Vec<RollUpRule>,
    /// When it was set; null for the one that is built in.
    created_at: Option<DateTime>,
    /// Who set it; null for the one that is built in.
    created_by: Option<String>,
}

/// A state of a lifecycle.
#[derive(Clone, Debug, SimpleObject)]
pub struct LifecycleState {
    /// Its name, unique in the lifecycle.
    name: String,
    /// Its phase.
    phase: Phase,
    /// How that which comes here ended, unless the transition says otherwise.
    outcome: Option<Outcome>,
    /// Whether what is in this state may be cancelled by a cancellation of the order.
    cancellable: bool,
}

/// A transition of a lifecycle.
#[derive(Clone, Debug, SimpleObject)]
pub struct LifecycleTransition {
    /// The event that fires it.
    event: String,
    /// The code that reports know it by, such as `E-601`.
    code: Option<String>,
    /// The states that it leads out of.
    from: Vec<String>,
    /// The state that it leads to.
    to: String,
    /// How that which takes it ended.
    outcome: Option<Outcome>,
}

/// Fires an event on an order when its work orders are in a phase. Read in order; the first whose condition holds for the
/// order's work orders fires its event on the order.
#[derive(Clone, Debug, SimpleObject)]
pub struct RollUpRule {
    /// One of its work orders, or all.
    quantifier: Quantifier,
    /// The phase that they must be in.
    phase: Phase,
    /// The outcome that they must have, if it matters; asked of FORWARD ones only.
    outcome: Option<Outcome>,
    /// The order's event.
    event: String,
}

impl From<InForce> for Lifecycle {
    fn from(in_force: InForce) -> Self {
        let InForce { owner, lifecycle, created_at, created_by } = in_force;
        let lifecycle::Lifecycle { version, initial, states, transitions, roll_up } = lifecycle;
        Self {
            owner: owner.into(),
            version,
            initial,
            states: states.into_iter().map(Into::into).collect(),
            transitions: transitions.into_iter().map(Into::into).collect(),
            roll_up: roll_up.into_iter().map(Into::into).collect(),
            created_at: created_at.map(Into::into),
            created_by,
        }
    }
}

impl From<lifecycle::State> for LifecycleState {
    fn from(state: lifecycle::State) -> Self {
        let lifecycle::State { name, phase, outcome, cancellable } = state;
        Self { name, phase: phase.into(), outcome: outcome.map(Into::into), cancellable }
    }
}

impl From<lifecycle::Transition> for LifecycleTransition {
    fn from(transition: lifecycle::Transition) -> Self {
        let lifecycle::Transition { event, code, from, to, outcome } = transition;
        Self { event, code, from, to, outcome: outcome.map(Into::into) }
    }
}

impl From<lifecycle::RollUpRule> for RollUpRule {
    fn from(rule: lifecycle::RollUpRule) -> Self {
        let lifecycle::RollUpRule { quantifier, phase, outcome, event } = rule;
        Self { quantifier: quantifier.into(), phase: phase.into(), outcome: outcome.map(Into::into), event }
    }
}
