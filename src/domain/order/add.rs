//! What work orders a standing order takes on.

use super::{
    super::{
        lifecycle::{CancellationStatus, Direction, Phase, Situation, WorkOrderType, never_starts},
        problem::{Code, Detail, Found, Path, Problem, Problems},
    },
    MAX_WORK_ORDERS, NewWorkOrder, check_work_order,
};

/// A work order for a standing order, as its caller wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct Addition {
    /// Which way it leads.
    pub direction: Direction,
    /// Whether it names the work order whose goods come back.
    pub names_original: bool,
    /// Its values.
    pub work_order: NewWorkOrder,
}

impl Addition {
    /// Finds what is wrong with it whatever the order looks like. The work order stands in the input's field
    /// `workOrder`.
    ///
    /// A RETURN brings goods back, so it moves containers, and it needs to know where to: it leads to its own `return`,
    /// or else to that of its original.
    pub fn check(&self, found: &mut Found) {
        let root = Path::root();
        let at = root.field("workOrder");
        check_work_order(&self.work_order, self.direction, &at, found);
        match self.direction {
            Direction::Forward if self.names_original => {
                let message =
                    "a FORWARD work order brings nothing back: leave returnOf out, or make it a RETURN";
                found.push(Problem::invalid(&root.field("returnOf"), message));
            }
            Direction::Return if self.work_order.kind != WorkOrderType::MoveContainers => {
                let message = "a RETURN brings goods back: its type is MOVE_CONTAINERS";
                found.push(Problem::invalid(&at.field("type"), message));
            }
            Direction::Return if !self.names_original && self.work_order.return_to.is_none() => {
                let message = "a RETURN leads to the return or the pickup of returnOf, or to its own return: give one \
                               of the two";
                found.push(Problem::required(&root.field("returnOf"), message));
            }
            Direction::Forward | Direction::Return => {}
        }
    }
}

