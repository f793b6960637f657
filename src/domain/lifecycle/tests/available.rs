//! What can happen next, and why the order is where it is.

use super::*;

fn lines(available: Vec<Available>) -> Vec<String> {
    let line = |it: Available| {
        assert_eq!(it.allowed, it.blocked_by.is_empty());
        let code = it.code.map(|code| format!("{code} ")).unwrap_or_default();
        format!("{code}{}>{} {}", it.event, it.to, it.blocked_by.join("; ")).trim_end().to_owned()
    };
    available.into_iter().map(line).collect()
}

#[track_caller]
fn check_order(situation: &str, expected: &[&str]) {
    assert_eq!(lines(available_for_order(&parse(situation))), expected, "{situation}");
}

#[track_caller]
fn check_work_order(situation: &str, sequence: i32, expected: &[&str]) {
    assert_eq!(lines(available_for_work_order(&parse(situation), sequence)), expected, "{situation}");
}

#[track_caller]
fn check_sentence(situation: &str, gates: usize, expected: &str) {
    assert_eq!(
        explain(&parse(situation), &Plugins { open: gates, ..Plugins::default() }, |sequence| format!(
            "wo_{sequence}"
        )),
        expected,
        "{situation}"
    );
}

#[test]
fn an_orders_transitions_are_listed_with_what_blocks_them() {
    check_order(
        "INITIATED | move CREATED",
        &[
            "E-601 VALIDATE>CREATED VALIDATE waits for the plugins that gate intake",
            "E-602 REJECT>CLOSED",
            "E-604 CANCEL>CLOSED",
        ],
    );
    check_order(
        "CREATED unreleased | move CREATED",
        &[
            "E-603 START>IN_PROGRESS START waits for the order's release: readyToProcess is false",
            "E-604 CANCEL>CLOSED",
        ],
    );
    check_order(
        "IN_PROGRESS requested | move IN_PROGRESS, move COMPLETED+, service CREATED",
        &[
            "E-604 CANCEL>CLOSED the cancellation waits for the plugins' verdict",
            "E-605 EXECUTE>EXECUTED EXECUTE waits for 2 of 3 work orders: number 1 IN_PROGRESS, number 3 CREATED",
        ],
    );
    check_order("EXECUTED =SUCCEEDED | move COMPLETED+", &["E-606 CLOSE>CLOSED"]);
    check_order("CLOSED =SUCCEEDED | move COMPLETED+", &[]);
}

#[test]
fn a_work_orders_transitions_are_listed_with_what_blocks_them() {
    let situation = "IN_PROGRESS sequential | move IN_PROGRESS, service CREATED";
    check_work_order(
        situation,
        1,
        &[
            "HOLD>ON_HOLD",
            "ATTEMPT_FAILED>IN_PROGRESS",
            "COMPLETE>COMPLETED",
            "FAIL>FAILED",
            "CANCEL>CANCELLED",
        ],
    );
    check_work_order(situation, 2, &["START>IN_PROGRESS work order 1 is IN_PROGRESS", "CANCEL>CANCELLED"]);
    check_work_order(situation, 3, &[]);
}

#[test]
fn only_a_sequential_successor_is_blocked_by_work_orders() {
    let situation =
        "sequential | move IN_PROGRESS, service FAILED+, service CREATED, return:2 CREATED, move CREATED";
    let situation = parse(&format!("IN_PROGRESS {situation}"));
    assert_eq!(blocked_by(&situation, 5), [1, 3]);
    assert_eq!(blocked_by(&situation, 3), [1]);
    for free in [1, 2, 4, 6] {
        assert!(blocked_by(&situation, free).is_empty());
    }
    assert!(blocked_by(&parse("IN_PROGRESS together | move FAILED+, move CREATED"), 2).is_empty());
}

#[test]
fn a_sentence_says_what_an_order_waits_for() {
    check_sentence("INITIATED | move CREATED", 0, "waits for intake to be finished");
    check_sentence("INITIATED | move CREATED", 1, "waits for 1 plugin run that gates intake");
    check_sentence("INITIATED unreleased | move CREATED", 2, "waits for 2 plugin runs that gate intake");
    check_sentence("CREATED unreleased | move CREATED", 0, "waits for its release: readyToProcess is false");
    check_sentence(
        "IN_PROGRESS | move IN_PROGRESS, move COMPLETED+, service CREATED",
        0,
        "waits for 2 of 3 work orders: wo_1 IN_PROGRESS, wo_3 CREATED",
    );
    check_sentence(
        "IN_PROGRESS requested | move IN_PROGRESS",
        0,
        "waits for the plugins' verdict on its cancellation",
    );
    check_sentence(
        "IN_PROGRESS returning | move CANCELLED+, return:1 ON_HOLD",
        0,
        "is being cancelled and waits for 1 of 2 work orders: wo_2 ON_HOLD",
    );
}

#[test]
fn a_sentence_names_five_work_orders_and_counts_the_rest() {
    let hundred = format!("IN_PROGRESS | move COMPLETED+{}", ", service CREATED".repeat(99));
    let five = (2..=6).map(|n| format!("wo_{n} CREATED")).collect::<Vec<_>>().join(", ");
    check_sentence(&hundred, 0, &format!("waits for 99 of 100 work orders: {five} and 94 more"));
}

#[test]
fn a_sentence_says_how_an_order_ended() {
    for (situation, expected) in [
        ("EXECUTED =SUCCEEDED | move COMPLETED+", "ended SUCCEEDED: 1 of 1 work order succeeded"),
        (
            "CLOSED =PARTIALLY_SUCCEEDED | move COMPLETED+, move FAILED+, return:2 COMPLETED+",
            "ended PARTIALLY_SUCCEEDED: 1 of 2 work orders succeeded",
        ),
        ("EXECUTED =FAILED | move FAILED+", "ended FAILED: 0 of 1 work order succeeded"),
        ("CLOSED =CANCELLED | move CANCELLED", "ended CANCELLED: it was called off"),
        ("CLOSED =REJECTED | move CANCELLED", "ended REJECTED: it was not taken on"),
    ] {
        check_sentence(situation, 0, expected);
    }
}
