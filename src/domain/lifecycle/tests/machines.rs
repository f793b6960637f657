//! Machines that nobody would write: whatever a lifecycle says, decisions end and keep what they promise.

use proptest::prelude::*;
use proptest::sample::Index;

use super::walk::{after, newborn, no_work_at_hand_once_settled, walks, wander};
use super::*;

const STATES: [(&str, Phase); 6] = [
    ("A", Phase::Pending),
    ("B", Phase::Pending),
    ("C", Phase::Active),
    ("D", Phase::Active),
    ("E", Phase::Settled),
    ("F", Phase::Settled),
];

const EVENTS: [&str; 10] = [
    "VALIDATE",
    "REJECT",
    "START",
    "CANCEL",
    "EXECUTE",
    "COMPLETE",
    "FAIL",
    "ATTEMPT_FAILED",
    "OWN",
    "OTHER",
];

pub(super) fn outcomes() -> impl Strategy<Value = Option<Outcome>> {
    let some = [
        Outcome::Succeeded,
        Outcome::PartiallySucceeded,
        Outcome::Failed,
        Outcome::Cancelled,
        Outcome::Rejected,
    ];
    prop::option::weighted(0.3, prop::sample::select(some.to_vec()))
}

/// Any machine in which nothing leads out of SETTLED into another phase.
fn machines() -> impl Strategy<Value = Lifecycle> {
    let state = (any::<bool>(), outcomes());
    let transition = (any::<Index>(), any::<Index>(), any::<Index>(), outcomes());
    let quantifier = prop::sample::select(vec![Quantifier::Any, Quantifier::All]);
    let phase = prop::sample::select(vec![Phase::Pending, Phase::Active, Phase::Settled]);
    let rule = (quantifier, phase, outcomes(), any::<Index>());
    (
        prop::collection::vec(state, STATES.len()),
        prop::collection::vec(transition, 6..30),
        prop::collection::vec(rule, 0..5),
    )
        .prop_map(|(states, transitions, rules)| Lifecycle {
            version: 2,
            initial: "A".to_owned(),
            states: STATES
                .iter()
                .zip(states)
                .map(|(&(name, phase), (cancellable, outcome))| State {
                    name: name.to_owned(),
                    phase,
                    outcome: outcome.filter(|_| phase == Phase::Settled),
                    cancellable,
                })
                .collect(),
            transitions: transitions
                .into_iter()
                .map(|(event, from, to, outcome)| {
                    (event.get(&EVENTS), from.get(&STATES), to.get(&STATES), outcome)
                })
                .filter(|(_, from, to, _)| from.1 != Phase::Settled || to.1 == Phase::Settled)
                .map(|(event, from, to, outcome)| Transition {
                    event: (*event).to_owned(),
                    code: None,
                    from: vec![from.0.to_owned()],
                    to: to.0.to_owned(),
                    outcome,
                })
                .collect(),
            roll_up: rules
                .into_iter()
                .map(|(quantifier, phase, outcome, event)| RollUpRule {
                    quantifier,
                    phase,
                    outcome,
                    event: (*event.get(&EVENTS)).to_owned(),
                })
                .collect(),
        })
}

proptest! {
    #![proptest_config(super::walk::config())]

    #[test]
    fn any_machine_keeps_what_is_promised(walk in walks(), orders in machines(), work_orders in machines()) {
        let start = newborn(&walk, &orders, &work_orders);
        wander(start, &walk.choices, |situation, _, answer| {
            let after = after(situation, answer);
            no_work_at_hand_once_settled(&after)?;
            for it in &after.work_orders {
                prop_assert_eq!(it.phase == Phase::Settled, it.outcome.is_some(), "{:?}", it);
            }
            let born = answer.iter().flatten().filter_map(|it| match it {
                Change::ReturnAdded { return_of, .. } => Some(*return_of),
                _ => None,
            });
            for original in born {
                let returns = after.work_orders.iter().filter(|it| it.return_of == Some(original)).count();
                prop_assert_eq!(returns, 1);
            }
            explain(&after, &Plugins::default(), |sequence| sequence.to_string());
            Ok(())
        })?;
    }
}
