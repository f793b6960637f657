//! The request to cancel an order, and the answer.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::super::lifecycle::CancellationStatus;

/// A request to cancel an order, as it is kept with the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cancellation {
    /// Where it stands.
    pub status: CancellationStatus,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// Who asked.
    pub requested_by: String,
    /// Why, as a code.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason_code: Option<String>,
    /// Why, in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
    /// When it was answered for good.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub settled_at: Option<DateTime<Utc>>,
    /// Why it was refused, as a code.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure_reason_code: Option<String>,
}
