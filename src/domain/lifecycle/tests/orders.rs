//! The order's own machine.

use super::*;

const COMMANDS: [&str; 15] = [
    "validate",
    "rejected",
    "release",
    "cancel",
    "cancel gated",
    "approved",
    "refused",
    "order VALIDATE",
    "order REJECT",
    "order START",
    "order CANCEL",
    "order EXECUTE",
    "order CLOSE",
    "order TELEPORT",
    "2 START",
];

/// The answers of a state to every command; those not listed are refused as not allowed.
#[track_caller]
fn check_state(situation: &str, answers: &[(&str, &[&str])]) {
    for text in COMMANDS {
        if let Some((_, expected)) = answers.iter().find(|(command, _)| *command == text) {
            check(situation, text, expected);
        } else {
            let answer = answer(&parse(situation), &command(text));
            assert!(answer.concat().contains(" not allowed in "), "{text} on {situation}: {answer:?}");
        }
    }
}

#[test]
fn an_initiated_order_waits_for_intake() {
    let cancelled = [
        "1 CANCEL CREATED>CANCELLED Cancelled",
        "order CANCEL INITIATED>CLOSED Cancelled",
        "cancellation >Completed",
    ];
    let rejected = ["order REJECT INITIATED>CLOSED Rejected", "1 CANCEL CREATED>CANCELLED Cancelled"];
    check_state(
        "INITIATED | move CREATED",
        &[
            ("validate", &["order VALIDATE INITIATED>CREATED", "order START CREATED>IN_PROGRESS"]),
            ("rejected", &rejected),
            ("cancel", &cancelled),
            ("cancel gated", &["cancellation >Requested"]),
            ("approved", &[]),
            ("refused", &[]),
            (
                "order VALIDATE",
                &["VALIDATE blocked in INITIATED: VALIDATE waits for the plugins that gate intake"],
            ),
            ("order REJECT", &rejected),
            ("order CANCEL", &cancelled),
            ("2 START", &["no such work order"]),
        ],
    );
}

#[test]
fn a_created_order_waits_for_its_release() {
    let cancelled = [
        "1 CANCEL CREATED>CANCELLED Cancelled",
        "order CANCEL CREATED>CLOSED Cancelled",
        "cancellation >Completed",
    ];
    check_state(
        "CREATED unreleased | move CREATED",
        &[
            ("release", &["order START CREATED>IN_PROGRESS released"]),
            ("cancel", &cancelled),
            ("cancel gated", &["cancellation >Requested"]),
            ("approved", &[]),
            ("refused", &[]),
            (
                "order START",
                &["START blocked in CREATED: START waits for the order's release: readyToProcess is false"],
            ),
            ("order CANCEL", &cancelled),
            ("2 START", &["no such work order"]),
        ],
    );
}

#[test]
fn an_order_in_progress_waits_for_its_work_orders() {
    let cancelled = ["1 CANCEL IN_PROGRESS>CANCELLED Cancelled", "2 returns 1", "cancellation >Returning"];
    check_state(
        "IN_PROGRESS | move IN_PROGRESS",
        &[
            ("cancel", &cancelled),
            ("cancel gated", &["cancellation >Requested"]),
            ("approved", &[]),
            ("refused", &[]),
            ("order CANCEL", &cancelled),
            (
                "order EXECUTE",
                &[
                    "EXECUTE blocked in IN_PROGRESS: EXECUTE waits for 1 of 1 work order: number 1 IN_PROGRESS",
                ],
            ),
            ("2 START", &["no such work order"]),
        ],
    );
}

#[test]
fn an_executed_order_closes_as_it_ended() {
    check_state(
        "EXECUTED =PARTIALLY_SUCCEEDED | move COMPLETED+",
        &[
            ("approved", &[]),
            ("refused", &[]),
            ("order CLOSE", &["order CLOSE EXECUTED>CLOSED PartiallySucceeded"]),
            ("2 START", &["no such work order"]),
        ],
    );
}

#[test]
fn a_closed_order_answers_nothing() {
    for situation in ["CLOSED =SUCCEEDED | move COMPLETED+", "CLOSED =REJECTED | move CANCELLED"] {
        check_state(situation, &[("approved", &[]), ("refused", &[]), ("2 START", &["no such work order"])]);
    }
}

#[test]
fn a_refusal_names_what_callers_may_fire() {
    check(
        "INITIATED | move CREATED",
        "order CLOSE",
        &["CLOSE not allowed in INITIATED, but [REJECT, CANCEL]"],
    );
    check("CREATED unreleased | move CREATED", "rejected", &["REJECT not allowed in CREATED, but [CANCEL]"]);
    check(
        "EXECUTED =SUCCEEDED | move COMPLETED+",
        "cancel",
        &["CANCEL not allowed in EXECUTED, but [CLOSE]"],
    );
}

#[test]
fn an_unreleased_order_stays_created_after_intake() {
    check("INITIATED unreleased | move CREATED", "validate", &["order VALIDATE INITIATED>CREATED"]);
}

#[test]
fn release_happens_once_and_after_intake() {
    check(
        "INITIATED unreleased | move CREATED",
        "release",
        &["START blocked in INITIATED: START waits for intake: the order is not validated yet"],
    );
    check("IN_PROGRESS | move CREATED", "release", &["START not allowed in IN_PROGRESS, but [CANCEL]"]);
}

#[test]
fn an_order_whose_work_is_cancelled_beforehand_is_executed_once_it_starts() {
    check("CREATED unreleased | move CREATED", "1 CANCEL", &["1 CANCEL CREATED>CANCELLED Cancelled"]);
    check(
        "CREATED unreleased | move CANCELLED",
        "release",
        &["order START CREATED>IN_PROGRESS released", "order EXECUTE IN_PROGRESS>EXECUTED Cancelled"],
    );
}
