//! The domain's values as clients see them.

use async_graphql::SimpleObject;

use super::{
    super::{
        contact::Shown,
        scalar::{DateTime, Decimal, Json},
    },
    WeightUnit,
};
use crate::domain::value;

/// A person or a desk that can be reached. Name, phone and email are masked without the scope `pii:read`.
#[derive(Clone, Debug, SimpleObject)]
pub struct Contact {
    /// Their name.
    name: String,
    /// Their phone.
    phone: Option<Phone>,
    /// Their email address.
    email: Option<String>,
}

/// A phone number in two parts, as E.164 has it.
#[derive(Clone, Debug, SimpleObject)]
pub struct Phone {
    /// The country calling code, such as +49, as it was given: with or without the plus sign.
    country_code: String,
    /// The number within the country, digits only.
    number: String,
    /// Whether it takes text messages, if known.
    is_mobile: Option<bool>,
}

/// A place: an address, a facility that the tenant knows by its id, or both.
#[derive(Clone, Debug, SimpleObject)]
pub struct Location {
    /// Its postal address.
    pub address: Option<Address>,
    /// The tenant's own id of the facility.
    pub facility_id: Option<String>,
    /// Its point on the map.
    pub geo: Option<GeoPoint>,
}

/// A postal address.
#[derive(Clone, Debug, SimpleObject)]
pub struct Address {
    /// Street and number.
    pub line1: String,
    /// Floor, building and the like.
    pub line2: Option<String>,
    /// The town.
    pub city: String,
    /// State, province or region.
    pub state: Option<String>,
    /// The postal code, in the country's own form.
    pub postal_code: Option<String>,
    /// The country, as ISO 3166-1 alpha-2.
    pub country: String,
}

/// A point on the map, in degrees of WGS 84.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct GeoPoint {
    /// From -90 (south) to 90.
    pub latitude: f64,
    /// From -180 (west) to 180.
    pub longitude: f64,
}

/// Where and when something is picked up, delivered, returned or done.
#[derive(Clone, Debug, SimpleObject)]
pub struct Stop {
    /// Who is there.
    pub contact: Option<Contact>,
    /// Where it is.
    pub location: Option<Location>,
    /// When it may be visited.
    pub slot: Option<TimeSlot>,
    /// When the client was promised it would be done; deliveries only.
    pub promised_at: Option<DateTime>,
    /// How long the work there takes, in seconds.
    pub service_time_seconds: Option<i32>,
    /// What to know there.
    pub instruction: Option<String>,
}

/// A span of time.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct TimeSlot {
    /// Its beginning.
    pub from: DateTime,
    /// Its end, after its beginning.
    pub to: DateTime,
}

/// An amount of money.
#[derive(Clone, Debug, SimpleObject)]
pub struct Money {
    /// How much.
    pub amount: Decimal,
    /// The currency, as ISO 4217.
    pub currency: String,
}

/// A weight.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct Weight {
    /// How much.
    pub value: Decimal,
    /// Of what.
    pub unit: WeightUnit,
}

/// What the client says of an order as a whole.
#[derive(Clone, Debug, SimpleObject)]
pub struct OrderSummary {
    /// The client's invoice.
    pub invoice_number: Option<String>,
    /// What it is about, in words.
    pub description: Option<String>,
    /// How many pieces.
    pub total_items: Option<i32>,
    /// How heavy.
    pub total_weight: Option<Weight>,
    /// How dear.
    pub total_cost: Option<Money>,
}

/// A parcel, a pallet or whatever else is moved as one.
#[expect(clippy::struct_field_names, reason = "the names are those of the contract")]
#[derive(Clone, Debug, SimpleObject)]
pub struct Container {
    /// The client's own id of it.
    pub container_id: String,
    /// The tenant's own kind of container, such as BOX.
    #[graphql(name = "type")]
    pub kind: Option<String>,
    /// What it is, in words.
    pub description: Option<String>,
    /// How heavy it is.
    pub weight: Option<Weight>,
    /// Anything else, as a JSON object.
    pub attributes: Option<Json>,
}

/// Something to check before goods are taken.
#[derive(Clone, Debug, SimpleObject)]
pub struct QualityCheck {
    /// The tenant's own code of it.
    pub code: String,
    /// What to do, in words.
    pub description: Option<String>,
    /// Whether goods that do not pass it stay.
    pub required: bool,
}

