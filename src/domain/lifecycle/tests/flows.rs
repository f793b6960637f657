//! Work orders that depend on each other, and the order that depends on them.

use super::*;

#[test]
fn work_orders_that_start_together_do_not_wait() {
    check("IN_PROGRESS | move CREATED, move CREATED", "2 START", &["2 START CREATED>IN_PROGRESS"]);
}

#[test]
fn a_sequential_successor_waits_for_its_predecessors() {
    check(
        "IN_PROGRESS sequential | move IN_PROGRESS, service CREATED, digital CREATED",
        "3 START",
        &["START blocked in CREATED: work order 1 is IN_PROGRESS; work order 2 is CREATED"],
    );
    for done in ["COMPLETED+", "CANCELLED"] {
        let situation = format!("IN_PROGRESS sequential | move {done}, service CREATED");
        check(&situation, "2 START", &["2 START CREATED>IN_PROGRESS"]);
    }
}

#[test]
fn a_sequential_failure_cancels_what_is_still_pending() {
    check(
        "IN_PROGRESS sequential | move IN_PROGRESS, service CREATED, move CREATED",
        "1 FAIL",
        &[
            "1 FAIL IN_PROGRESS>FAILED Failed",
            "4 returns 1",
            "2 CANCEL CREATED>CANCELLED Cancelled",
            "3 CANCEL CREATED>CANCELLED Cancelled",
        ],
    );
    check(
        "IN_PROGRESS sequential | service COMPLETED+, service IN_PROGRESS, move CREATED",
        "2 FAIL",
        &[
            "2 FAIL IN_PROGRESS>FAILED Failed",
            "3 CANCEL CREATED>CANCELLED Cancelled",
            "order EXECUTE IN_PROGRESS>EXECUTED PartiallySucceeded",
        ],
    );
}

#[test]
fn a_sequential_failure_leaves_earlier_and_active_work_alone() {
    check(
        "IN_PROGRESS sequential | service CREATED, service IN_PROGRESS, service ON_HOLD, service CREATED",
        "2 FAIL",
        &["2 FAIL IN_PROGRESS>FAILED Failed", "4 CANCEL CREATED>CANCELLED Cancelled"],
    );
}

#[test]
fn a_sequential_work_order_called_off_by_hand_cancels_no_other() {
    check(
        "IN_PROGRESS sequential | service CREATED, service CREATED",
        "1 CANCEL",
        &["1 CANCEL CREATED>CANCELLED Cancelled"],
    );
}

#[test]
fn a_work_order_added_after_a_sequential_failure_cannot_start() {
    check(
        "IN_PROGRESS sequential | service FAILED+, return:1 CREATED, service CREATED",
        "3 START",
        &["START blocked in CREATED: work order 1 is FAILED"],
    );
}

#[test]
fn flow_rules_leave_returns_alone() {
    check(
        "IN_PROGRESS sequential | move IN_PROGRESS, service CREATED, return:1 CREATED",
        "3 START",
        &["3 START CREATED>IN_PROGRESS"],
    );
    check(
        "IN_PROGRESS together | move FAILED+, return:1 CREATED, return:1 CREATED",
        "2 START",
        &["2 START CREATED>IN_PROGRESS"],
    );
    for flow in ["sequential", "together"] {
        let situation = format!("IN_PROGRESS {flow} | move CREATED, return:1 IN_PROGRESS, service CREATED");
        check(&situation, "2 FAIL", &["2 FAIL IN_PROGRESS>FAILED Failed"]);
    }
}

#[test]
fn all_or_nothing_undoes_what_was_done() {
    check(
        "IN_PROGRESS together | move COMPLETED+, service COMPLETED+, move IN_PROGRESS, move ON_HOLD, move CREATED",
        "3 FAIL",
        &[
            "3 FAIL IN_PROGRESS>FAILED Failed",
            "6 returns 3",
            "7 returns 1",
            "4 CANCEL ON_HOLD>CANCELLED Cancelled",
            "8 returns 4",
            "5 CANCEL CREATED>CANCELLED Cancelled",
        ],
    );
}

#[test]
fn nothing_starts_once_all_is_lost() {
    check(
        "IN_PROGRESS together | move FAILED+, return:1 IN_PROGRESS, service CREATED",
        "3 START",
        &["START blocked in CREATED: work order 1 is FAILED"],
    );
}

#[test]
fn all_or_nothing_ends_failed_although_some_succeeded() {
    check(
        "IN_PROGRESS together | service COMPLETED+, service IN_PROGRESS",
        "2 FAIL",
        &["2 FAIL IN_PROGRESS>FAILED Failed", "order EXECUTE IN_PROGRESS>EXECUTED Failed"],
    );
    check(
        "IN_PROGRESS together | move COMPLETED+, service FAILED+, return:1 IN_PROGRESS",
        "3 COMPLETE",
        &["3 COMPLETE IN_PROGRESS>COMPLETED Succeeded", "order EXECUTE IN_PROGRESS>EXECUTED Failed"],
    );
}

#[test]
fn the_orders_outcome_follows_from_its_forward_work_orders() {
    for (others, event, outcome) in [
        ("service COMPLETED+", "COMPLETE", "Succeeded"),
        ("service COMPLETED+", "FAIL", "PartiallySucceeded"),
        ("service COMPLETED+", "CANCEL", "PartiallySucceeded"),
        ("service FAILED+", "FAIL", "Failed"),
        ("service FAILED+", "CANCEL", "Failed"),
        ("service CANCELLED", "FAIL", "Failed"),
        ("service CANCELLED", "CANCEL", "Cancelled"),
        ("service CANCELLED, service COMPLETED+, service FAILED+", "FAIL", "PartiallySucceeded"),
    ] {
        let situation = parse(&format!("IN_PROGRESS | digital IN_PROGRESS, {others}"));
        let answer = answer(&situation, &command(&format!("1 {event}")));
        let expected = format!("order EXECUTE IN_PROGRESS>EXECUTED {outcome}");
        assert_eq!(answer.last(), Some(&expected), "{event} beside {others}");
    }
}
