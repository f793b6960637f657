//! Where and when something is picked up, delivered or done.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Contact, Location};

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
