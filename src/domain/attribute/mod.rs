//! Custom attributes: what a tenant may define, what their values may be, and how they change.

mod check;
mod define;
mod encode;
#[cfg(test)]
pub(in crate::domain) mod fixtures;
mod merge;
mod pattern;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde_json::Value;

pub use define::{DefinitionPatch, MAX_DEFINITIONS, MAX_INDEXED, NewDefinition};
pub use encode::{ABSENT, PREFIX_MAX_CHARS, encode, encode_prefix};
pub use merge::{ChangedAttribute, Merged};
pub use pattern::{MAX_PATTERN_BYTES, Pattern};

use super::value::{decimal_of_number, decimal_of_text};

/// What has attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// Orders.
    Order,
    /// Work orders.
    WorkOrder,
}

/// What the values of an attribute are. It never changes: archive the definition and define a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// Texts.
    String,
    /// Decimal numbers, as JSON numbers or, to keep every digit, as strings.
    Number,
    /// True and false.
    Boolean,
    /// Instants in RFC 3339 form.
    DateTime,
    /// JSON objects.
    Object,
    /// JSON arrays.
    Array,
}

/// A value, read as its type says.
#[derive(Clone, Debug, PartialEq)]
pub enum Typed {
    /// A text.
    Text(String),
    /// A number, with its digits.
    Number(Decimal),
    /// True or false.
    Boolean(bool),
    /// An instant, to the microsecond.
    DateTime(DateTime<Utc>),
    /// An object or array.
    Json,
}

impl Type {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "STRING",
            Self::Number => "NUMBER",
            Self::Boolean => "BOOLEAN",
            Self::DateTime => "DATE_TIME",
            Self::Object => "OBJECT",
            Self::Array => "ARRAY",
        }
    }

    /// The value as one of this type; none where it is not.
    pub fn read(self, value: &Value) -> Option<Typed> {
        match (self, value) {
            (Self::String, Value::String(text)) => Some(Typed::Text(text.clone())),
            (Self::Number, Value::Number(number)) => decimal_of_number(number).ok().map(Typed::Number),
            (Self::Number, Value::String(text)) => decimal_of_text(text).ok().map(Typed::Number),
            (Self::Boolean, Value::Bool(flag)) => Some(Typed::Boolean(*flag)),
            (Self::DateTime, Value::String(text)) => instant(text).map(Typed::DateTime),
            (Self::Object, Value::Object(_)) | (Self::Array, Value::Array(_)) => Some(Typed::Json),
            _ => None,
        }
    }

    /// Whether values have an order, so that lists can be filtered and sorted by them.
    pub const fn is_ordered(self) -> bool {
        !matches!(self, Self::Object | Self::Array)
    }

    /// What a value must be, in words.
    const fn expectation(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Number => "a number of at most 28 digits, such as 12.5 or \"12.50\"",
            Self::Boolean => "true or false",
            Self::DateTime => "an instant in RFC 3339 form, such as \"2026-03-01T09:30:00Z\"",
            Self::Object => "a JSON object",
            Self::Array => "a JSON array",
        }
    }
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    let instant = DateTime::parse_from_rfc3339(text).ok()?;
    let instant = DateTime::from_timestamp_micros(instant.timestamp_micros())?;
    // Years of more than four digits cannot be written in this form.
    let written = instant.to_rfc3339_opts(SecondsFormat::Secs, true);
    written.starts_with(|first: char| first.is_ascii_digit()).then_some(instant)
}

/// Both ends belong to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The least number, or the least number of characters of a text.
    pub min: Option<Decimal>,
    /// The greatest.
    pub max: Option<Decimal>,
}

/// The definition of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Its name.
    pub key: String,
    /// What it says, in words.
    pub description: Option<String>,
    /// What its values are.
    pub kind: Type,
    /// Whether lists can be filtered and sorted by it.
    pub indexed: bool,
    /// Whether a new owner must have it.
    pub required: bool,
    /// The value of a new owner that comes without one.
    pub default: Option<Value>,
    /// Numbers: the value; texts: the number of characters.
    pub range: Range,
    /// What must be found in a text.
    pub pattern: Option<Pattern>,
    /// The values that it may have.
    pub one_of: Option<Vec<Value>>,
}

/// The definitions that bind the attributes of one kind of owner.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    living: BTreeMap<String, Arc<Definition>>,
    archived: BTreeSet<String>,
}

impl Rules {
    /// The rules that living definitions make; keys of `archived` ones may only be removed.
    pub fn new(
        living: impl IntoIterator<Item = Arc<Definition>>,
        archived: impl IntoIterator<Item = String>,
    ) -> Self {
        let living = living.into_iter().map(|definition| (definition.key.clone(), definition));
        Self { living: living.collect(), archived: archived.into_iter().collect() }
    }

    /// The patterns that values are held against.
    pub fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.living.values().filter_map(|definition| definition.pattern.as_ref())
    }

    /// The definition in force for a key.
    pub fn get(&self, key: &str) -> Option<&Arc<Definition>> {
        self.living.get(key)
    }
}
