//! States and events that a tenant gave its work orders.

use super::*;

#[test]
fn a_work_order_that_cannot_be_cancelled_saves_all_others() {
    let at_the_door = work_order_machine(|it| {
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
fn pending_work_is_called_off_whatever_its_state_says() {
    let stubborn = work_order_machine(|it| it.states.iter_mut().for_each(|it| it.cancellable = false));
    check_work_orders(
        &stubborn,
        "IN_PROGRESS | service CREATED",
        "cancel",
        &[
            "1 CANCEL CREATED>CANCELLED Cancelled",
            "order CANCEL IN_PROGRESS>CLOSED Cancelled",
            "cancellation >Completed",
        ],
    );
}

#[test]
fn pending_work_is_called_off_where_its_state_has_no_cancel() {
    let careless = work_order_machine(|it| {
        it.states.push(state("ASSIGNED", Phase::Pending, None, true));
        it.transitions.push(transition("ASSIGN", &["CREATED"], "ASSIGNED"));
        it.transitions.push(transition("START", &["ASSIGNED"], "IN_PROGRESS"));
    });
    check_work_orders(
        &careless,
        "IN_PROGRESS sequential | service IN_PROGRESS, service ASSIGNED",
        "1 FAIL",
        &[
            "1 FAIL IN_PROGRESS>FAILED Failed",
            "2 CANCEL ASSIGNED>CANCELLED Cancelled",
            "order EXECUTE IN_PROGRESS>EXECUTED Failed",
        ],
    );
    let situation = parse_with("IN_PROGRESS | service ASSIGNED", built_in_order_lifecycle(), &careless);
    let available: Vec<_> = available_for_work_order(&situation, 1).into_iter().map(|it| it.event).collect();
    assert_eq!(available, ["START", "CANCEL"]);
}

#[test]
fn of_two_transitions_of_one_event_the_first_is_meant() {
    let doubled = work_order_machine(|it| it.transitions.push(transition("START", &["CREATED"], "ON_HOLD")));
    let situation = parse_with("IN_PROGRESS | service CREATED", built_in_order_lifecycle(), &doubled);
    let available: Vec<_> = available_for_work_order(&situation, 1).into_iter().map(|it| it.to).collect();
    assert_eq!(available, ["IN_PROGRESS", "CANCELLED"]);
}

#[test]
fn a_start_by_another_name_is_still_a_start() {
    let picking = work_order_machine(|it| {
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
    let picky = work_order_machine(|it| {
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

#[test]
fn all_or_nothing_meets_late_what_it_could_not_cancel() {
    let committed = work_order_machine(|it| {
        it.states.push(state("COMMITTED", Phase::Active, None, false));
        it.transitions.push(transition("COMPLETE", &["COMMITTED"], "COMPLETED"));
    });
    check_work_orders(
        &committed,
        "IN_PROGRESS together | service IN_PROGRESS, move COMMITTED",
        "1 FAIL",
        &["1 FAIL IN_PROGRESS>FAILED Failed"],
    );
    check_work_orders(
        &committed,
        "IN_PROGRESS together | service FAILED+, move COMMITTED",
        "2 COMPLETE",
        &["2 COMPLETE COMMITTED>COMPLETED Succeeded", "3 returns 2"],
    );
}
