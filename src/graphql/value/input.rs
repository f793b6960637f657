//! Values as callers write them, and how they become the domain's.

use async_graphql::InputObject;

use super::{
    super::scalar::{DateTime, Decimal, Json},
    WeightUnit,
};
use crate::domain::{
    problem::{Found, Path},
    value,
};

/// A person or a desk that can be reached.
#[derive(Clone, Debug, InputObject)]
pub struct ContactInput {
    /// Their name, of up to 255 characters.
    pub name: String,
    /// Their phone.
    pub phone: Option<PhoneInput>,
    /// Their email address, of up to 254 characters.
    pub email: Option<String>,
}

/// A phone number in two parts, as E.164 has it: together at most 15 digits.
#[derive(Clone, Debug, InputObject)]
pub struct PhoneInput {
    /// The country calling code: 1 to 3 digits, with or without a plus sign, such as +49.
    pub country_code: String,
    /// The number within the country: 4 to 14 digits without spaces.
    pub number: String,
    /// Whether it takes text messages, if known.
    pub is_mobile: Option<bool>,
}

/// A place. It needs an address or a facilityId.
#[derive(Clone, Debug, InputObject)]
pub struct LocationInput {
    /// Its postal address.
    pub address: Option<AddressInput>,
    /// The tenant's own id of the facility, of up to 255 characters.
    pub facility_id: Option<String>,
    /// Its point on the map.
    pub geo: Option<GeoPointInput>,
}

/// A postal address. A line has up to 255 characters.
#[derive(Clone, Debug, InputObject)]
pub struct AddressInput {
    /// Street and number.
    pub line1: String,
    /// Floor, building and the like.
    pub line2: Option<String>,
    /// The town.
    pub city: String,
    /// State, province or region.
    pub state: Option<String>,
    /// The postal code, in the country's own form, of up to 32 characters.
    pub postal_code: Option<String>,
    /// The country, as ISO 3166-1 alpha-2 in upper case, such as DE.
    pub country: String,
}

/// A point on the map, in degrees of WGS 84.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct GeoPointInput {
    /// From -90 (south) to 90.
    pub latitude: f64,
    /// From -180 (west) to 180.
    pub longitude: f64,
}

/// Where and when something is picked up or returned.
#[derive(Clone, Debug, InputObject)]
pub struct StopInput {
    /// Who is there.
    pub contact: Option<ContactInput>,
    /// Where it is.
    pub location: LocationInput,
    /// When it may be visited.
    pub slot: Option<TimeSlotInput>,
    /// How long the work there takes, in seconds: up to 604800, which is a week.
    pub service_time_seconds: Option<i32>,
    /// What to know there, of up to 2,000 characters.
    pub instruction: Option<String>,
}

/// The work at the order's destination. It names no place, because the order does.
#[derive(Clone, Debug, InputObject)]
pub struct DeliveryInput {
    /// When it may be visited.
    pub slot: Option<TimeSlotInput>,
    /// When the client was promised it would be done.
    pub promised_at: Option<DateTime>,
    /// How long the work there takes, in seconds: up to 604800, which is a week.
    pub service_time_seconds: Option<i32>,
    /// What to know there, of up to 2,000 characters.
    pub instruction: Option<String>,
}

/// A span of time.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct TimeSlotInput {
    /// Its beginning.
    pub from: DateTime,
    /// Its end, after its beginning.
    pub to: DateTime,
}

/// An amount of money.
#[derive(Clone, Debug, InputObject)]
pub struct MoneyInput {
    /// How much: 0 or more.
    pub amount: Decimal,
    /// The currency, as ISO 4217 in upper case, such as EUR.
    pub currency: String,
}

/// A weight.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct WeightInput {
    /// How much: 0 or more.
    pub value: Decimal,
    /// Of what.
    pub unit: WeightUnit,
}

/// What the client says of an order as a whole.
#[derive(Clone, Debug, InputObject)]
pub struct OrderSummaryInput {
    /// The client's invoice, of up to 255 characters.
    pub invoice_number: Option<String>,
    /// What it is about, in up to 2,000 characters.
    pub description: Option<String>,
    /// How many pieces: 0 or more.
    pub total_items: Option<i32>,
    /// How heavy.
    pub total_weight: Option<WeightInput>,
    /// How dear.
    pub total_cost: Option<MoneyInput>,
}

