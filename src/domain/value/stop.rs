//! Where and when something is picked up, delivered or done.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    super::problem::{Found, Path, Problem},
    Contact, Location,
    text::{DESCRIPTION_MAX_CHARS, check_optional_text},
};

/// The longest time that work at a stop may take: a week.
pub const MAX_SERVICE_TIME_SECONDS: i32 = 7 * 86_400;

/// A place that a work order leads to or from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stop {
    /// Who is there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub contact: Option<Contact>,
    /// Where it is.
    pub location: Location,
    /// When it may be visited.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub slot: Option<TimeSlot>,
    /// How long the work there takes, in seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub service_time_seconds: Option<i32>,
    /// What to know there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub instruction: Option<String>,
}

/// The work at the order's destination; it names no place, because the order does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// When it may be visited.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub slot: Option<TimeSlot>,
    /// When the client was promised it would be done.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub promised_at: Option<DateTime<Utc>>,
    /// How long the work there takes, in seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub service_time_seconds: Option<i32>,
    /// What to know there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub instruction: Option<String>,
}

/// A span of time; `from` lies before `to`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimeSlot {
    /// Its beginning.
    pub from: DateTime<Utc>,
    /// Its end.
    pub to: DateTime<Utc>,
}

impl Stop {
    /// Finds what is wrong with it.
    pub fn check(&self, at: &Path, found: &mut Found) {
        if let Some(contact) = &self.contact {
            contact.check(&at.field("contact"), found);
        }
        self.location.check(&at.field("location"), found);
        check_work(self.slot.as_ref(), self.service_time_seconds, self.instruction.as_deref(), at, found);
    }
}

impl Delivery {
    /// Finds what is wrong with it.
    pub fn check(&self, at: &Path, found: &mut Found) {
        check_work(self.slot.as_ref(), self.service_time_seconds, self.instruction.as_deref(), at, found);
    }
}

impl TimeSlot {
    /// Finds what is wrong with it.
    pub fn check(&self, at: &Path, found: &mut Found) {
        if self.from >= self.to {
            found.push(Problem::invalid(
                &at.field("to"),
                "a slot must end after it begins: to must lie after from",
            ));
        }
    }
}

/// What a stop and a delivery have in common.
fn check_work(
    slot: Option<&TimeSlot>,
    service_time_seconds: Option<i32>,
    instruction: Option<&str>,
    at: &Path,
    found: &mut Found,
) {
    if let Some(slot) = slot {
        slot.check(&at.field("slot"), found);
    }
    if service_time_seconds.is_some_and(|seconds| !(0..=MAX_SERVICE_TIME_SECONDS).contains(&seconds)) {
        found.push(Problem::invalid(
            &at.field("serviceTimeSeconds"),
            format!("serviceTimeSeconds must lie between 0 and {MAX_SERVICE_TIME_SECONDS}, which is a week"),
        ));
    }
    check_optional_text(instruction, DESCRIPTION_MAX_CHARS, at, "instruction", found);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::fixtures::{paths, stop};

    fn slot(from: &str, to: &str) -> TimeSlot {
        TimeSlot { from: from.parse().unwrap(), to: to.parse().unwrap() }
    }

    #[test]
    fn a_slot_ends_after_it_begins() {
        for (from, to, expected) in [
            ("2026-01-01T10:00:00Z", "2026-01-01T10:00:01Z", ""),
            ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z", "slot.to"),
            ("2026-01-01T10:00:00Z", "2026-01-01T10:30:00+01:00", "slot.to"),
        ] {
            let delivery = Delivery { slot: Some(slot(from, to)), ..Delivery::default() };
            assert_eq!(paths(|found| delivery.check(&Path::root(), found)), expected, "{from} {to}");
        }
    }

    #[test]
    fn work_takes_up_to_a_week() {
        for (seconds, expected) in
            [(0, ""), (604_800, ""), (-1, "serviceTimeSeconds"), (604_801, "serviceTimeSeconds")]
        {
            let stop = Stop { service_time_seconds: Some(seconds), ..stop() };
            assert_eq!(paths(|found| stop.check(&Path::root(), found)), expected, "{seconds}");
        }
    }

    #[test]
    fn every_problem_of_a_stop_is_named() {
        let stop = Stop {
            contact: Some(Contact { name: String::new(), phone: None, email: None }),
            location: Location { address: None, facility_id: None, geo: None },
            slot: None,
            service_time_seconds: None,
            instruction: Some("x".repeat(2_001)),
        };
        assert_eq!(
            paths(|found| stop.check(&Path::root().field("pickup"), found)),
            "pickup.contact.name pickup.location pickup.instruction"
        );
    }
}
