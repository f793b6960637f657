//! Lifecycles that tenants wrote: the built-in ones with more states, events and rules.

use super::*;

fn state(name: &str, phase: Phase, outcome: Option<Outcome>, cancellable: bool) -> State {
    State { name: name.to_owned(), phase, outcome, cancellable }
}

fn transition(event: &str, from: &[&str], to: &str) -> Transition {
    Transition {
        event: event.to_owned(),
        code: None,
        from: from.iter().map(|&it| it.to_owned()).collect(),
        to: to.to_owned(),
        outcome: None,
    }
}

fn rule(quantifier: Quantifier, phase: Phase, outcome: Option<Outcome>, event: &str) -> RollUpRule {
    RollUpRule { quantifier, phase, outcome, event: event.to_owned() }
}

fn orders(change: impl FnOnce(&mut Lifecycle)) -> Lifecycle {
    let mut lifecycle = built_in_order_lifecycle().clone();
    change(&mut lifecycle);
    lifecycle
}

fn work_orders(change: impl FnOnce(&mut Lifecycle)) -> Lifecycle {
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

#[test]
fn a_work_order_that_cannot_be_cancelled_saves_all_others() {
    let at_the_door = work_orders(|it| {
        it.states.push(state("AT_DOOR", Phase::Active, None, false));
        it.transitions.push(transition("ARRIVE", &["IN_PROGRESS"], "AT_DOOR"));
        it.transitions.push(transition("COMPLETE", &["AT_DOOR"], "COMPLETED"));
        it.transitions.push(transition("CANCEL", &["AT_DOOR"], "CANCELLED"));
    });
    check_work_orders(
        &at_the_door,
        "IN_PROGRESS | service CREATED, move AT_DOOR",
        "cancel",
        &["cancellation >Refused WORK_ORDER_NOT_CANCELLABLE"],
    );
    check_work_orders(
        &at_the_door,
        "IN_PROGRESS requested | service CREATED, move AT_DOOR",
        "approved",
        &["cancellation Requested>Refused WORK_ORDER_NOT_CANCELLABLE"],
    );
    check_work_orders(
        &at_the_door,
        "IN_PROGRESS refused | service IN_PROGRESS, move COMPLETED+",
        "cancel",
        &[
            "1 CANCEL IN_PROGRESS>CANCELLED Cancelled",
            "order CANCEL IN_PROGRESS>CLOSED Cancelled",
            "cancellation Refused>Completed",
        ],
    );
}

#[test]
fn an_order_that_cannot_be_cancelled_refuses_without_asking_plugins() {
    let customs = orders(|it| {
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
fn an_order_taken_up_again_finds_its_work_done() {
    let pausing = orders(|it| {
        it.states.push(state("PAUSED", Phase::Active, None, true));
        it.transitions.push(transition("PAUSE", &["IN_PROGRESS"], "PAUSED"));
        it.transitions.push(transition("GO_ON", &["PAUSED"], "IN_PROGRESS"));
    });
    check_orders(
        &pausing,
        "PAUSED | service IN_PROGRESS",
        "1 COMPLETE",
        &["1 COMPLETE IN_PROGRESS>COMPLETED Succeeded"],
    );
    check_orders(
        &pausing,
        "PAUSED | service COMPLETED+",
        "order GO_ON",
        &["order GO_ON PAUSED>IN_PROGRESS", "order EXECUTE IN_PROGRESS>EXECUTED Succeeded"],
    );
}

#[test]
fn start_follows_a_state_between_intake_and_work() {
    let reviewed = orders(|it| {
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
fn an_event_that_settles_the_order_leaves_no_work_at_hand() {
    let abandoning = orders(|it| {
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
fn rules_fire_in_turn_until_none_holds() {
    let halfway = orders(|it| {
        it.states.push(state("UNDER_WAY", Phase::Active, None, true));
        it.transitions.push(transition("PROGRESS", &["IN_PROGRESS"], "UNDER_WAY"));
        it.transitions.push(transition("EXECUTE", &["UNDER_WAY"], "EXECUTED"));
        it.roll_up.insert(0, rule(Quantifier::Any, Phase::Settled, None, "PROGRESS"));
    });
    check_orders(
        &halfway,
        "IN_PROGRESS | service IN_PROGRESS, service IN_PROGRESS",
        "1 COMPLETE",
        &["1 COMPLETE IN_PROGRESS>COMPLETED Succeeded", "order PROGRESS IN_PROGRESS>UNDER_WAY"],
    );
    check_orders(
        &halfway,
        "UNDER_WAY | service COMPLETED+, service IN_PROGRESS",
        "2 COMPLETE",
        &["2 COMPLETE IN_PROGRESS>COMPLETED Succeeded", "order EXECUTE UNDER_WAY>EXECUTED Succeeded"],
    );
    check_orders(
        &halfway,
        "IN_PROGRESS | service IN_PROGRESS",
        "1 COMPLETE",
        &[
            "1 COMPLETE IN_PROGRESS>COMPLETED Succeeded",
            "order PROGRESS IN_PROGRESS>UNDER_WAY",
            "order EXECUTE UNDER_WAY>EXECUTED Succeeded",
        ],
    );
}

#[test]
fn two_rules_do_not_chase_each_other() {
    let ring = orders(|it| {
        it.states.push(state("OTHER", Phase::Active, None, true));
        it.transitions.push(transition("THERE", &["IN_PROGRESS"], "OTHER"));
        it.transitions.push(transition("BACK", &["OTHER"], "IN_PROGRESS"));
        it.roll_up = vec![
            rule(Quantifier::Any, Phase::Active, None, "THERE"),
            rule(Quantifier::Any, Phase::Active, None, "BACK"),
        ];
    });
    check_orders(
        &ring,
        "IN_PROGRESS | move CREATED",
        "1 START",
        &["1 START CREATED>IN_PROGRESS", "order THERE IN_PROGRESS>OTHER"],
    );
}

#[test]
fn one_failure_may_settle_the_order_once_the_goods_are_back() {
    let strict = orders(|it| {
        it.states.push(state("BROKEN", Phase::Settled, Some(Outcome::Failed), false));
        it.transitions.push(transition("BREAK", &["IN_PROGRESS"], "BROKEN"));
        it.roll_up.insert(0, rule(Quantifier::Any, Phase::Settled, Some(Outcome::Failed), "BREAK"));
    });
    check_orders(
        &strict,
        "IN_PROGRESS | service IN_PROGRESS, service IN_PROGRESS, move CREATED",
        "1 FAIL",
        &[
            "1 FAIL IN_PROGRESS>FAILED Failed",
            "2 CANCEL IN_PROGRESS>CANCELLED Cancelled",
            "3 CANCEL CREATED>CANCELLED Cancelled",
            "order BREAK IN_PROGRESS>BROKEN Failed",
        ],
    );
    check_orders(
        &strict,
        "IN_PROGRESS | move IN_PROGRESS",
        "1 FAIL",
        &["1 FAIL IN_PROGRESS>FAILED Failed", "2 returns 1"],
    );
    check_orders(
        &strict,
        "IN_PROGRESS | move FAILED+, return:1 IN_PROGRESS",
        "2 FAIL",
        &["2 FAIL IN_PROGRESS>FAILED Failed", "order BREAK IN_PROGRESS>BROKEN Failed"],
    );
}

#[test]
fn a_start_by_another_name_is_still_a_start() {
    let picking = work_orders(|it| {
        it.transitions.push(transition("PICK", &["CREATED"], "IN_PROGRESS"));
        it.transitions.push(transition("SKIP", &["CREATED"], "COMPLETED"));
    });
    for event in ["PICK", "SKIP"] {
        let expected = format!("{event} blocked in CREATED: the order is CREATED and not active");
        check_work_orders(&picking, "CREATED unreleased | move CREATED", &format!("1 {event}"), &[&expected]);
    }
}

#[test]
fn goods_turned_away_at_the_door_come_back() {
    let picky = work_orders(|it| {
        it.states.push(state("TURNED_AWAY", Phase::Settled, Some(Outcome::Rejected), false));
        it.states.push(state("ARCHIVED", Phase::Settled, None, false));
        it.transitions.push(transition("TURN_AWAY", &["IN_PROGRESS"], "TURNED_AWAY"));
        it.transitions.push(transition("ARCHIVE", &["TURNED_AWAY", "COMPLETED"], "ARCHIVED"));
    });
    check_work_orders(
        &picky,
        "IN_PROGRESS sequential | move IN_PROGRESS, service CREATED",
        "1 TURN_AWAY",
        &[
            "1 TURN_AWAY IN_PROGRESS>TURNED_AWAY Rejected",
            "3 returns 1",
            "2 CANCEL CREATED>CANCELLED Cancelled",
        ],
    );
    check_work_orders(
        &picky,
        "EXECUTED =FAILED | move TURNED_AWAY+",
        "1 ARCHIVE",
        &["1 ARCHIVE TURNED_AWAY>ARCHIVED Rejected"],
    );
}