/// A parcel, a pallet or whatever else is moved as one.
#[derive(Clone, Debug, InputObject)]
pub struct ContainerInput {
    /// The client's own id of it, of up to 255 characters.
    pub container_id: String,
    /// The tenant's own kind of container, such as BOX.
    #[graphql(name = "type")]
    pub kind: Option<String>,
    /// What it is, in up to 2,000 characters.
    pub description: Option<String>,
    /// How heavy it is.
    pub weight: Option<WeightInput>,
    /// Anything else, as a JSON object of up to 32 KiB and depth 8.
    pub attributes: Option<Json>,
}

/// Something to check before goods are taken.
#[derive(Clone, Debug, InputObject)]
pub struct QualityCheckInput {
    /// The tenant's own code of it, of up to 255 characters.
    pub code: String,
    /// What to do, in up to 2,000 characters.
    pub description: Option<String>,
    /// Whether goods that do not pass it stay.
    #[graphql(default_with = "Some(true)")]
    pub required: Option<bool>,
}

impl ContainerInput {
    /// The domain's container; what is wrong with its attributes goes to `found`.
    pub fn into_domain(self, at: &Path, found: &mut Found) -> value::Container {
        let Self { container_id, kind, description, weight, attributes } = self;
        // Null is what a client writes for nothing.
        let attributes = attributes.map(Json::into_value).filter(|value| !value.is_null());
        value::Container {
            container_id,
            kind,
            description,
            weight: weight.map(Into::into),
            attributes: attributes
                .and_then(|value| found.absorb(value::Document::from_value(&value, &at.field("attributes")))),
        }
    }

    /// The domain's containers for a list that is the field `containers` of what stands at `at`.
    pub fn into_domain_list(list: Vec<Self>, at: &Path, found: &mut Found) -> Vec<value::Container> {
        let at = at.field("containers");
        list.into_iter()
            .enumerate()
            .map(|(index, container)| container.into_domain(&at.index(index), found))
            .collect()
    }
}

impl From<ContactInput> for value::Contact {
    fn from(ContactInput { name, phone, email }: ContactInput) -> Self {
        Self { name, phone: phone.map(Into::into), email }
    }
}

impl From<PhoneInput> for value::Phone {
    fn from(PhoneInput { country_code, number, is_mobile }: PhoneInput) -> Self {
        Self { country_code, number, is_mobile }
    }
}

impl From<LocationInput> for value::Location {
    fn from(LocationInput { address, facility_id, geo }: LocationInput) -> Self {
        Self { address: address.map(Into::into), facility_id, geo: geo.map(Into::into) }
    }
}

impl From<AddressInput> for value::Address {
    fn from(address: AddressInput) -> Self {
        let AddressInput { line1, line2, city, state, postal_code, country } = address;
        Self { line1, line2, city, state, postal_code, country }
    }
}

impl From<GeoPointInput> for value::GeoPoint {
    fn from(GeoPointInput { latitude, longitude }: GeoPointInput) -> Self {
        Self { latitude, longitude }
    }
}

impl From<StopInput> for value::Stop {
    fn from(stop: StopInput) -> Self {
        let StopInput { contact, location, slot, service_time_seconds, instruction } = stop;
        Self {
            contact: contact.map(Into::into),
            location: location.into(),
            slot: slot.map(Into::into),
            service_time_seconds,
            instruction,
        }
    }
}

impl From<DeliveryInput> for value::Delivery {
    fn from(delivery: DeliveryInput) -> Self {
        let DeliveryInput { slot, promised_at, service_time_seconds, instruction } = delivery;
        Self {
            slot: slot.map(Into::into),
            promised_at: promised_at.map(Into::into),
            service_time_seconds,
            instruction,
        }
    }
}

impl From<TimeSlotInput> for value::TimeSlot {
    fn from(TimeSlotInput { from, to }: TimeSlotInput) -> Self {
        Self { from: from.into(), to: to.into() }
    }
}

impl From<MoneyInput> for value::Money {
    fn from(MoneyInput { amount, currency }: MoneyInput) -> Self {
        Self { amount: amount.into(), currency }
    }
}

impl From<WeightInput> for value::Weight {
    fn from(WeightInput { value, unit }: WeightInput) -> Self {
        Self { value: value.into(), unit: unit.into() }
    }
}

impl From<OrderSummaryInput> for value::Summary {
    fn from(summary: OrderSummaryInput) -> Self {
        let OrderSummaryInput { invoice_number, description, total_items, total_weight, total_cost } =
            summary;
        Self {
            invoice_number,
            description,
            total_items,
            total_weight: total_weight.map(Into::into),
            total_cost: total_cost.map(Into::into),
        }
    }
}

impl From<QualityCheckInput> for value::QualityCheck {
    fn from(QualityCheckInput { code, description, required }: QualityCheckInput) -> Self {
        Self { code, description, required: required.unwrap_or(true) }
    }
}
