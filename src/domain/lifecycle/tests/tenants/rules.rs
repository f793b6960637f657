//! Rules by which a tenant's orders follow their work orders.

use super::*;

#[test]
fn an_order_taken_up_again_finds_its_work_done() {
    let pausing = order_machine(|it| {
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
fn rules_fire_in_turn_until_none_holds() {
    let halfway = order_machine(|it| {
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
fn rules_rest_while_goods_come_back_to_a_cancelled_order() {
    let halfway = order_machine(|it| {
        it.states.push(state("UNDER_WAY", Phase::Active, None, true));
        it.transitions.push(transition("PROGRESS", &["IN_PROGRESS"], "UNDER_WAY"));
        it.roll_up = vec![rule(Quantifier::Any, Phase::Settled, None, "PROGRESS")];
    });
    check_orders(
        &halfway,
        "IN_PROGRESS | move IN_PROGRESS",
        "cancel",
        &["1 CANCEL IN_PROGRESS>CANCELLED Cancelled", "2 returns 1", "cancellation >Returning"],
    );
}

#[test]
fn rules_do_not_release_an_order() {
    let eager = order_machine(|it| it.roll_up.push(rule(Quantifier::Any, Phase::Settled, None, "START")));
    check_orders(
        &eager,
        "CREATED unreleased | move CREATED, move CREATED",
        "1 CANCEL",
        &["1 CANCEL CREATED>CANCELLED Cancelled"],
    );
}

#[test]
fn rules_about_outcomes_speak_of_forward_work_orders() {
    let proud = order_machine(|it| {
        it.states.push(state("BROKEN", Phase::Settled, None, false));
        it.transitions.push(transition("BREAK", &["IN_PROGRESS"], "BROKEN"));
        it.roll_up = vec![
            rule(Quantifier::Any, Phase::Settled, Some(Outcome::Failed), "BREAK"),
            rule(Quantifier::All, Phase::Settled, Some(Outcome::Succeeded), "EXECUTE"),
        ];
    });
    check_orders(
        &proud,
        "IN_PROGRESS | service COMPLETED+, return:1 IN_PROGRESS",
        "2 FAIL",
        &["2 FAIL IN_PROGRESS>FAILED Failed", "order EXECUTE IN_PROGRESS>EXECUTED Succeeded"],
    );
}

#[test]
fn a_rule_may_follow_a_work_order_that_was_added() {
    let waiting = order_machine(|it| {
        it.states.push(state("TO_BE_BILLED", Phase::Active, None, true));
        it.transitions.push(transition("BILL", &["IN_PROGRESS"], "TO_BE_BILLED"));
        it.transitions.push(transition("REOPEN", &["TO_BE_BILLED"], "IN_PROGRESS"));
        it.roll_up = vec![
            rule(Quantifier::All, Phase::Settled, None, "BILL"),
            rule(Quantifier::Any, Phase::Pending, None, "REOPEN"),
        ];
    });
    check_orders(
        &waiting,
        "TO_BE_BILLED | service COMPLETED+, service CREATED",
        "added",
        &["order REOPEN TO_BE_BILLED>IN_PROGRESS"],
    );
    check_orders(&waiting, "IN_PROGRESS | service COMPLETED+, service CREATED", "added", &[]);
}

#[test]
fn a_rule_may_close_the_books() {
    let tidy = order_machine(|it| it.roll_up.push(rule(Quantifier::All, Phase::Settled, None, "CLOSE")));
    check_orders(
        &tidy,
        "IN_PROGRESS | service COMPLETED+, service IN_PROGRESS",
        "2 FAIL",
        &[
            "2 FAIL IN_PROGRESS>FAILED Failed",
            "order EXECUTE IN_PROGRESS>EXECUTED PartiallySucceeded",
            "order CLOSE EXECUTED>CLOSED PartiallySucceeded",
        ],
    );
}

#[test]
fn two_rules_do_not_chase_each_other() {
    let ring = order_machine(|it| {
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
    let strict = order_machine(|it| {
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
fn an_order_that_no_rule_moves_on_says_so() {
    let proud = order_machine(|it| {
        it.roll_up = vec![rule(Quantifier::All, Phase::Settled, Some(Outcome::Succeeded), "EXECUTE")];
    });
    let situation = "IN_PROGRESS | service FAILED+";
    check_orders(
        &proud,
        situation,
        "order EXECUTE",
        &["EXECUTE blocked in IN_PROGRESS: EXECUTE waits for a roll-up rule of the lifecycle to hold"],
    );
    assert_eq!(
        explain(
            &parse_with(situation, &proud, built_in_work_order_lifecycle()),
            &Plugins::default(),
            |sequence| { sequence.to_string() }
        ),
        "waits for CANCEL: all its work orders are settled, and no rule of its lifecycle moves it on"
    );
}
