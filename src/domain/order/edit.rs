//! What of an order may change later, and what a change comes to.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::{
    attribute::{ChangedAttribute, Merged, Rules},
    lifecycle::Phase,
    problem::{Code, Found, Path, Problem, Problems},
    value::{Contact, Document, Location, NAME_MAX_CHARS, Summary, check_optional_text},
};

/// What to do with an optional field.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Patch<T> {
    /// Leave it as it is.
    #[default]
    Keep,
    /// Make it absent.
    Clear,
    /// Give it this value.
    Set(T),
}

impl<T> Patch<T> {
    /// The value to be set, if there is one.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// The value after the patch, where `present` stood before.
    pub fn apply(self, present: Option<T>) -> Option<T> {
        match self {
            Self::Keep => present,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }
}

/// What somebody wants to change of an order. What it does not name stays: two patches of different fields, or of
/// different attribute keys, do not undo each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OrderPatch {
    /// The client's name.
    pub client_name: Patch<String>,
    /// The tenant's own kind of order.
    pub kind: Patch<String>,
    /// The tenant's own field of business.
    pub domain: Patch<String>,
    /// The batch that it came with.
    pub batch_id: Patch<String>,
    /// Who the order is for; only while it is PENDING.
    pub consignee: Option<Contact>,
    /// The address that it leads to; only while it is PENDING.
    pub destination: Option<Location>,
    /// What the client says of the whole.
    pub summary: Patch<Summary>,
    /// Attributes to set; null removes one.
    pub custom_attributes: Option<Map<String, Value>>,
}

/// What an [`OrderPatch`] can change, as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Current {
    /// The phase of the order's state.
    pub phase: Phase,
    /// The client's name.
    pub client_name: Option<String>,
    /// The tenant's own kind of order.
    pub kind: Option<String>,
    /// The tenant's own field of business.
    pub domain: Option<String>,
    /// The batch that it came with.
    pub batch_id: Option<String>,
    /// Who the order is for.
    pub consignee: Contact,
    /// The address that it leads to.
    pub destination: Location,
    /// What the client says of the whole.
    pub summary: Option<Summary>,
    /// Values of the tenant's attributes.
    pub custom_attributes: Document,
}

/// An order's values after an [`OrderPatch`] that changes something.
#[derive(Clone, Debug, PartialEq)]
pub struct Patched {
    /// The client's name.
    pub client_name: Option<String>,
    /// The tenant's own kind of order.
    pub kind: Option<String>,
    /// The tenant's own field of business.
    pub domain: Option<String>,
    /// The batch that it came with.
    pub batch_id: Option<String>,
    /// Who the order is for.
    pub consignee: Contact,
    /// The address that it leads to.
    pub destination: Location,
    /// What the client says of the whole.
    pub summary: Option<Summary>,
    /// Values of the tenant's attributes.
    pub custom_attributes: Document,
    /// The keys of the attributes that were set to another value or removed, with what they were and are.
    pub changed_attributes: Vec<ChangedAttribute>,
    /// For the history: `{path: {"from": …, "to": …}}`, with the paths of the input, such as `clientName` and
    /// `customAttributes.priority`. Never holds personal data: a new consignee is `***` on both sides.
    pub changes: Value,
}

/// Destination and consignee change only while the order is PENDING.
///
/// A plugin's ENRICH in the initiated phase is made at that time too, whatever phase a tenant's lifecycle gives to its
/// initial state: such a write is [`edit`]ed with [`Phase::Pending`].
pub const fn may_change_contact_data(phase: Phase) -> bool {
    matches!(phase, Phase::Pending)
}

/// What an order comes to by a patch: nothing where the patch changes nothing, because an update that changes nothing
/// adds no version and no event; else the new values. Every problem is named, with its path in the patch's input.
pub fn edit(current: Current, patch: OrderPatch, rules: &Rules) -> Result<Option<Patched>, Problems> {
    let mut found = Found::new();
    check_values(&patch, &mut found);

    let mut record = Record::default();
    let given = patch.custom_attributes;
    let custom_attributes =
        merge_attributes(current.custom_attributes, given, rules, &mut record, &mut found);
    let changed_attributes = std::mem::take(&mut record.attributes);
    let client_name = record.optional("clientName", current.client_name, patch.client_name);
    let kind = record.optional("type", current.kind, patch.kind);
    let domain = record.optional("domain", current.domain, patch.domain);
    let batch_id = record.optional("batchId", current.batch_id, patch.batch_id);
    let summary = record.optional("summary", current.summary, patch.summary);
    let consignee = record.personal("consignee", current.consignee, patch.consignee);
    let destination = record.required("destination", current.destination, patch.destination);

    if !may_change_contact_data(current.phase) {
        for field in ["consignee", "destination"] {
            if record.changes.contains_key(field) {
                let message = "destination and consignee change only while the order is PENDING; cancel it and \
                               create another one instead";
                found.push(Problem::new(Code::Blocked, &Path::root().field(field), message));
            }
        }
    }
    let changes = record.changes;
    found.or((!changes.is_empty()).then_some(Patched {
        client_name,
        kind,
        domain,
        batch_id,
        consignee,
        destination,
        summary,
        custom_attributes,
        changed_attributes,
        changes: Value::Object(changes),
    }))
}