/// Whether a standing order takes on a work order in that direction; for a RETURN, `original` is the sequence number of
/// the work order that it names. Every problem is named, with its path in the input.
///
/// An order has up to 100 work orders, and a settled one gets no more. One that is being cancelled takes on returns only,
/// and none gets a work order that could never start, because the flow has ended with a failure.
pub fn check_addition(
    situation: &Situation<'_>,
    direction: Direction,
    original: Option<i32>,
) -> Result<(), Problems> {
    let mut found = Found::new();
    let order = &situation.order;
    let mut blocked = Vec::new();
    let cancelled =
        matches!(order.cancellation, Some(CancellationStatus::Requested | CancellationStatus::Returning));
    if order.phase == Phase::Settled {
        blocked.push(format!("the order is {} and settled", order.status));
    } else if direction == Direction::Forward {
        if cancelled {
            blocked.push("the order is being cancelled".to_owned());
        }
        if let Some(failed) = never_starts(situation) {
            let status = &failed.status;
            blocked.push(format!("it could never start: work order {} is {status}", failed.sequence));
        }
    }
    if !blocked.is_empty() {
        found.push(Problem {
            code: Code::Blocked,
            message: format!("the order takes on no such work order: {}", blocked.join("; ")),
            path: Path::root().field("orderId"),
            detail: Detail::Transition { current_status: order.status.clone(), blocked_by: blocked },
        });
    }
    if situation.work_orders.len() >= MAX_WORK_ORDERS {
        let message = format!("an order has up to {MAX_WORK_ORDERS} work orders, and this one has as many");
        found.push(Problem::new(Code::LimitExceeded, &Path::root().field("orderId"), message));
    }
    if let Some(original) = original.and_then(|sequence| situation.work_order(sequence)) {
        let message = match (original.direction, original.kind) {
            (Direction::Return, _) => {
                Some("returnOf is a RETURN itself: name the work order whose goods it brings back")
            }
            (Direction::Forward, WorkOrderType::MoveContainers) => None,
            (Direction::Forward, WorkOrderType::PhysicalService | WorkOrderType::DigitalService) => {
                Some("returnOf moves no goods: only what MOVE_CONTAINERS took along can come back")
            }
        };
        if let Some(message) = message {
            found.push(Problem::invalid(&Path::root().field("returnOf"), message));
        }
    }
    found.or(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        lifecycle::tests::parse as situation,
        order::fixtures::work_order,
        value::fixtures::{report, stop},
    };

    #[test]
    fn what_it_leads_to_must_be_known() {
        use Direction::{Forward, Return};
        use WorkOrderType::{DigitalService, MoveContainers};
        for (direction, names_original, kind, has_return, expected) in [
            (Forward, false, MoveContainers, false, ""),
            (Forward, true, MoveContainers, false, "INVALID returnOf"),
            (Return, true, MoveContainers, false, ""),
            (Return, false, MoveContainers, true, ""),
            (Return, false, MoveContainers, false, "REQUIRED returnOf"),
            (Return, true, DigitalService, false, "INVALID workOrder.type"),
        ] {
            let work_order = NewWorkOrder { return_to: has_return.then(stop), ..work_order(kind) };
            let report = report(|found| Addition { direction, names_original, work_order }.check(found));
            let heads: Vec<&str> = report.lines().filter_map(|line| Some(line.split_once(':')?.0)).collect();
            assert_eq!(heads.join(" "), expected, "{direction:?} {names_original} {kind:?}");
        }
    }

    #[track_caller]
    fn check(text: &str, direction: Direction, original: Option<i32>, expected: &str) {
        let situation = situation(text);
        let report = report(|found| {
            found.absorb(check_addition(&situation, direction, original));
        });
        assert_eq!(report, expected, "{text} {direction:?} {original:?}");
    }

    #[test]
    fn a_standing_order_takes_on_work() {
        for text in
            ["INITIATED | move CREATED", "CREATED unreleased | move CREATED", "IN_PROGRESS | move FAILED+"]
        {
            for direction in [Direction::Forward, Direction::Return] {
                check(text, direction, None, "");
            }
        }
    }

    #[test]
    fn a_settled_order_does_not() {
        for direction in [Direction::Forward, Direction::Return] {
            check(
                "EXECUTED =SUCCEEDED | move COMPLETED+",
                direction,
                None,
                "BLOCKED orderId: the order takes on no such work order: the order is EXECUTED and settled",
            );
        }
    }

    #[test]
    fn an_order_that_is_being_cancelled_takes_on_returns() {
        let text = "IN_PROGRESS returning | move CANCELLED+, return:1 CREATED";
        let expected = "BLOCKED orderId: the order takes on no such work order: the order is being cancelled";
        check(text, Direction::Forward, None, expected);
        check(text, Direction::Return, Some(1), "");
        check("IN_PROGRESS requested | move CREATED", Direction::Forward, None, expected);
        check("IN_PROGRESS refused | move CREATED", Direction::Forward, None, "");
    }

    #[test]
    fn no_work_order_is_born_that_could_never_start() {
        for flow in ["sequential", "together"] {
            let text = format!("IN_PROGRESS {flow} | move FAILED+, return:1 CREATED");
            let expected = "BLOCKED orderId: the order takes on no such work order: it could never start: work order 1 is FAILED";
            check(&text, Direction::Forward, None, expected);
            check(&text, Direction::Return, Some(1), "");
            check(
                &format!("IN_PROGRESS {flow} | move CANCELLED, move CREATED"),
                Direction::Forward,
                None,
                "",
            );
        }
    }

    #[test]
    fn an_order_has_up_to_100() {
        let of = |count: usize| format!("IN_PROGRESS | {}", vec!["move CREATED"; count].join(", "));
        check(&of(99), Direction::Forward, None, "");
        for direction in [Direction::Forward, Direction::Return] {
            check(
                &of(100),
                direction,
                None,
                "LIMIT_EXCEEDED orderId: an order has up to 100 work orders, and this one has as many",
            );
        }
    }

    #[test]
    fn only_goods_that_were_moved_come_back() {
        let text = "IN_PROGRESS | move CREATED, service CREATED, return:1 CREATED";
        check(text, Direction::Return, Some(1), "");
        check(
            text,
            Direction::Return,
            Some(2),
            "INVALID returnOf: returnOf moves no goods: only what MOVE_CONTAINERS took along can come back",
        );
        check(
            text,
            Direction::Return,
            Some(3),
            "INVALID returnOf: returnOf is a RETURN itself: name the work order whose goods it brings back",
        );
    }
}
