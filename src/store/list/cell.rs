//! Values that rows are compared with.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use sea_orm::Value;
use uuid::Uuid;

/// A value of a column, or of an attribute in the lists' index. Of two kinds neither is less; texts are compared by code
/// point.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cell {
    /// A text, or a member of an enum.
    Text(String),
    /// An id.
    Id(Uuid),
    /// An instant.
    Instant(DateTime<Utc>),
    /// Yes or no.
    Flag(bool),
    /// An attribute's value, encoded.
    Bytes(Vec<u8>),
}

impl PartialOrd for Cell {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.partial_cmp(b),
            (Self::Id(a), Self::Id(b)) => a.partial_cmp(b),
            (Self::Instant(a), Self::Instant(b)) => a.partial_cmp(b),
            (Self::Flag(a), Self::Flag(b)) => a.partial_cmp(b),
            (Self::Bytes(a), Self::Bytes(b)) => a.partial_cmp(b),
            _ => None,
        }
    }
}

impl Cell {
    /// The value of a column of a row; none for null.
    pub(super) fn of(value: Value) -> Option<Self> {
        match value {
            Value::String(text) => text.map(Self::Text),
            Value::Uuid(id) => id.map(Self::Id),
            Value::ChronoDateTimeUtc(instant) => instant.map(Self::Instant),
            Value::Bool(flag) => flag.map(Self::Flag),
            _ => None,
        }
    }
}

impl From<Cell> for Value {
    fn from(cell: Cell) -> Self {
        match cell {
            Cell::Text(text) => text.into(),
            Cell::Id(id) => id.into(),
            Cell::Instant(instant) => instant.into(),
            Cell::Flag(flag) => flag.into(),
            Cell::Bytes(bytes) => bytes.into(),
        }
    }
}
