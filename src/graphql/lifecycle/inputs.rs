//! Lifecycles as callers write them.

use async_graphql::InputObject;

use super::super::value::{LifecycleOwner, Outcome, Phase, Quantifier};
use crate::{
    domain::lifecycle::{self, BUILT_IN_VERSION, Owner, built_in},
    usecase::lifecycle::Update,
};

/// A lifecycle that is to come into force. It is the whole of it: what is left out is not taken from the present one.
#[derive(Clone, Debug, InputObject)]
pub struct LifecycleUpdateInput {
    /// What it is of.
    owner: LifecycleOwner,
    /// Refuses the change with `VersionConflict` where another version is in force.
    expected_version: Option<i32>,
    /// Name of the state that everything is born in; it is PENDING.
    initial: String,
    /// Its states: up to 100.
    states: Vec<LifecycleStateInput>,
    /// Its transitions: up to 500.
    transitions: Vec<LifecycleTransitionInput>,
    /// How an order follows its work orders: up to 50. Left out, the rule that is built in; not for work orders.
    roll_up: Option<Vec<RollUpRuleInput>>,
}

/// A state of a lifecycle.
#[derive(Clone, Debug, InputObject)]
pub struct LifecycleStateInput {
    /// Its name, unique in the lifecycle: a letter and up to 63 letters, digits and underscores.
    name: String,
    /// Its phase.
    phase: Phase,
    /// How that which comes here ended; SETTLED states of work orders need one, here or in the transitions.
    outcome: Option<Outcome>,
    /// Whether what is in this state may be cancelled by a cancellation of the order.
    #[graphql(default_with = "Some(true)")]
    cancellable: Option<bool>,
}

/// A transition of a lifecycle.
#[derive(Clone, Debug, InputObject)]
pub struct LifecycleTransitionInput {
    /// The event that fires it, named like a state.
    event: String,
    /// The code that reports know it by, of up to 64 characters.
    code: Option<String>,
    /// The states that it leads out of.
    from: Vec<String>,
    /// The state that it leads to.
    to: String,
    /// How that which takes it ended.
    outcome: Option<Outcome>,
}

/// Fires an event on an order when its work orders are in a phase.
#[derive(Clone, Debug, InputObject)]
pub struct RollUpRuleInput {
    /// One of its work orders, or all.
    quantifier: Quantifier,
    /// The phase that they must be in.
    phase: Phase,
    /// The outcome that they must have, if it matters; asked of FORWARD ones only.
    outcome: Option<Outcome>,
    /// The order's event.
    event: String,
}

impl LifecycleUpdateInput {
    /// The command that it stands for.
    pub fn into_command(self) -> Update {
        let Self { owner, expected_version, initial, states, transitions, roll_up } = self;
        let owner = Owner::from(owner);
        let roll_up = roll_up.map(|rules| rules.into_iter().map(Into::into).collect());
        let lifecycle = lifecycle::Lifecycle {
            version: BUILT_IN_VERSION,
            initial,
            states: states.into_iter().map(Into::into).collect(),
            transitions: transitions.into_iter().map(Into::into).collect(),
            roll_up: roll_up.unwrap_or_else(|| built_in(owner).roll_up.clone()),
        };
        Update { owner, expected_version, lifecycle }
    }
}

impl From<LifecycleStateInput> for lifecycle::State {
    fn from(state: LifecycleStateInput) -> Self {
        let LifecycleStateInput { name, phase, outcome, cancellable } = state;
        let cancellable = cancellable.unwrap_or(true);
        Self { name, phase: phase.into(), outcome: outcome.map(Into::into), cancellable }
    }
}

impl From<LifecycleTransitionInput> for lifecycle::Transition {
    fn from(transition: LifecycleTransitionInput) -> Self {
        let LifecycleTransitionInput { event, code, from, to, outcome } = transition;
        Self { event, code, from, to, outcome: outcome.map(Into::into) }
    }
}

impl From<RollUpRuleInput> for lifecycle::RollUpRule {
    fn from(rule: RollUpRuleInput) -> Self {
        let RollUpRuleInput { quantifier, phase, outcome, event } = rule;
        Self { quantifier: quantifier.into(), phase: phase.into(), outcome: outcome.map(Into::into), event }
    }
}
