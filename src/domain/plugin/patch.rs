//! A plugin's patch (ENRICH): a JSON Merge Patch (RFC 7396) over the fields that `orderUpdate` and `workOrderUpdate` take.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::super::{
    order::{Current, NewWorkOrder, OrderPatch, Patch, WorkOrderPatch},
    problem::{Found, Path, Problem},
};

/// Where in a patch of an order those of its work orders stand.
pub const WORK_ORDERS: &str = "workOrders";

/// What a plugin wants to change of an order that stands as `current`. What is wrong is pushed, with its path below `at`.
pub fn read_order_patch(
    patch: &Map<String, Value>,
    current: &Current,
    at: &Path,
    found: &mut Found,
) -> OrderPatch {
    let mut read = OrderPatch::default();
    for (field, value) in patch {
        let at = at.field(field);
        match field.as_str() {
            "clientName" => read.client_name = text(value, &at, found),
            "type" => read.kind = text(value, &at, found),
            "domain" => read.domain = text(value, &at, found),
            "batchId" => read.batch_id = text(value, &at, found),
            "consignee" => read.consignee = needed(&current.consignee, value, &at, found),
            "destination" => read.destination = needed(&current.destination, value, &at, found),
            "summary" => read.summary = merged(current.summary.as_ref(), value, &at, found),
            "customAttributes" => read.custom_attributes = object(value, &at, found),
            WORK_ORDERS => {}
            _ => found.push(unknown(&at)),
        }
    }
    read
}

/// The same of a work order.
pub fn read_work_order_patch(
    patch: &Map<String, Value>,
    current: &NewWorkOrder,
    at: &Path,
    found: &mut Found,
) -> WorkOrderPatch {
    let mut read = WorkOrderPatch::default();
    for (field, value) in patch {
        let at = at.field(field);
        match field.as_str() {
            "description" => read.description = text(value, &at, found),
            "pickup" => read.pickup = merged(current.pickup.as_ref(), value, &at, found),
            "delivery" => read.delivery = merged(current.delivery.as_ref(), value, &at, found),
            "return" => read.return_to = merged(current.return_to.as_ref(), value, &at, found),
            "containers" => read.containers = merged(None, value, &at, found),
            "pickupQualityChecks" => read.pickup_quality_checks = merged(None, value, &at, found),
            "collectOnPickup" => {
                read.collect_on_pickup = merged(current.collect_on_pickup.as_ref(), value, &at, found);
            }
            "collectOnDelivery" => {
                read.collect_on_delivery = merged(current.collect_on_delivery.as_ref(), value, &at, found);
            }
            "customAttributes" => read.custom_attributes = object(value, &at, found),
            _ => found.push(unknown(&at)),
        }
    }
    read
}

/// The place of a NUL character in a patch, in a key or in a value: no store keeps one.
pub fn find_nul(patch: &Map<String, Value>, at: &Path) -> Option<Path> {
    let inside_out = nul_in_members(patch)?;
    Some(inside_out.iter().rev().fold(at.clone(), |at, segment| at.field(segment)))
}