fn check_values(patch: &OrderPatch, found: &mut Found) {
    let at = Path::root();
    for (field, text) in [
        ("clientName", &patch.client_name),
        ("type", &patch.kind),
        ("domain", &patch.domain),
        ("batchId", &patch.batch_id),
    ] {
        check_optional_text(text.value().map(String::as_str), NAME_MAX_CHARS, &at, field, found);
    }
    if let Some(consignee) = &patch.consignee {
        consignee.check(&at.field("consignee"), found);
    }
    if let Some(destination) = &patch.destination {
        destination.check(&at.field("destination"), found);
    }
    if let Some(summary) = patch.summary.value() {
        summary.check(&at.field("summary"), found);
    }
}

/// The attributes after the patch, merged as the tenant's definitions allow.
pub(super) fn merge_attributes(
    present: Document,
    patch: Option<Map<String, Value>>,
    rules: &Rules,
    record: &mut Record,
    found: &mut Found,
) -> Document {
    let Some(patch) = patch else { return present };
    let merged = rules.merge(&present, &patch, &Path::root().field("customAttributes"));
    let Some(Merged { document, changed }) = found.absorb(merged) else { return present };
    for (key, from, to) in &changed {
        record.note(&format!("customAttributes.{key}"), from, to);
    }
    record.attributes = changed;
    document
}

/// What changed so far.
#[derive(Default)]
pub(super) struct Record {
    /// `{path: {from, to}}`.
    pub(super) changes: Map<String, Value>,
    /// The attributes among them, with what they were and are.
    pub(super) attributes: Vec<ChangedAttribute>,
}

impl Record {
    fn note(&mut self, field: &str, from: &Value, to: &Value) {
        self.changes.insert(field.to_owned(), json!({ "from": from, "to": to }));
    }

    pub(super) fn optional<T: Serialize>(
        &mut self,
        field: &str,
        present: Option<T>,
        patch: Patch<T>,
    ) -> Option<T> {
        match patch {
            Patch::Keep => present,
            Patch::Clear => self.required(field, present, Some(None)),
            Patch::Set(value) => self.required(field, present, Some(Some(value))),
        }
    }

    pub(super) fn required<T: Serialize>(&mut self, field: &str, present: T, patch: Option<T>) -> T {
        self.compare(field, present, patch, |value| value)
    }

    /// A change whose values the record must not hold.
    fn personal<T: Serialize>(&mut self, field: &str, present: T, patch: Option<T>) -> T {
        self.compare(field, present, patch, |_| Value::from("***"))
    }

