//! States and events that a tenant gave its orders.

use super::*;

#[test]
fn an_order_that_cannot_be_cancelled_refuses_without_asking_plugins() {
    let customs = order_machine(|it| {
        it.states.push(state("CUSTOMS", Phase::Active, None, false));
        it.transitions.push(transition("DECLARE", &["IN_PROGRESS"], "CUSTOMS"));
        it.transitions.push(transition("EXECUTE", &["CUSTOMS"], "EXECUTED"));
        it.transitions.push(transition("CANCEL", &["CUSTOMS"], "CLOSED"));
    });
    for request in ["cancel", "cancel gated", "order CANCEL"] {
        let situation = "CUSTOMS | move IN_PROGRESS";
        check_orders(&customs, situation, request, &["cancellation >Refused ORDER_NOT_CANCELLABLE"]);
    }
    check_orders(
        &customs,
        "CUSTOMS requested | move IN_PROGRESS",
        "approved",
        &["cancellation Requested>Refused ORDER_NOT_CANCELLABLE"],
    );
    check_orders(
        &customs,
        "IN_PROGRESS | move IN_PROGRESS",
        "order DECLARE",
        &["order DECLARE IN_PROGRESS>CUSTOMS"],
    );
}

#[test]
fn start_follows_a_state_between_intake_and_work() {
    let reviewed = order_machine(|it| {
        it.states.push(state("REVIEW", Phase::Pending, None, true));
        it.transitions.retain(|it| it.event != "VALIDATE");
        it.transitions.push(transition("VALIDATE", &["INITIATED"], "REVIEW"));
        it.transitions.push(transition("APPROVE", &["REVIEW"], "CREATED"));
    });
    check_orders(&reviewed, "INITIATED | move CREATED", "validate", &["order VALIDATE INITIATED>REVIEW"]);
    check_orders(
        &reviewed,
        "REVIEW | move CREATED",
        "order APPROVE",
        &["order APPROVE REVIEW>CREATED", "order START CREATED>IN_PROGRESS"],
    );
    check_orders(
        &reviewed,
        "REVIEW unreleased | move CREATED",
        "order APPROVE",
        &["order APPROVE REVIEW>CREATED"],
    );
    check_orders(
        &reviewed,
        "REVIEW unreleased | move CREATED",
        "release",
        &["START blocked in REVIEW: START does not lead out of REVIEW"],
    );
}

#[test]
fn start_follows_only_what_came_from_intake() {
    let wandering = order_machine(|it| {
        it.transitions.push(transition("NOTE", &["INITIATED"], "INITIATED"));
        it.transitions.push(transition("START", &["INITIATED"], "IN_PROGRESS"));
        it.transitions.push(transition("PARK", &["IN_PROGRESS"], "CREATED"));
    });
    for (from, event, to) in [("INITIATED", "NOTE", "INITIATED"), ("IN_PROGRESS", "PARK", "CREATED")] {
        let expected = format!("order {event} {from}>{to}");
        check_orders(&wandering, &format!("{from} | move CREATED"), &format!("order {event}"), &[&expected]);
    }
}

#[test]
fn an_event_that_settles_the_order_leaves_no_work_at_hand() {
    let abandoning = order_machine(|it| {
        it.states.push(state("ABANDONED", Phase::Settled, Some(Outcome::Failed), false));
        it.transitions.push(transition("ABANDON", &["CREATED", "IN_PROGRESS"], "ABANDONED"));
    });
    check_orders(
        &abandoning,
        "IN_PROGRESS | service COMPLETED+, move CREATED",
        "order ABANDON",
        &["order ABANDON IN_PROGRESS>ABANDONED Failed", "2 CANCEL CREATED>CANCELLED Cancelled"],
    );
    check_orders(
        &abandoning,
        "IN_PROGRESS | service IN_PROGRESS, return:1 CREATED, move CREATED",
        "order ABANDON",
        &["ABANDON blocked in IN_PROGRESS: work order 1 is IN_PROGRESS; work order 2 is CREATED"],
    );
}

#[test]
fn nothing_brings_an_order_past_intake_but_its_verdict() {
    let hasty = order_machine(|it| {
        it.transitions.push(transition("EXPEDITE", &["INITIATED"], "CREATED"));
        it.roll_up.insert(0, rule(Quantifier::Any, Phase::Settled, None, "EXPEDITE"));
    });
    check_orders(
        &hasty,
        "INITIATED | move CREATED",
        "order EXPEDITE",
        &["EXPEDITE blocked in INITIATED: EXPEDITE waits for intake: the order is not validated yet"],
    );
    check_orders(
        &hasty,
        "INITIATED | move CREATED, move CREATED",
        "1 CANCEL",
        &["1 CANCEL CREATED>CANCELLED Cancelled"],
    );
}
