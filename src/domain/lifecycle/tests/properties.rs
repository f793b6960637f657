//! What holds wherever an order has wandered to. `PROPTEST_CASES` says how many walks each property is put to: 256, and far
//! more in CI.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;

use super::walk::{after, built_in, newborn, no_work_at_hand_once_settled, walks, wander};
use super::*;

/// Does the next thing that brings an order to its end by work, not by cancelling it.
fn one_step_on(situation: &Situation<'_>) -> Option<Vec<Change>> {
    let mut wanted = vec![Command::CancellationRefused, Command::Validate, Command::Release];
    for it in &situation.work_orders {
        for event in ["COMPLETE", "RESUME", "START"] {
            wanted.push(Command::WorkOrder { sequence: it.sequence, event: event.to_owned() });
        }
    }
    for it in &situation.work_orders {
        wanted.push(Command::WorkOrder { sequence: it.sequence, event: "CANCEL".to_owned() });
    }
    wanted.iter().filter_map(|it| decide(situation, it).ok()).find(|changes| !changes.is_empty())
}

proptest! {
    #![proptest_config(super::walk::config())]

    #[test]
    fn an_order_can_settle_from_wherever_it_is(walk in walks()) {
        let mut situation = wander(built_in(&walk), &walk.choices, |_, _, _| Ok(()))?;
        for _ in 0..500 {
            if situation.order.phase == Phase::Settled {
                break;
            }
            let changes = one_step_on(&situation);
            prop_assert!(changes.is_some(), "stuck: {situation:?}");
            changes.iter().flatten().for_each(|change| situation.apply(change));
        }
        prop_assert_eq!(situation.order.phase, Phase::Settled);
    }

    #[test]
    fn a_settled_order_has_no_work_at_hand(walk in walks()) {
        wander(built_in(&walk), &walk.choices, |situation, _, answer| {
            no_work_at_hand_once_settled(&after(situation, answer))
        })?;
    }

    #[test]
    fn goods_that_left_in_vain_come_back_exactly_once(walk in walks()) {
        let mut by_hand = built_in(&walk).work_orders.len();
        let mut born = BTreeMap::new();
        let end = wander(built_in(&walk), &walk.choices, |_, _, answer| {
            for change in answer.iter().flatten() {
                if let Change::ReturnAdded { return_of, .. } = change {
                    *born.entry(*return_of).or_insert(0) += 1;
                }
            }
            Ok(())
        })?;
        by_hand = end.work_orders.len() - by_hand;
        for it in &end.work_orders {
            let moved = it.started && it.kind == WorkOrderType::MoveContainers && it.return_of.is_none();
            let in_vain = matches!(it.outcome, Some(Outcome::Failed | Outcome::Cancelled));
            let count = born.get(&it.sequence).copied().unwrap_or(0);
            prop_assert!(count <= usize::from(moved));
            if moved && in_vain {
                let returns = end.work_orders.iter().filter(|other| other.return_of == Some(it.sequence)).count();
                prop_assert!(returns >= 1 && (count == 1 || returns <= by_hand));
            }
        }
    }

    #[test]
    fn an_answer_does_not_depend_on_the_order_of_the_list(walk in walks(), seed in any::<Index>()) {
        wander(built_in(&walk), &walk.choices, |situation, command, answer| {
            let mut turned = situation.clone();
            let middle = seed.index(turned.work_orders.len());
            turned.work_orders.rotate_left(middle);
            prop_assert_eq!(&decide(&turned, command), answer);
            turned.work_orders.reverse();
            prop_assert_eq!(&decide(&turned, command), answer);
            Ok(())
        })?;
    }

    #[test]
    fn every_change_says_where_it_came_from(walk in walks()) {
        wander(built_in(&walk), &walk.choices, |situation, _, answer| {
            let mut now = situation.clone();
            for change in answer.iter().flatten() {
                match change {
                    Change::OrderMoved { from, to, .. } => {
                        prop_assert_eq!(from, &now.order.status);
                        prop_assert_ne!(from, to);
                    }
                    Change::WorkOrderMoved { sequence, from, .. } => {
                        prop_assert_eq!(Some(from), now.work_order(*sequence).map(|it| &it.status));
                    }
                    Change::ReturnAdded { sequence, return_of } => {
                        prop_assert_eq!(*sequence, now.next_sequence());
                        prop_assert!(now.work_order(*return_of).is_some());
                    }
                    Change::CancellationChanged { from, to, .. } => {
                        prop_assert_eq!(*from, now.order.cancellation);
                        prop_assert_ne!(*from, Some(*to));
                    }
                }
                now.apply(change);
            }
            Ok(())
        })?;
    }

    #[test]
    fn what_is_available_is_what_is_allowed(walk in walks()) {
        wander(built_in(&walk), &walk.choices, |situation, _, _| {
            for it in available_for_order(situation).into_iter().filter(|it| it.event != "CANCEL") {
                let answer = decide(situation, &Command::Order { event: it.event.clone() });
                prop_assert_eq!(it.allowed, answer.is_ok(), "{:?}", it);
            }
            for work_order in &situation.work_orders {
                for it in available_for_work_order(situation, work_order.sequence) {
                    let (sequence, event) = (work_order.sequence, it.event.clone());
                    let answer = decide(situation, &Command::WorkOrder { sequence, event });
                    prop_assert_eq!(it.allowed, answer.is_ok(), "{:?}", it);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn names_of_states_mean_nothing(walk in walks()) {
        let renamed = |lifecycle: &Lifecycle| {
            let mut lifecycle = lifecycle.clone();
            lifecycle.initial.insert_str(0, "MY_");
            lifecycle.states.iter_mut().for_each(|it| it.name.insert_str(0, "MY_"));
            for it in &mut lifecycle.transitions {
                it.to.insert_str(0, "MY_");
                it.from.iter_mut().for_each(|name| name.insert_str(0, "MY_"));
            }
            lifecycle
        };
        let (orders, work_orders) = (renamed(built_in_order_lifecycle()), renamed(built_in_work_order_lifecycle()));
        let mut mine = newborn(&walk, &orders, &work_orders);
        // Work orders made by hand do not show in an answer, so there are none on this walk.
        let choices: Vec<_> = walk.choices.iter().map(|(index, dice)| (*index, (*dice).max(8))).collect();
        wander(built_in(&walk), &choices, |theirs, command, _| {
            let answer_to_mine = answer(&mine, command).join("; ").replace("MY_", "");
            prop_assert_eq!(answer_to_mine, answer(theirs, command).join("; "));
            mine = after(&mine, &decide(&mine, command));
            Ok(())
        })?;
    }
}
