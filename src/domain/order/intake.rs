//! The rules for an order that comes in.

use super::{
    super::{
        lifecycle::{Direction, WorkOrderType},
        problem::{Found, Path, Problem, Problems},
        value::{
            Container, DESCRIPTION_MAX_CHARS, NAME_MAX_CHARS, QualityCheck, check_count, check_optional_text,
            check_text,
        },
    },
    NewOrder, NewWorkOrder,
};

/// The most work orders that an order may come with.
pub const MAX_WORK_ORDERS: usize = 100;

/// The most characters of an idempotency key.
const IDEMPOTENCY_KEY_MAX_CHARS: usize = 255;

/// Whether an order may come in; every problem is named, with its path in the order's input.
///
/// An order has 1 to 100 work orders. Custom attributes are not looked at: their [`Document`] is within its limits,
/// and the tenant's definitions are another module's.
///
/// [`Document`]: super::super::value::Document
pub fn check(order: &NewOrder) -> Result<(), Problems> {
    let mut found = Found::new();
    check_at(order, &Path::root(), &mut found);
    found.or(())
}

/// As [`check`], for an order whose input stands at `at`.
pub fn check_at(order: &NewOrder, at: &Path, found: &mut Found) {
    check_idempotency_key(order.idempotency_key.as_deref(), at, found);
    check_text(&order.client_id, NAME_MAX_CHARS, at, "clientId", found);
    check_text(&order.client_order_id, NAME_MAX_CHARS, at, "clientOrderId", found);
    for (field, text) in [
        ("clientName", &order.client_name),
        ("type", &order.kind),
        ("domain", &order.domain),
        ("batchId", &order.batch_id),
    ] {
        check_optional_text(text.as_deref(), NAME_MAX_CHARS, at, field, found);
    }
    order.consignee.check(&at.field("consignee"), found);
    order.destination.check(&at.field("destination"), found);
    if let Some(summary) = &order.summary {
        summary.check(&at.field("summary"), found);
    }

    let list = at.field("workOrders");
    if order.work_orders.is_empty() {
        found.push(Problem::required(&list, format!("an order needs 1 to {MAX_WORK_ORDERS} work orders")));
    }
    check_count(order.work_orders.len(), MAX_WORK_ORDERS, at, "workOrders", found);
    for (index, work_order) in order.work_orders.iter().take(MAX_WORK_ORDERS).enumerate() {
        check_work_order(work_order, Direction::Forward, &list.index(index), found);
    }
}

/// Finds what is wrong with a work order whose input stands at `at`.
///
/// `MOVE_CONTAINERS` moves goods from its `pickup` (needed) to the destination; one that leads back may do without,
/// because its original has one. `PHYSICAL_SERVICE` happens at the destination, and `DIGITAL_SERVICE` has no place:
/// neither goes anywhere else.
pub fn check_work_order(work_order: &NewWorkOrder, direction: Direction, at: &Path, found: &mut Found) {
    check_optional_text(work_order.description.as_deref(), DESCRIPTION_MAX_CHARS, at, "description", found);
    check_places(work_order, direction, at, found);
    for (field, stop) in [("pickup", &work_order.pickup), ("return", &work_order.return_to)] {
        if let Some(stop) = stop {
            stop.check(&at.field(field), found);
        }
    }
    if let Some(delivery) = &work_order.delivery {
        delivery.check(&at.field("delivery"), found);
    }
    Container::check_all(&work_order.containers, at, found);
    QualityCheck::check_all(&work_order.pickup_quality_checks, at, found);
    for (field, money) in [
        ("collectOnPickup", &work_order.collect_on_pickup),
        ("collectOnDelivery", &work_order.collect_on_delivery),
    ] {
        if let Some(money) = money {
            money.check(&at.field(field), found);
        }
    }
}

fn check_places(work_order: &NewWorkOrder, direction: Direction, at: &Path, found: &mut Found) {
    let elsewhere = match work_order.kind {
        WorkOrderType::MoveContainers => {
            if work_order.pickup.is_none() && direction == Direction::Forward {
                let message = "MOVE_CONTAINERS needs a pickup: the place where its goods are fetched";
                found.push(Problem::required(&at.field("pickup"), message));
            }
            return;
        }
        WorkOrderType::PhysicalService => "PHYSICAL_SERVICE happens at the order's destination",
        WorkOrderType::DigitalService => "DIGITAL_SERVICE has no place",
    };
    for (field, stop) in [("pickup", &work_order.pickup), ("return", &work_order.return_to)] {
        if stop.is_some() {
            found.push(Problem::invalid(&at.field(field), format!("{elsewhere}: leave {field} out")));
        }
    }
}

