//! The values that orders are made of, and what makes them sound.
//!
//! Their JSON form (camel case, absent fields left out) is also the form in which stores keep them.

mod contact;
mod container;
mod document;
mod location;
mod money;
mod stop;
mod text;

pub use contact::{Contact, Phone};
pub use container::{Container, QualityCheck, Summary};
pub use document::{Document, MAX_DEPTH, MAX_DOCUMENT_BYTES};
pub use location::{Address, GeoPoint, Location};
pub use money::{Money, Weight, WeightUnit};
pub use stop::{Delivery, Stop, TimeSlot};
pub use text::{DESCRIPTION_MAX_CHARS, NAME_MAX_CHARS, check_optional_text, check_text};
