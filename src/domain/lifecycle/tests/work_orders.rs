//! The work order's own machine, and its returns.

use super::*;

const EVENTS: [&str; 8] =
    ["START", "HOLD", "RESUME", "ATTEMPT_FAILED", "COMPLETE", "FAIL", "CANCEL", "TELEPORT"];

/// The answers of a state to every event; those not listed are refused as not allowed.
#[track_caller]
fn check_state(status: &str, answers: &[(&str, &str)]) {
    let situation = format!("IN_PROGRESS | service {status}, service CREATED");
    let allowed: Vec<_> = answers.iter().map(|(event, _)| *event).collect();
    for event in EVENTS {
        let refused = format!("{event} not allowed in {status}, but [{}]", allowed.join(", "));
        let expected = answers.iter().find(|(name, _)| *name == event).map_or(refused.as_str(), |(_, it)| it);
        check(&situation, &format!("1 {event}"), &[expected]);
    }
}

#[test]
fn every_state_answers_every_event() {
    check_state(
        "CREATED",
        &[("START", "1 START CREATED>IN_PROGRESS"), ("CANCEL", "1 CANCEL CREATED>CANCELLED Cancelled")],
    );
    check_state(
        "IN_PROGRESS",
        &[
            ("HOLD", "1 HOLD IN_PROGRESS>ON_HOLD"),
            ("ATTEMPT_FAILED", "1 ATTEMPT_FAILED IN_PROGRESS>IN_PROGRESS attempts=1"),
            ("COMPLETE", "1 COMPLETE IN_PROGRESS>COMPLETED Succeeded"),
            ("FAIL", "1 FAIL IN_PROGRESS>FAILED Failed"),
            ("CANCEL", "1 CANCEL IN_PROGRESS>CANCELLED Cancelled"),
        ],
    );
    check_state(
        "ON_HOLD",
        &[
            ("RESUME", "1 RESUME ON_HOLD>IN_PROGRESS"),
            ("FAIL", "1 FAIL ON_HOLD>FAILED Failed"),
            ("CANCEL", "1 CANCEL ON_HOLD>CANCELLED Cancelled"),
        ],
    );
    for settled in ["COMPLETED", "FAILED", "CANCELLED"] {
        check_state(settled, &[]);
    }
}

#[test]
fn a_work_order_starts_only_in_an_active_order() {
    for status in ["INITIATED", "CREATED"] {
        let expected = format!("START blocked in CREATED: the order is {status} and not active");
        check(&format!("{status} unreleased | digital CREATED"), "1 START", &[&expected]);
    }
    check("IN_PROGRESS | digital CREATED", "1 START", &["1 START CREATED>IN_PROGRESS"]);
}

#[test]
fn goods_that_left_the_pickup_come_back() {
    for (status, event, outcome, to) in [
        ("IN_PROGRESS", "FAIL", "Failed", "FAILED"),
        ("ON_HOLD", "FAIL", "Failed", "FAILED"),
        ("IN_PROGRESS", "CANCEL", "Cancelled", "CANCELLED"),
        ("ON_HOLD", "CANCEL", "Cancelled", "CANCELLED"),
    ] {
        let situation = format!("IN_PROGRESS | move {status}, service COMPLETED+");
        let moved = format!("1 {event} {status}>{to} {outcome}");
        check(&situation, &format!("1 {event}"), &[&moved, "3 returns 1"]);
    }
}

#[test]
fn nothing_comes_back_that_never_left() {
    check(
        "IN_PROGRESS | move CREATED, service CREATED",
        "1 CANCEL",
        &["1 CANCEL CREATED>CANCELLED Cancelled"],
    );
    for kind in ["service", "digital"] {
        let situation = format!("IN_PROGRESS | {kind} IN_PROGRESS, move CREATED");
        check(&situation, "1 FAIL", &["1 FAIL IN_PROGRESS>FAILED Failed"]);
    }
}

#[test]
fn a_return_holds_the_order_open_and_does_not_lower_its_outcome() {
    check(
        "IN_PROGRESS | move FAILED+, service COMPLETED+, return:1 IN_PROGRESS",
        "3 COMPLETE",
        &[
            "3 COMPLETE IN_PROGRESS>COMPLETED Succeeded",
            "order EXECUTE IN_PROGRESS>EXECUTED PartiallySucceeded",
        ],
    );
    check(
        "IN_PROGRESS | service COMPLETED+, return:1 IN_PROGRESS",
        "2 FAIL",
        &["2 FAIL IN_PROGRESS>FAILED Failed", "order EXECUTE IN_PROGRESS>EXECUTED Succeeded"],
    );
}

#[test]
fn goods_on_a_return_made_by_hand_come_back_once() {
    check(
        "IN_PROGRESS | move IN_PROGRESS, return:1 CREATED",
        "1 FAIL",
        &["1 FAIL IN_PROGRESS>FAILED Failed"],
    );
}

#[test]
fn a_newborn_return_is_as_its_original_but_for_its_direction() {
    let mut situation = parse("IN_PROGRESS | move CREATED, move FAILED+");
    situation.apply(&Change::ReturnAdded { sequence: 3, return_of: 2 });
    let born = situation.work_order(3).unwrap();
    assert_eq!(
        (born.kind, born.direction, born.return_of, born.status.as_str(), born.phase, born.started),
        (WorkOrderType::MoveContainers, Direction::Return, Some(2), "CREATED", Phase::Pending, false)
    );
}
