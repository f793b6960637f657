//! What of a work order may change later, and what a change comes to.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    super::{
        attribute::{ChangedAttribute, Rules},
        lifecycle::{Direction, Phase},
        problem::{Code, Found, Path, Problem, Problems},
        value::{Container, Delivery, Money, QualityCheck, Stop},
    },
    NewWorkOrder, Patch, check_work_order,
    edit::{Record, merge_attributes},
};

/// What somebody wants to change of a work order. What it does not name stays, as with an order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkOrderPatch {
    /// What it is, in words.
    pub description: Patch<String>,
    /// Where goods are fetched.
    pub pickup: Patch<Stop>,
    /// The work at the order's destination.
    pub delivery: Patch<Delivery>,
    /// Where goods go back to; for a return, where it leads.
    pub return_to: Patch<Stop>,
    /// The goods; clearing leaves none.
    pub containers: Patch<Vec<Container>>,
    /// What to check before goods are taken; clearing leaves none.
    pub pickup_quality_checks: Patch<Vec<QualityCheck>>,
    /// Money to collect at the pickup.
    pub collect_on_pickup: Patch<Money>,
    /// Money to collect at the destination.
    pub collect_on_delivery: Patch<Money>,
    /// Attributes to set; null removes one.
    pub custom_attributes: Option<Map<String, Value>>,
}

/// A work order's values after a [`WorkOrderPatch`] that changes something.
#[derive(Clone, Debug, PartialEq)]
pub struct PatchedWorkOrder {
    /// The values.
    pub values: NewWorkOrder,
    /// The keys of the attributes that were set to another value or removed, with what they were and are.
    pub changed_attributes: Vec<ChangedAttribute>,
    /// For the history: `{path: {"from": …, "to": …}}`, as with an order. The contact of a stop is `***`.
    pub changes: Value,
}

/// Until when a field may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// Until the work begins: it says what happens at the pickup.
    Started,
    /// Until the work order has ended.
    Settled,
}

/// What concerns the pickup is fixed once the work has begun, because it has happened there; the goods and what is to
/// become of them are fixed once it has ended. The description and the attributes may change at any time.
const WINDOWS: [(&str, Until); 7] = [
    ("pickup", Until::Started),
    ("pickupQualityChecks", Until::Started),
    ("collectOnPickup", Until::Started),
    ("containers", Until::Settled),
    ("delivery", Until::Settled),
    ("return", Until::Settled),
    ("collectOnDelivery", Until::Settled),
];

/// What a work order comes to by a patch: nothing where the patch changes nothing, else the new values. Every problem is
/// named, with its path in the patch's input.
///
/// A plugin's ENRICH in the initiated phase is such a write too, with [`Phase::Pending`].
pub fn edit_work_order(
    phase: Phase,
    direction: Direction,
    present: NewWorkOrder,
    patch: WorkOrderPatch,
    rules: &Rules,
) -> Result<Option<PatchedWorkOrder>, Problems> {
    let mut found = Found::new();
    let mut record = Record::default();
    let given = patch.custom_attributes;
    let custom_attributes =
        merge_attributes(present.custom_attributes, given, rules, &mut record, &mut found);
    let changed_attributes = std::mem::take(&mut record.attributes);
    let values = NewWorkOrder {
        kind: present.kind,
        description: record.optional("description", present.description, patch.description),
        pickup: stop(&mut record, "pickup", present.pickup, patch.pickup),
        delivery: record.optional("delivery", present.delivery, patch.delivery),
        return_to: stop(&mut record, "return", present.return_to, patch.return_to),
        containers: list(&mut record, "containers", present.containers, patch.containers),
        pickup_quality_checks: list(
            &mut record,
            "pickupQualityChecks",
            present.pickup_quality_checks,
            patch.pickup_quality_checks,
        ),
        collect_on_pickup: record.optional(
            "collectOnPickup",
            present.collect_on_pickup,
            patch.collect_on_pickup,
        ),
        collect_on_delivery: record.optional(
            "collectOnDelivery",
            present.collect_on_delivery,
            patch.collect_on_delivery,
        ),
        custom_attributes,
    };
    check_windows(phase, &record.changes, &mut found);
    check_work_order(&values, direction, &Path::root(), &mut found);
    if direction == Direction::Return && values.return_to.is_none() {
        let message = "a RETURN needs the place that it leads to; leave return out to keep it";
        found.push(Problem::required(&Path::root().field("return"), message));
    }
    let changes = record.changes;
    found.or((!changes.is_empty()).then_some(PatchedWorkOrder {
        values,
        changed_attributes,
        changes: Value::Object(changes),
    }))
}

