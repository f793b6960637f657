//! Lifecycles that tenants may write: whatever `check` accepts keeps what is promised.

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::sample::Index;

use super::machines::outcomes;
use super::tenants::{rule, state, transition};
use super::walk::{after, config, newborn, no_work_at_hand_once_settled, walks, wander};
use super::*;

/// What a tenant does to a lifecycle.
#[derive(Clone, Debug)]
enum Idea {
    State { phase: Phase, outcome: Option<Outcome>, cancellable: bool, from: Index, to: Index },
    Way { event: Index, from: Index, to: Index, outcome: Option<Outcome> },
    Rule { quantifier: Quantifier, phase: Phase, outcome: Option<Outcome>, event: Index, first: bool },
    Uncancellable { state: Index },
    NoWay { transition: Index, from: Index },
    NoRule { rule: Index },
}

fn ideas() -> impl Strategy<Value = Vec<Idea>> {
    let phase = || prop::sample::select(vec![Phase::Pending, Phase::Active, Phase::Settled]);
    let quantifier = prop::sample::select(vec![Quantifier::Any, Quantifier::All]);
    let state = (phase(), outcomes(), any::<bool>(), any::<Index>(), any::<Index>()).prop_map(
        |(phase, outcome, cancellable, from, to)| Idea::State { phase, outcome, cancellable, from, to },
    );
    let way = (any::<Index>(), any::<Index>(), any::<Index>(), outcomes())
        .prop_map(|(event, from, to, outcome)| Idea::Way { event, from, to, outcome });
    let rule = (quantifier, phase(), outcomes(), any::<Index>(), any::<bool>()).prop_map(
        |(quantifier, phase, outcome, event, first)| Idea::Rule { quantifier, phase, outcome, event, first },
    );
    let idea = prop_oneof![
        3 => state,
        4 => way,
        2 => rule,
        2 => any::<Index>().prop_map(|state| Idea::Uncancellable { state }),
        2 => (any::<Index>(), any::<Index>()).prop_map(|(transition, from)| Idea::NoWay { transition, from }),
        1 => any::<Index>().prop_map(|rule| Idea::NoRule { rule }),
    ];
    prop::collection::vec(idea, 0..12)
}

fn pick(names: &[String], index: Index) -> &str {
    &names[index.index(names.len())]
}

fn carry_out(idea: &Idea, number: usize, lifecycle: &mut Lifecycle) {
    let names: Vec<String> = lifecycle.states.iter().map(|it| it.name.clone()).collect();
    let own = format!("OWN_{number}");
    match idea {
        Idea::State { phase, outcome, cancellable, from, to } => {
            let name = format!("STATE_{number}");
            let outcome = outcome.filter(|_| *phase == Phase::Settled);
            lifecycle.states.push(state(&name, *phase, outcome, *cancellable));
            lifecycle.transitions.push(transition(&own, &[pick(&names, *from)], &name));
            if *phase != Phase::Settled {
                lifecycle.transitions.push(transition(&format!("{own}_ON"), &[&name], pick(&names, *to)));
            }
        }
        Idea::Way { event, from, to, outcome } => {
            let mut events: Vec<String> = lifecycle.transitions.iter().map(|it| it.event.clone()).collect();
            events.push(own);
            let way = transition(pick(&events, *event), &[pick(&names, *from)], pick(&names, *to));
            lifecycle.transitions.push(Transition { outcome: *outcome, ..way });
        }
        Idea::Rule { quantifier, phase, outcome, event, first } => {
            let event = &event.get(lifecycle.transitions.as_slice()).event;
            let rule = rule(*quantifier, *phase, *outcome, event);
            let place = if *first { 0 } else { lifecycle.roll_up.len() };
            lifecycle.roll_up.insert(place, rule);
        }
        Idea::Uncancellable { state } => {
            let place = state.index(names.len());
            lifecycle.states[place].cancellable = false;
        }
        Idea::NoWay { transition, from } => {
            let place = transition.index(lifecycle.transitions.len());
            let ways = &mut lifecycle.transitions[place].from;
            ways.remove(from.index(ways.len()));
            lifecycle.transitions.retain(|it| !it.from.is_empty());
        }
        Idea::NoRule { rule } if !lifecycle.roll_up.is_empty() => {
            let place = rule.index(lifecycle.roll_up.len());
            lifecycle.roll_up.remove(place);
        }
        Idea::NoRule { rule: _ } => {}
    }
}