/// An idempotency key, where there is one, has 1 to 255 characters.
pub fn check_idempotency_key(key: Option<&str>, at: &Path, found: &mut Found) {
    if key == Some("") {
        let message =
            format!("idempotencyKey must have 1 to {IDEMPOTENCY_KEY_MAX_CHARS} characters, or be left out");
        found.push(Problem::invalid(&at.field("idempotencyKey"), message));
    }
    check_optional_text(key, IDEMPOTENCY_KEY_MAX_CHARS, at, "idempotencyKey", found);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        order::fixtures::{order, work_order},
        value::{
            TimeSlot,
            fixtures::{container, paths, report, stop},
        },
    };

    fn problems(order: &NewOrder) -> String {
        report(|found| {
            found.absorb(check(order));
        })
    }

    #[test]
    fn a_sound_order_comes_in() {
        assert_eq!(problems(&order()), "");
    }

    #[test]
    fn an_order_has_1_to_100_work_orders() {
        for (count, expected) in [
            (0, "REQUIRED workOrders: an order needs 1 to 100 work orders"),
            (1, ""),
            (100, ""),
            (101, "LIMIT_EXCEEDED workOrders: workOrders may have up to 100 members, but this has 101"),
        ] {
            let work_orders = vec![work_order(WorkOrderType::MoveContainers); count];
            assert_eq!(problems(&NewOrder { work_orders, ..order() }), expected);
        }
    }

    #[test]
    fn what_a_work_order_does_says_which_places_it_has() {
        use Direction::{Forward, Return};
        use WorkOrderType::{DigitalService, MoveContainers, PhysicalService};
        for (kind, direction, pickup, return_to, expected) in [
            (MoveContainers, Forward, true, true, ""),
            (MoveContainers, Forward, true, false, ""),
            (MoveContainers, Forward, false, true, "REQUIRED pickup"),
            (MoveContainers, Return, false, true, ""),
            (PhysicalService, Forward, false, false, ""),
            (PhysicalService, Forward, true, false, "INVALID pickup"),
            (DigitalService, Forward, false, false, ""),
            (DigitalService, Forward, true, true, "INVALID pickup INVALID return"),
        ] {
            let work_order = NewWorkOrder {
                pickup: pickup.then(stop),
                return_to: return_to.then(stop),
                ..work_order(kind)
            };
            let report = report(|found| check_work_order(&work_order, direction, &Path::root(), found));
            let heads: Vec<&str> = report.lines().filter_map(|line| Some(line.split_once(':')?.0)).collect();
            assert_eq!(heads.join(" "), expected, "{kind:?} {direction:?}");
        }
    }

    #[test]
    fn an_idempotency_key_has_1_to_255_characters() {
        let full = "k".repeat(255);
        let long = "k".repeat(256);
        for (key, expected) in [
            (None, ""),
            (Some("k"), ""),
            (Some(full.as_str()), ""),
            (Some(""), "idempotencyKey"),
            (Some(long.as_str()), "idempotencyKey"),
        ] {
            assert_eq!(paths(|found| check_idempotency_key(key, &Path::root(), found)), expected);
        }
    }

    #[test]
    fn every_problem_of_an_order_is_named_with_its_path() {
        let mut bad = order();
        bad.client_id = " ".into();
        bad.client_order_id = String::new();
        bad.kind = Some("x".repeat(256));
        bad.consignee.name = String::new();
        bad.destination.address = None;
        bad.summary = Some(crate::domain::value::Summary { total_items: Some(-1), ..Default::default() });
        let mut second = work_order(WorkOrderType::MoveContainers);
        second.containers = vec![container("")];
        second.pickup = Some(crate::domain::value::Stop {
            slot: Some(TimeSlot {
                from: "2026-01-02T00:00:00Z".parse().unwrap(),
                to: "2026-01-01T00:00:00Z".parse().unwrap(),
            }),
            ..stop()
        });
        second.collect_on_delivery =
            Some(crate::domain::value::Money { amount: (-1).into(), currency: "EUR".into() });
        bad.work_orders.push(second);
        assert_eq!(
            paths(|found| check_at(&bad, &Path::root().field("orders").index(7), found))
                .replace("orders.7.", ""),
            "clientId clientOrderId type consignee.name destination summary.totalItems \
             workOrders.1.pickup.slot.to workOrders.1.containers.0.containerId \
             workOrders.1.collectOnDelivery.amount"
        );
    }
}