fn check_windows(phase: Phase, changes: &Map<String, Value>, found: &mut Found) {
    for (field, until) in WINDOWS {
        let message = match (until, phase) {
            (_, Phase::Pending) | (Until::Settled, Phase::Active) => continue,
            (Until::Started, _) => {
                format!("{field} changes only while the work order is PENDING: its work has begun")
            }
            (Until::Settled, Phase::Settled) => {
                format!("{field} changes only until the work order is SETTLED: its work has ended")
            }
        };
        if changes.contains_key(field) {
            found.push(Problem::new(Code::Blocked, &Path::root().field(field), message));
        }
    }
}

/// A stop, without the personal data of its contact in the record.
fn stop(record: &mut Record, field: &str, present: Option<Stop>, patch: Patch<Stop>) -> Option<Stop> {
    let next = match patch {
        Patch::Keep => return present,
        Patch::Clear => None,
        Patch::Set(stop) => Some(stop),
    };
    record.compare(field, present, Some(next), |mut value| {
        if let Some(contact) = value.get_mut("contact") {
            *contact = Value::from("***");
        }
        value
    })
}

/// A list that is empty where it is absent.
fn list<T: Serialize>(record: &mut Record, field: &str, present: Vec<T>, patch: Patch<Vec<T>>) -> Vec<T> {
    let next = match patch {
        Patch::Keep => None,
        Patch::Clear => Some(Vec::new()),
        Patch::Set(list) => Some(list),
    };
    record.required(field, present, next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        attribute::{Type, fixtures::defined},
        lifecycle::WorkOrderType,
        order::fixtures::work_order,
        value::{
            Contact,
            fixtures::{contact, container, report, stop},
        },
    };

    fn rules() -> Rules {
        defined(&[("a", Type::Number), ("b", Type::Number), ("c", Type::Number)])
    }

    fn money(amount: &str) -> Money {
        Money { amount: amount.parse().unwrap(), currency: "EUR".into() }
    }

    fn edited(phase: Phase, direction: Direction, patch: WorkOrderPatch) -> Result<String, String> {
        let present = NewWorkOrder { return_to: Some(stop()), ..work_order(WorkOrderType::MoveContainers) };
        let mut changes = String::new();
        let problems = report(|found| {
            let patched = found.absorb(edit_work_order(phase, direction, present.clone(), patch, &rules()));
            changes =
                patched.flatten().map_or_else(|| "none".to_owned(), |patched| patched.changes.to_string());
        });
        if problems.is_empty() { Ok(changes) } else { Err(problems) }
    }

    /// A patch that changes each field in turn.
    fn patches() -> [(&'static str, WorkOrderPatch); 9] {
        let none = WorkOrderPatch::default();
        let elsewhere = Stop { instruction: Some("ring twice".into()), ..stop() };
        [
            ("description", WorkOrderPatch { description: Patch::Set("x".into()), ..none.clone() }),
            ("pickup", WorkOrderPatch { pickup: Patch::Set(elsewhere.clone()), ..none.clone() }),
            ("delivery", WorkOrderPatch { delivery: Patch::Set(Delivery::default()), ..none.clone() }),
            ("return", WorkOrderPatch { return_to: Patch::Set(elsewhere), ..none.clone() }),
            ("containers", WorkOrderPatch { containers: Patch::Set(vec![container("c9")]), ..none.clone() }),
            (
                "pickupQualityChecks",
                WorkOrderPatch {
                    pickup_quality_checks: Patch::Set(vec![QualityCheck {
                        code: "SEAL".into(),
                        description: None,
                        required: true,
                    }]),
                    ..none.clone()
                },
            ),
            ("collectOnPickup", WorkOrderPatch { collect_on_pickup: Patch::Set(money("1")), ..none.clone() }),
            (
                "collectOnDelivery",
                WorkOrderPatch { collect_on_delivery: Patch::Set(money("1")), ..none.clone() },
            ),
            (
                "customAttributes",
                WorkOrderPatch { custom_attributes: serde_json::from_str(r#"{"a":1}"#).unwrap(), ..none },
            ),
        ]
    }

    #[test]
    fn each_field_has_its_time() {
        let times = [
            ("description", "yes yes yes"),
            ("pickup", "yes no no"),
            ("delivery", "yes yes no"),
            ("return", "yes yes no"),
            ("containers", "yes yes no"),
            ("pickupQualityChecks", "yes no no"),
            ("collectOnPickup", "yes no no"),
            ("collectOnDelivery", "yes yes no"),
            ("customAttributes", "yes yes yes"),
        ];
        for ((field, patch), (of, expected)) in patches().into_iter().zip(times) {
            assert_eq!(field, of);
            let may = [Phase::Pending, Phase::Active, Phase::Settled].map(|phase| {
                match edited(phase, Direction::Forward, patch.clone()) {
                    Ok(changes) => {
                        assert!(changes.starts_with(&format!("{{\"{field}")), "{changes}");
                        "yes"
                    }
                    Err(problems) => {
                        assert!(problems.starts_with(&format!("BLOCKED {field}: {field} changes only")));
                        "no"
                    }
                }
            });
            assert_eq!(may.join(" "), expected, "{field}");
        }
    }

    #[test]
    fn a_patch_of_what_stands_there_changes_nothing() {
        let present = NewWorkOrder { return_to: Some(stop()), ..work_order(WorkOrderType::MoveContainers) };
        let patch = WorkOrderPatch {
            description: Patch::Clear,
            pickup: Patch::Set(stop()),
            return_to: Patch::Set(stop()),
            containers: Patch::Set(present.containers.clone()),
            pickup_quality_checks: Patch::Clear,
            ..WorkOrderPatch::default()
        };
        assert_eq!(edited(Phase::Settled, Direction::Forward, patch), Ok("none".to_owned()));
    }

    #[test]
    fn what_a_work_order_needs_cannot_be_cleared() {
        let patch = WorkOrderPatch { pickup: Patch::Clear, ..WorkOrderPatch::default() };
        let problems = edited(Phase::Pending, Direction::Forward, patch).unwrap_err();
        assert!(problems.starts_with("REQUIRED pickup: MOVE_CONTAINERS needs a pickup"), "{problems}");
        let patch = WorkOrderPatch { return_to: Patch::Clear, ..WorkOrderPatch::default() };
        let problems = edited(Phase::Pending, Direction::Return, patch.clone()).unwrap_err();
        assert!(problems.starts_with("REQUIRED return: a RETURN needs the place"), "{problems}");
        assert!(edited(Phase::Pending, Direction::Forward, patch).is_ok());
    }

    #[test]
    fn the_record_of_a_stop_holds_nothing_personal() {
        let with = |name: &str| Stop { contact: Some(Contact { name: name.into(), ..contact() }), ..stop() };
        let present = NewWorkOrder { pickup: Some(with("Ada")), ..work_order(WorkOrderType::MoveContainers) };
        let patch = WorkOrderPatch { pickup: Patch::Set(with("Grace")), ..WorkOrderPatch::default() };
        let patched =
            edit_work_order(Phase::Pending, Direction::Forward, present, patch, &rules()).unwrap().unwrap();
        let changes = patched.changes.to_string();
        assert!(changes.contains(r#""contact":"***""#), "{changes}");
        assert!(!changes.contains("Ada") && !changes.contains("Grace"), "{changes}");
        assert_eq!(patched.values.pickup, Some(with("Grace")));
    }
}