/// The built-in lifecycle after those ideas that `check` lets pass.
fn sound(owner: Owner) -> impl Strategy<Value = Lifecycle> {
    ideas().prop_map(move |ideas| {
        let mut lifecycle = Lifecycle::clone(&built_in(owner));
        for (number, idea) in ideas.iter().enumerate() {
            let mut next = lifecycle.clone();
            carry_out(idea, number, &mut next);
            if super::super::check(owner, &next).is_ok() {
                lifecycle = next;
            }
        }
        lifecycle
    })
}

/// How many steps each state is from a settled one.
fn distances(lifecycle: &Lifecycle) -> HashMap<&str, usize> {
    let settled = lifecycle.states.iter().filter(|it| it.phase == Phase::Settled);
    let mut found: HashMap<&str, usize> = settled.map(|it| (it.name.as_str(), 0)).collect();
    for distance in 1..=lifecycle.states.len() {
        for it in &lifecycle.transitions {
            if found.get(it.to.as_str()).is_some_and(|to| *to < distance) {
                for from in &it.from {
                    found.entry(from).or_insert(distance);
                }
            }
        }
    }
    found
}

/// What somebody does who wants the order to end, the most promising first.
fn wishes(situation: &Situation<'_>) -> Vec<Command> {
    let order = &situation.order;
    let mut wishes = vec![Command::CancellationRefused, Command::Validate, Command::Release];
    let ways = distances(situation.work_order_lifecycle);
    for it in &situation.work_orders {
        let mut steps = situation.work_order_steps(it);
        steps.retain(|step| {
            it.phase != Phase::Settled && ways.get(step.target.name.as_str()) < ways.get(it.status.as_str())
        });
        steps.sort_by_key(|step| ways.get(step.target.name.as_str()));
        let events = steps.iter().map(|step| step.transition.event.clone());
        wishes.extend(events.map(|event| Command::WorkOrder { sequence: it.sequence, event }));
    }
    let ways = distances(situation.order_lifecycle);
    let mut steps: Vec<_> = situation.order_lifecycle.steps(&order.status).collect();
    steps.sort_by_key(|step| ways.get(step.target.name.as_str()));
    wishes.extend(steps.iter().map(|step| Command::Order { event: step.transition.event.clone() }));
    wishes
}

/// Whether the order can end: looked for along every wish, the most promising first.
fn can_settle(situation: &Situation<'_>) -> bool {
    let mut seen = Vec::new();
    let mut open = vec![situation.clone()];
    while let Some(now) = open.pop() {
        if now.order.phase == Phase::Settled {
            return true;
        }
        assert!(seen.len() < 5_000, "lost on the way: {situation:?}");
        let mut wishes = wishes(&now);
        wishes.reverse();
        for wish in wishes {
            let Ok(changes) = decide(&now, &wish) else { continue };
            let mut next = now.clone();
            for change in &changes {
                next.apply(change);
            }
            // Attempts may be counted without end.
            for it in &mut next.work_orders {
                it.attempts = 0;
            }
            if !seen.contains(&next) {
                seen.push(next.clone());
                open.push(next);
            }
        }
    }
    false
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn under_any_sound_lifecycle_an_order_can_settle_from_wherever_it_is(
        walk in walks(),
        orders in sound(Owner::Order),
        work_orders in sound(Owner::WorkOrder),
    ) {
        let end = wander(newborn(&walk, &orders, &work_orders), &walk.choices, |_, _, _| Ok(()))?;
        prop_assert!(can_settle(&end), "stuck: {end:#?}");
    }

    #[test]
    fn under_any_sound_lifecycle_the_end_is_the_end_and_goods_come_back_once(
        walk in walks(), orders in sound(Owner::Order), work_orders in sound(Owner::WorkOrder), seed in any::<Index>(),
    ) {
        let start = newborn(&walk, &orders, &work_orders);
        wander(start, &walk.choices, |situation, command, answer| {
            let after = after(situation, answer);
            no_work_at_hand_once_settled(&after)?;
            for change in answer.iter().flatten() {
                if let Change::ReturnAdded { return_of, .. } = change {
                    let returns = after.work_orders.iter().filter(|it| it.return_of == Some(*return_of));
                    prop_assert_eq!(returns.count(), 1);
                }
            }
            let mut turned = situation.clone();
            turned.work_orders.rotate_left(seed.index(situation.work_orders.len()));
            prop_assert_eq!(&decide(&turned, command), answer);
            Ok(())
        })?;
    }
}