impl Stop {
    /// The delivery of a work order: it has no place of its own, so `location` is the order's destination, or for a
    /// RETURN the place that the goods go back to.
    pub fn of_delivery(
        delivery: Option<value::Delivery>,
        contact: Option<Shown>,
        location: Option<value::Location>,
    ) -> Self {
        let value::Delivery { slot, promised_at, service_time_seconds, instruction } =
            delivery.unwrap_or_default();
        Self {
            contact: contact.map(Into::into),
            location: location.map(Into::into),
            slot: slot.map(Into::into),
            promised_at: promised_at.map(Into::into),
            service_time_seconds,
            instruction,
        }
    }
}

impl Stop {
    /// The stop of a RETURN, where something was said of its delivery: that goes before what the place says.
    #[must_use]
    pub fn promising(self, delivery: Option<value::Delivery>) -> Self {
        let value::Delivery { slot, promised_at, service_time_seconds, instruction } =
            delivery.unwrap_or_default();
        Self {
            slot: slot.map(Into::into).or(self.slot),
            promised_at: promised_at.map(Into::into),
            service_time_seconds: service_time_seconds.or(self.service_time_seconds),
            instruction: instruction.or(self.instruction),
            ..self
        }
    }
}

impl From<Shown> for Contact {
    fn from(contact: Shown) -> Self {
        let value::Contact { name, phone, email } = contact.into_inner();
        let phone = phone.map(|value::Phone { country_code, number, is_mobile }| Phone {
            country_code,
            number,
            is_mobile,
        });
        Self { name, phone, email }
    }
}

impl From<value::Location> for Location {
    fn from(location: value::Location) -> Self {
        let value::Location { address, facility_id, geo } = location;
        Self { address: address.map(Into::into), facility_id, geo: geo.map(Into::into) }
    }
}

impl From<value::Address> for Address {
    fn from(address: value::Address) -> Self {
        let value::Address { line1, line2, city, state, postal_code, country } = address;
        Self { line1, line2, city, state, postal_code, country }
    }
}

impl From<value::GeoPoint> for GeoPoint {
    fn from(value::GeoPoint { latitude, longitude }: value::GeoPoint) -> Self {
        Self { latitude, longitude }
    }
}

impl Stop {
    /// A stop with its own place. Who is there comes apart, as it may be shown.
    pub fn of_place(stop: value::Stop, contact: Option<Shown>) -> Self {
        let value::Stop { contact: _, location, slot, service_time_seconds, instruction } = stop;
        Self {
            contact: contact.map(Into::into),
            location: Some(location.into()),
            slot: slot.map(Into::into),
            promised_at: None,
            service_time_seconds,
            instruction,
        }
    }
}

impl From<value::TimeSlot> for TimeSlot {
    fn from(value::TimeSlot { from, to }: value::TimeSlot) -> Self {
        Self { from: from.into(), to: to.into() }
    }
}

impl From<value::Money> for Money {
    fn from(value::Money { amount, currency }: value::Money) -> Self {
        Self { amount: amount.into(), currency }
    }
}

impl From<value::Weight> for Weight {
    fn from(value::Weight { value, unit }: value::Weight) -> Self {
        Self { value: value.into(), unit: unit.into() }
    }
}

impl From<value::Summary> for OrderSummary {
    fn from(summary: value::Summary) -> Self {
        let value::Summary { invoice_number, description, total_items, total_weight, total_cost } = summary;
        Self {
            invoice_number,
            description,
            total_items,
            total_weight: total_weight.map(Into::into),
            total_cost: total_cost.map(Into::into),
        }
    }
}

impl From<value::Container> for Container {
    fn from(container: value::Container) -> Self {
        let value::Container { container_id, kind, description, weight, attributes } = container;
        Self {
            container_id,
            kind,
            description,
            weight: weight.map(Into::into),
            attributes: attributes.as_ref().map(Into::into),
        }
    }
}

impl From<value::QualityCheck> for QualityCheck {
    fn from(check: value::QualityCheck) -> Self {
        let value::QualityCheck { code, description, required } = check;
        Self { code, description, required }
    }
}