/// The segments that lead to it, innermost first. Made only once it was found: keys may be long.
fn nul_in(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => text.contains('\0').then(Vec::new),
        Value::Array(values) => {
            let found = values.iter().enumerate().find_map(|(index, value)| Some((index, nul_in(value)?)));
            found.map(|(index, path)| below(&index.to_string(), path))
        }
        Value::Object(members) => nul_in_members(members),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn nul_in_members(members: &Map<String, Value>) -> Option<Vec<String>> {
    members.iter().find_map(|(key, value)| {
        let path = if key.contains('\0') { Some(Vec::new()) } else { nul_in(value) };
        path.map(|path| below(key, path))
    })
}

fn below(segment: &str, mut path: Vec<String>) -> Vec<String> {
    path.push(segment.to_owned());
    path
}

/// The patch as it may be kept and shown: what it says of people is left out.
pub fn without_contacts(patch: &Map<String, Value>) -> Value {
    let blot = |(field, value): (&String, &Value)| {
        let value = match value {
            Value::Null => Value::Null,
            _ if matches!(field.as_str(), "consignee" | "contact") => Value::from("***"),
            Value::Object(object) if field != "customAttributes" => without_contacts(object),
            other => other.clone(),
        };
        (field.clone(), value)
    };
    Value::Object(patch.iter().map(blot).collect())
}

fn text(value: &Value, at: &Path, found: &mut Found) -> Patch<String> {
    match value {
        Value::Null => Patch::Clear,
        Value::String(text) => Patch::Set(text.clone()),
        _ => {
            found.push(Problem::invalid(at, "it must be a string or null"));
            Patch::Keep
        }
    }
}

fn object(value: &Value, at: &Path, found: &mut Found) -> Option<Map<String, Value>> {
    let object = value.as_object().cloned();
    if object.is_none() {
        found.push(Problem::invalid(at, "it must be an object"));
    }
    object
}

fn needed<T: Serialize + DeserializeOwned>(
    present: &T,
    value: &Value,
    at: &Path,
    found: &mut Found,
) -> Option<T> {
    match merged(Some(present), value, at, found) {
        Patch::Set(value) => Some(value),
        Patch::Keep => None,
        Patch::Clear => {
            found.push(Problem::required(at, "an order cannot be without it"));
            None
        }
    }
}

/// The value after the patch. No message says what stands in it: it may be about people.
fn merged<T: Serialize + DeserializeOwned>(
    present: Option<&T>,
    value: &Value,
    at: &Path,
    found: &mut Found,
) -> Patch<T> {
    if value.is_null() {
        return Patch::Clear;
    }
    let mut next = present.and_then(|present| serde_json::to_value(present).ok()).unwrap_or_default();
    merge(&mut next, value);
    if let Ok(next) = serde_json::from_value::<T>(next) {
        let known = serde_json::to_value(&next).unwrap_or_default();
        find_unknown(value, &known, at, found);
        Patch::Set(next)
    } else {
        found
            .push(Problem::invalid(at, "a field is missing there, or is not of the type that the API takes"));
        Patch::Keep
    }
}

/// RFC 7396: objects are merged member by member, null removes one, anything else is replaced.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (field, value) in patch {
        if value.is_null() {
            target.remove(field);
        } else {
            merge(target.entry(field.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Names the members of a patch that came to nothing because there is no such field.
fn find_unknown(patch: &Value, known: &Value, at: &Path, found: &mut Found) {
    match (patch, known) {
        (Value::Object(patch), Value::Object(known)) => {
            for (field, value) in patch.iter().filter(|(_, value)| !value.is_null()) {
                match known.get(field) {
                    Some(known) => find_unknown(value, known, &at.field(field), found),
                    None => found.push(unknown(&at.field(field))),
                }
            }
        }
        (Value::Array(patch), Value::Array(known)) => {
            for (index, (value, known)) in patch.iter().zip(known).enumerate() {
                find_unknown(value, known, &at.index(index), found);
            }
        }
        _ => {}
    }
}

fn unknown(at: &Path) -> Problem {
    Problem::invalid(
        at,
        "a plugin cannot set this: there is no such field, or it is not one that an update may change",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::{
        lifecycle::Phase,
        value::{
            Document,
            fixtures::{contact, location, report},
        },
    };

    fn current() -> Current {
        Current {
            phase: Phase::Pending,
            client_name: Some("Acme".into()),
            kind: None,
            domain: None,
            batch_id: None,
            consignee: contact(),
            destination: location(),
            summary: None,
            custom_attributes: Document::from_text("{}").unwrap(),
        }
    }

    fn read(patch: &Value) -> (OrderPatch, String) {
        let mut read = OrderPatch::default();
        let problems = report(|found| {
            read =
                read_order_patch(patch.as_object().unwrap(), &current(), &Path::root().field("patch"), found);
        });
        (read, problems)
    }

    #[test]
    fn merging_is_that_of_the_standard() {
        for (target, patch, expected) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let mut merged = target.clone();
            merge(&mut merged, &patch);
            assert_eq!(merged, expected, "{target} {patch}");
        }
    }

    #[test]
    fn fields_are_read_and_merged_with_what_stands_there() {
        let (patch, problems) = read(&json!({
            "clientName": null, "type": "PARCEL", "destination": {"address": {"city": "Bonn"}},
            "customAttributes": {"tier": "gold"}, "workOrders": {},
        }));
        assert_eq!(problems, "");
        let mut destination = location();
        destination.address.as_mut().unwrap().city = "Bonn".into();
        assert_eq!((patch.client_name, patch.kind), (Patch::Clear, Patch::Set("PARCEL".into())));
        assert_eq!((patch.destination, patch.consignee), (Some(destination), None));
        assert_eq!(patch.custom_attributes, json!({"tier": "gold"}).as_object().cloned());
    }

    #[test]
    fn what_cannot_be_set_is_named_with_its_path() {
        for (patch, path) in [
            (json!({"clientId": "x"}), "patch.clientId"),
            (json!({"status": "CLOSED"}), "patch.status"),
            (json!({"clientName": 7}), "patch.clientName"),
            (json!({"consignee": null}), "patch.consignee"),
            (json!({"consignee": {"phone": {"number": 7}}}), "patch.consignee"),
            (json!({"destination": {"address": {"town": "Bonn"}}}), "patch.destination.address.town"),
            (json!({"destination": "Bonn"}), "patch.destination"),
            (json!({"customAttributes": []}), "patch.customAttributes"),
        ] {
            let (_, problems) = read(&patch);
            let paths: Vec<_> = problems.lines().filter_map(|line| line.split([' ', ':']).nth(1)).collect();
            assert_eq!(paths, [path], "{patch} {problems}");
        }
    }

    #[test]
    fn nul_is_found_in_keys_and_values_wherever_they_stand() {
        let at = Path::root().field("patch");
        for (patch, expected) in [
            (json!({"clientName": "Acme", "customAttributes": {"a": [1, {"b": "\\0"}]}}), None),
            (json!({"a\0b": 1}), Some("patch.a\0b")),
            (json!({"clientName": "\0"}), Some("patch.clientName")),
            (
                json!({"customAttributes": {"a": [1, {"b": ["x", "\0"]}]}}),
                Some("patch.customAttributes.a.1.b.1"),
            ),
            (
                json!({"workOrders": {"wo_1": {"customAttributes": {"k": {"\0": 1}}}}}),
                Some("patch.workOrders.wo_1.customAttributes.k.\0"),
            ),
        ] {
            let found = find_nul(patch.as_object().unwrap(), &at).map(|path| path.to_string());
            assert_eq!(found.as_deref(), expected, "{patch}");
        }
    }

    #[test]
    fn a_patch_is_kept_without_what_it_says_of_people() {
        let patch = json!({
            "consignee": {"name": "Ada"}, "clientName": "Acme", "customAttributes": {"contact": "x"},
            "workOrders": {"wo_1": {"pickup": {"contact": {"name": "Bob"}, "instructions": "ring"}}},
        });
        assert_eq!(
            without_contacts(patch.as_object().unwrap()),
            json!({
                "consignee": "***", "clientName": "Acme", "customAttributes": {"contact": "x"},
                "workOrders": {"wo_1": {"pickup": {"contact": "***", "instructions": "ring"}}},
            })
        );
    }
}
