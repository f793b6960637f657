//! The values that orders are made of, and what makes them sound.
//!
//! Their JSON form (camel case, absent fields left out) is also the form in which stores keep them. Each `check`
//! finds every problem, with its path in the input; this module must not know where a value came from.

mod bounded;
mod contact;
mod container;
mod decimal;
mod document;
#[cfg(test)]
pub(in crate::domain) mod fixtures;
mod location;
mod money;
mod stop;
mod text;

pub use bounded::{BoundedText, Message};
pub use contact::{Contact, Phone};
pub use container::{Container, MAX_CONTAINERS, MAX_QUALITY_CHECKS, QualityCheck, Summary};
pub use decimal::{DECIMAL_MAX_DIGITS, NotDecimal, decimal_of_number, decimal_of_text};
pub use document::{Document, MAX_DEPTH, MAX_DOCUMENT_BYTES};
pub use location::{Address, GeoPoint, Location};
pub use money::{Money, Weight, WeightUnit};
pub use stop::{Delivery, MAX_SERVICE_TIME_SECONDS, Stop, TimeSlot};
pub(in crate::domain) use text::check_count;
pub use text::{DESCRIPTION_MAX_CHARS, NAME_MAX_CHARS, check_optional_text, check_text, echo};
