//! Cancellation of an order.

use super::*;

#[test]
fn pending_and_active_work_is_called_off() {
    check(
        "IN_PROGRESS | service IN_PROGRESS, move CREATED, service COMPLETED+",
        "cancel",
        &[
            "1 CANCEL IN_PROGRESS>CANCELLED Cancelled",
            "2 CANCEL CREATED>CANCELLED Cancelled",
            "order CANCEL IN_PROGRESS>CLOSED Cancelled",
            "cancellation >Completed",
        ],
    );
}

#[test]
fn the_order_stays_open_while_goods_come_back() {
    check(
        "IN_PROGRESS | move ON_HOLD, move CREATED",
        "cancel",
        &[
            "1 CANCEL ON_HOLD>CANCELLED Cancelled",
            "3 returns 1",
            "2 CANCEL CREATED>CANCELLED Cancelled",
            "cancellation >Returning",
        ],
    );
    check(
        "IN_PROGRESS returning | move CANCELLED+, move CANCELLED+, return:1 IN_PROGRESS, return:2 CREATED",
        "3 COMPLETE",
        &["3 COMPLETE IN_PROGRESS>COMPLETED Succeeded"],
    );
}

#[test]
fn the_last_return_closes_the_order_however_it_ends() {
    for (event, end) in [("COMPLETE", "COMPLETED Succeeded"), ("FAIL", "FAILED Failed")] {
        check(
            "IN_PROGRESS returning | move CANCELLED+, return:1 IN_PROGRESS",
            &format!("2 {event}"),
            &[
                &format!("2 {event} IN_PROGRESS>{end}"),
                "order CANCEL IN_PROGRESS>CLOSED Cancelled",
                "cancellation Returning>Completed",
            ],
        );
    }
}

#[test]
fn a_return_from_an_earlier_failure_goes_on() {
    check(
        "IN_PROGRESS | move FAILED+, service CREATED, return:1 IN_PROGRESS",
        "cancel",
        &["2 CANCEL CREATED>CANCELLED Cancelled", "cancellation >Returning"],
    );
    check(
        "IN_PROGRESS refused | move FAILED+, return:1 CREATED",
        "cancel",
        &["cancellation Refused>Returning"],
    );
}

#[test]
fn while_goods_come_back_nothing_else_happens() {
    let returning = "IN_PROGRESS returning | move CANCELLED+, return:1 CREATED, service CREATED";
    let reason = "the order's cancellation is RETURNING";
    check(returning, "3 START", &[&format!("START blocked in CREATED: {reason}")]);
    check(
        returning,
        "order EXECUTE",
        &[&format!("EXECUTE blocked in IN_PROGRESS: {reason}: it closes when the returns have settled")],
    );
    for again in ["cancel", "cancel gated", "order CANCEL", "approved", "refused"] {
        check(returning, again, &[]);
    }
    check(returning, "2 START", &["2 START CREATED>IN_PROGRESS"]);
    check(
        returning,
        "2 CANCEL",
        &[
            "2 CANCEL CREATED>CANCELLED Cancelled",
            "3 CANCEL CREATED>CANCELLED Cancelled",
            "order CANCEL IN_PROGRESS>CLOSED Cancelled",
            "cancellation Returning>Completed",
        ],
    );
}

#[test]
fn a_return_may_start_in_an_order_cancelled_before_it_was_active() {
    check(
        "CREATED unreleased returning | move CANCELLED, return:1 CREATED",
        "2 START",
        &["2 START CREATED>IN_PROGRESS"],
    );
}

#[test]
fn plugins_have_the_last_word() {
    let requested = "IN_PROGRESS requested | service IN_PROGRESS";
    for again in ["cancel", "cancel gated", "order CANCEL"] {
        check(requested, again, &[]);
    }
    check(requested, "refused", &["cancellation Requested>Refused"]);
    check(
        requested,
        "approved",
        &[
            "1 CANCEL IN_PROGRESS>CANCELLED Cancelled",
            "order CANCEL IN_PROGRESS>CLOSED Cancelled",
            "cancellation Requested>Completed",
        ],
    );
    check(
        "IN_PROGRESS requested | move IN_PROGRESS",
        "approved",
        &["1 CANCEL IN_PROGRESS>CANCELLED Cancelled", "2 returns 1", "cancellation Requested>Returning"],
    );
}

#[test]
fn an_order_goes_on_while_plugins_deliberate() {
    check(
        "INITIATED requested | move CREATED",
        "validate",
        &["order VALIDATE INITIATED>CREATED", "order START CREATED>IN_PROGRESS"],
    );
    check(
        "IN_PROGRESS requested | service IN_PROGRESS",
        "1 COMPLETE",
        &[
            "1 COMPLETE IN_PROGRESS>COMPLETED Succeeded",
            "order EXECUTE IN_PROGRESS>EXECUTED Succeeded",
            "cancellation Requested>Refused ORDER_SETTLED",
        ],
    );
}
