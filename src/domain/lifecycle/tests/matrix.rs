//! Every state against every event of the built-in machines.
//!
//! A cell is the state that the event leads to; `-` where it is not allowed and `!` where it is blocked.

use super::*;

/// As callers fire them.
const ORDER: &str = "
             VALIDATE  REJECT  START  CANCEL  EXECUTE  CLOSE
INITIATED    !         CLOSED  -      CLOSED  -        -
CREATED      -         -       !      CLOSED  -        -
IN_PROGRESS  -         -       -      CLOSED  !        -
EXECUTED     -         -       -      -       -        CLOSED
CLOSED       -         -       -      -       -        -
";

/// In an order that is ACTIVE.
const WORK_ORDER: &str = "
             START        HOLD     RESUME       ATTEMPT_FAILED  COMPLETE   FAIL    CANCEL
CREATED      IN_PROGRESS  -        -            -               -          -       CANCELLED
IN_PROGRESS  -            ON_HOLD  -            IN_PROGRESS     COMPLETED  FAILED  CANCELLED
ON_HOLD      -            -        IN_PROGRESS  -               -          FAILED  CANCELLED
COMPLETED    -            -        -            -               -          -       -
FAILED       -            -        -            -               -          -       -
CANCELLED    -            -        -            -               -          -       -
";

/// In an order that is PENDING, in which nothing can have begun.
const WORK_ORDER_BEFORE: &str = "
             START  HOLD  RESUME  ATTEMPT_FAILED  COMPLETE  FAIL  CANCEL
CREATED      !      -     -       -               -         -     CANCELLED
CANCELLED    -      -     -       -               -         -     -
";

/// State, event and answer of each cell.
fn cells(matrix: &str) -> Vec<(&str, &str, &str)> {
    let mut rows = matrix.lines().filter(|line| !line.is_empty()).map(str::split_whitespace);
    let events: Vec<_> = rows.next().unwrap().collect();
    rows.flat_map(|mut row| {
        let state = row.next().unwrap();
        let answers: Vec<_> = row.collect();
        assert_eq!(answers.len(), events.len(), "{state}");
        events.iter().zip(answers).map(move |(event, answer)| (state, *event, answer)).collect::<Vec<_>>()
    })
    .collect()
}

/// Whether a matrix has every state and every event of a machine.
#[track_caller]
fn check_whole(matrix: &str, lifecycle: &Lifecycle) {
    let named = cells(matrix);
    for state in &lifecycle.states {
        for transition in &lifecycle.transitions {
            let cell =
                |&(name, event, _): &(&str, &str, &str)| name == state.name && event == transition.event;
            assert!(named.iter().any(cell), "{} of {}", transition.event, state.name);
        }
    }
}

/// The answer as a cell: where what the command is about comes to.
fn cell(situation: &Situation<'_>, command: &Command) -> String {
    let changes = match decide(situation, command) {
        Ok(changes) => changes,
        Err(Refusal::NotAllowed { .. }) => return "-".to_owned(),
        Err(Refusal::Blocked { .. }) => return "!".to_owned(),
        Err(Refusal::NoSuchWorkOrder) => panic!("{command:?}"),
    };
    let target = changes.iter().find_map(|change| match (change, command) {
        (Change::OrderMoved { to, .. }, Command::Order { .. })
        | (Change::WorkOrderMoved { to, .. }, Command::WorkOrder { .. }) => Some(to.clone()),
        _ => None,
    });
    target.unwrap()
}

#[test]
fn orders_answer_every_event_in_every_state() {
    check_whole(ORDER, built_in_order_lifecycle());
    for (state, event, expected) in cells(ORDER) {
        let work_order = if matches!(state, "EXECUTED" | "CLOSED") { "COMPLETED+" } else { "CREATED" };
        // Where START does not follow VALIDATE at once, an order rests in CREATED.
        let situation = parse(&format!("{state} unreleased | service {work_order}"));
        let command = Command::Order { event: event.to_owned() };
        assert_eq!(cell(&situation, &command), expected, "{event} in {state}");
    }
}

#[test]
fn work_orders_answer_every_event_in_every_state() {
    check_whole(WORK_ORDER, built_in_work_order_lifecycle());
    let orders =
        [("IN_PROGRESS", WORK_ORDER), ("CREATED", WORK_ORDER_BEFORE), ("INITIATED", WORK_ORDER_BEFORE)];
    for (order, matrix) in orders {
        for (state, event, expected) in cells(matrix) {
            for kind in ["move", "service", "digital", "return:2"] {
                let situation = parse(&format!("{order} | {kind} {state}, service CREATED"));
                let command = Command::WorkOrder { sequence: 1, event: event.to_owned() };
                assert_eq!(cell(&situation, &command), expected, "{event} in {state} of {kind} in {order}");
            }
        }
    }
}

#[test]
fn settled_orders_move_no_work_order() {
    for order in ["EXECUTED =SUCCEEDED", "CLOSED =CANCELLED"] {
        for state in ["COMPLETED", "FAILED", "CANCELLED"] {
            for (_, event, _) in cells(WORK_ORDER).iter().filter(|(name, _, _)| *name == state) {
                let situation = parse(&format!("{order} | service {state}"));
                let command = Command::WorkOrder { sequence: 1, event: (*event).to_owned() };
                assert_eq!(cell(&situation, &command), "-", "{event} in {state} of an order {order}");
            }
        }
    }
}
