//! Lifecycles that tenants wrote: the built-in ones with more states, events and rules.

mod orders;
mod rules;
mod work_orders;

use super::*;

pub(super) fn state(name: &str, phase: Phase, outcome: Option<Outcome>, cancellable: bool) -> State {
    State { name: name.to_owned(), phase, outcome, cancellable }
}

pub(super) fn transition(event: &str, from: &[&str], to: &str) -> Transition {
    Transition {
        event: event.to_owned(),
        code: None,
        from: from.iter().map(|&it| it.to_owned()).collect(),
        to: to.to_owned(),
        outcome: None,
    }
}

pub(super) fn rule(
    quantifier: Quantifier,
    phase: Phase,
    outcome: Option<Outcome>,
    event: &str,
) -> RollUpRule {
    RollUpRule { quantifier, phase, outcome, event: event.to_owned() }
}

pub(super) fn order_machine(change: impl FnOnce(&mut Lifecycle)) -> Lifecycle {
    let mut lifecycle = built_in_order_lifecycle().clone();
    change(&mut lifecycle);
    lifecycle
}

pub(super) fn work_order_machine(change: impl FnOnce(&mut Lifecycle)) -> Lifecycle {
    let mut lifecycle = built_in_work_order_lifecycle().clone();
    change(&mut lifecycle);
    lifecycle
}

/// Like `check`, under a tenant's lifecycles.
#[track_caller]
fn check_with(orders: &Lifecycle, work_orders: &Lifecycle, situation: &str, order: &str, expected: &[&str]) {
    let answer = answer(&parse_with(situation, orders, work_orders), &command(order));
    assert_eq!(answer, expected, "{order} on {situation}");
}

#[track_caller]
fn check_orders(orders: &Lifecycle, situation: &str, order: &str, expected: &[&str]) {
    check_with(orders, built_in_work_order_lifecycle(), situation, order, expected);
}

#[track_caller]
fn check_work_orders(work_orders: &Lifecycle, situation: &str, order: &str, expected: &[&str]) {
    check_with(built_in_order_lifecycle(), work_orders, situation, order, expected);
}