    /// Values are the same if their JSON is: "49.9" and "49.90" are two, though they are equal as numbers.
    pub(super) fn compare<T: Serialize>(
        &mut self,
        field: &str,
        present: T,
        patch: Option<T>,
        show: impl Fn(Value) -> Value,
    ) -> T {
        let Some(next) = patch else { return present };
        let [from, to] = [&present, &next].map(|value| serde_json::to_value(value).unwrap_or_default());
        if from != to {
            self.note(field, &show(from), &show(to));
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        attribute::{Type, fixtures::defined},
        value::{
            Money,
            fixtures::{contact, location, report},
        },
    };

    fn current(phase: Phase) -> Current {
        Current {
            phase,
            client_name: Some("Acme".into()),
            kind: None,
            domain: None,
            batch_id: Some("b1".into()),
            consignee: contact(),
            destination: location(),
            summary: Some(Summary { total_cost: Some(cost("49.90")), ..Summary::default() }),
            custom_attributes: Document::from_text(r#"{"priority":1,"tags":{"a":1,"b":2}}"#).unwrap(),
        }
    }

    fn cost(amount: &str) -> Money {
        Money { amount: amount.parse().unwrap(), currency: "EUR".into() }
    }

    fn attributes(text: &str) -> OrderPatch {
        OrderPatch { custom_attributes: serde_json::from_str(text).unwrap(), ..OrderPatch::default() }
    }

    fn rules() -> Rules {
        defined(&[
            ("priority", Type::Number),
            ("tags", Type::Object),
            ("new", Type::String),
            ("gone", Type::String),
        ])
    }

    /// The changes, as JSON text; `none` where there are none.
    fn changes(phase: Phase, patch: OrderPatch) -> String {
        edit(current(phase), patch, &rules())
            .unwrap()
            .map_or_else(|| "none".to_owned(), |patched| patched.changes.to_string())
    }

    fn problems(phase: Phase, patch: OrderPatch) -> String {
        report(|found| {
            found.absorb(edit(current(phase), patch, &rules()));
        })
    }

    #[test]
    fn an_update_that_changes_nothing_comes_to_nothing() {
        let present = current(Phase::Active);
        for patch in [
            OrderPatch::default(),
            OrderPatch { kind: Patch::Clear, ..OrderPatch::default() },
            attributes(r#"{"priority":1,"gone":null}"#),
            attributes("{}"),
            OrderPatch {
                client_name: Patch::Set("Acme".into()),
                consignee: Some(present.consignee.clone()),
                destination: Some(present.destination.clone()),
                summary: Patch::Set(present.summary.clone().unwrap()),
                ..OrderPatch::default()
            },
        ] {
            assert_eq!(changes(Phase::Active, patch.clone()), "none", "{patch:?}");
        }
    }

    #[test]
    fn changes_hold_from_and_to() {
        let patch = OrderPatch {
            client_name: Patch::Set("Acme Ltd".into()),
            kind: Patch::Set("PARCEL".into()),
            batch_id: Patch::Clear,
            ..OrderPatch::default()
        };
        assert_eq!(
            changes(Phase::Active, patch.clone()),
            r#"{"batchId":{"from":"b1","to":null},"clientName":{"from":"Acme","to":"Acme Ltd"},"type":{"from":null,"to":"PARCEL"}}"#
        );
        let patched = edit(current(Phase::Active), patch, &rules()).unwrap().unwrap();
        assert_eq!(patched.client_name.as_deref(), Some("Acme Ltd"));
        assert_eq!((patched.kind.as_deref(), patched.batch_id), (Some("PARCEL"), None));
        assert_eq!(patched.summary, current(Phase::Active).summary);
        assert_eq!(patched.custom_attributes, current(Phase::Active).custom_attributes);
    }

    #[test]
    fn attributes_are_merged_key_by_key() {
        let patch = attributes(r#"{"priority":null,"tags":{"a":1},"new":"x"}"#);
        assert_eq!(
            changes(Phase::Settled, patch.clone()),
            r#"{"customAttributes.new":{"from":null,"to":"x"},"customAttributes.priority":{"from":1,"to":null},"customAttributes.tags":{"from":{"a":1,"b":2},"to":{"a":1}}}"#
        );
        let patched = edit(current(Phase::Settled), patch, &rules()).unwrap().unwrap();
        assert_eq!(patched.custom_attributes.as_str(), r#"{"new":"x","tags":{"a":1}}"#);
        let changed: Vec<_> = patched.changed_attributes.into_iter().map(|(key, ..)| key).collect();
        assert_eq!(changed, ["new", "priority", "tags"]);
    }

    #[test]
    fn digits_are_a_change() {
        let patch = OrderPatch {
            summary: Patch::Set(Summary { total_cost: Some(cost("49.9")), ..Summary::default() }),
            ..OrderPatch::default()
        };
        assert_eq!(
            changes(Phase::Active, patch),
            r#"{"summary":{"from":{"totalCost":{"amount":"49.90","currency":"EUR"}},"to":{"totalCost":{"amount":"49.9","currency":"EUR"}}}}"#
        );
    }

    #[test]
    fn the_record_of_a_new_consignee_holds_nothing_personal() {
        let consignee = Contact { name: "Grace".into(), ..contact() };
        let patch = OrderPatch { consignee: Some(consignee.clone()), ..OrderPatch::default() };
        assert_eq!(changes(Phase::Pending, patch.clone()), r#"{"consignee":{"from":"***","to":"***"}}"#);
        assert_eq!(edit(current(Phase::Pending), patch, &rules()).unwrap().unwrap().consignee, consignee);
    }

    #[test]
    fn consignee_and_destination_change_only_while_the_order_is_pending() {
        let patch = OrderPatch {
            consignee: Some(Contact { email: Some("ada@example.com".into()), ..contact() }),
            destination: Some(Location { facility_id: Some("hub-1".into()), ..location() }),
            ..OrderPatch::default()
        };
        assert_ne!(changes(Phase::Pending, patch.clone()), "none");
        for phase in [Phase::Active, Phase::Settled] {
            let report = problems(phase, patch.clone());
            assert_eq!(
                report.lines().filter_map(|line| Some(line.split_once(':')?.0)).collect::<Vec<_>>(),
                ["BLOCKED consignee", "BLOCKED destination"]
            );
            assert!(report.contains("only while the order is PENDING"), "{report}");
        }
    }

    #[test]
    fn every_problem_of_a_patch_is_named() {
        let patch = OrderPatch {
            client_name: Patch::Set("x".repeat(256)),
            consignee: Some(Contact { name: String::new(), ..contact() }),
            destination: Some(Location { address: None, ..location() }),
            summary: Patch::Set(Summary { total_items: Some(-1), ..Summary::default() }),
            ..attributes(r#"{"":1}"#)
        };
        let report = problems(Phase::Pending, patch);
        let paths: Vec<&str> = report.lines().filter_map(|line| line.split([' ', ':']).nth(1)).collect();
        assert_eq!(
            paths,
            ["clientName", "consignee.name", "destination", "summary.totalItems", "customAttributes."]
        );
    }
}
