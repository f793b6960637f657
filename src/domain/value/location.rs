//! Where something is.

use isocountry::CountryCode;
use serde::{Deserialize, Serialize};

use super::{
    super::problem::{Found, Path, Problem},
    text::{NAME_MAX_CHARS, check_optional_text, check_text, echo},
};

const POSTAL_CODE_MAX_CHARS: usize = 32;

/// A place: an address, a facility that the tenant knows by its id, or both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// Its postal address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<Address>,
    /// The tenant's own id of the facility.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub facility_id: Option<String>,
    /// Its point on the map.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub geo: Option<GeoPoint>,
}

/// A postal address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// Street and number.
    pub line1: String,
    /// Floor, building and the like.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line2: Option<String>,
    /// The town.
    pub city: String,
    /// State, province or region.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub state: Option<String>,
    /// The postal code, in the country's own form.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2, in upper case.
    pub country: String,
}

/// A point on the map, in degrees of WGS 84.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GeoPoint {
    /// -90 (south) to 90.
    pub latitude: f64,
    /// -180 (west) to 180.
    pub longitude: f64,
}

impl Location {
    /// Finds what is wrong with it.
    pub fn check(&self, at: &Path, found: &mut Found) {
        let has_facility = self.facility_id.as_deref().is_some_and(|id| !id.trim().is_empty());
        if self.address.is_none() && !has_facility {
            found.push(Problem::required(at, "a location needs an address or a facilityId"));
        }
        if let Some(address) = &self.address {
            address.check(&at.field("address"), found);
        }
        check_optional_text(self.facility_id.as_deref(), NAME_MAX_CHARS, at, "facilityId", found);
        if let Some(geo) = &self.geo {
            geo.check(&at.field("geo"), found);
        }
    }
}

impl Address {
    /// Finds what is wrong with it.
    pub fn check(&self, at: &Path, found: &mut Found) {
        check_text(&self.line1, NAME_MAX_CHARS, at, "line1", found);
        check_optional_text(self.line2.as_deref(), NAME_MAX_CHARS, at, "line2", found);
        check_text(&self.city, NAME_MAX_CHARS, at, "city", found);
        check_optional_text(self.state.as_deref(), NAME_MAX_CHARS, at, "state", found);
        check_optional_text(self.postal_code.as_deref(), POSTAL_CODE_MAX_CHARS, at, "postalCode", found);
        if CountryCode::for_alpha2(&self.country).is_err() {
            found.push(Problem::invalid(
                &at.field("country"),
                format!(
                    "country must be an ISO 3166-1 alpha-2 code in upper case, such as DE, not {}",
                    echo(&self.country)
                ),
            ));
        }
    }
}

impl GeoPoint {
    /// Finds what is wrong with it.
    pub fn check(&self, at: &Path, found: &mut Found) {
        // Neither range contains a number that is not finite.
        for (field, degrees, limit) in
            [("latitude", self.latitude, 90.0), ("longitude", self.longitude, 180.0)]
        {
            if !(-limit..=limit).contains(&degrees) {
                let message = format!("{field} must lie between -{limit} and {limit} degrees");
                found.push(Problem::invalid(&at.field(field), message));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::fixtures::{location, paths, report};

    #[test]
    fn a_location_is_an_address_or_a_facility() {
        let nowhere = Location { address: None, facility_id: None, geo: None };
        for (location, expected) in [
            (location(), ""),
            (Location { facility_id: Some("hub-1".into()), ..nowhere.clone() }, ""),
            (Location { facility_id: Some("hub-1".into()), ..location() }, ""),
            (nowhere.clone(), "destination"),
            (Location { facility_id: Some(" ".into()), ..nowhere.clone() }, "destination"),
            (Location { facility_id: Some("x".repeat(256)), ..nowhere }, "destination.facilityId"),
        ] {
            assert_eq!(paths(|found| location.check(&Path::root().field("destination"), found)), expected);
        }
    }

    #[test]
    fn every_problem_of_an_address_is_named() {
        let address = Address {
            line1: String::new(),
            line2: Some("x".repeat(256)),
            city: " ".into(),
            state: Some("\0".into()),
            postal_code: Some("1".repeat(33)),
            country: "de".into(),
        };
        assert_eq!(
            report(|found| address.check(&Path::root(), found)),
            "REQUIRED line1: line1 must not be blank\n\
             INVALID line2: line2 may have up to 255 characters, but this has 256\n\
             REQUIRED city: city must not be blank\n\
             INVALID state: state contains a NUL character; any other Unicode text is fine\n\
             INVALID postalCode: postalCode may have up to 32 characters, but this has 33\n\
             INVALID country: country must be an ISO 3166-1 alpha-2 code in upper case, such as DE, not \"de\""
        );
    }

    #[test]
    fn a_country_is_one_of_the_standard() {
        for (country, is_sound) in [
            ("DE", true),
            ("SS", true),
            ("DEU", false),
            ("XX", false),
            ("UK", false),
            ("", false),
            ("D\0", false),
        ] {
            let Some(address) = location().address else { panic!("the fixture has an address") };
            let address = Address { country: country.into(), ..address };
            let expected = if is_sound { "" } else { "country" };
            assert_eq!(paths(|found| address.check(&Path::root(), found)), expected, "{country}");
        }
    }

    #[test]
    fn a_point_lies_on_the_globe() {
        for (latitude, longitude, expected) in [
            (90.0, -180.0, ""),
            (-90.0, 180.0, ""),
            (90.000_1, 0.0, "latitude"),
            (0.0, -180.5, "longitude"),
            (f64::NAN, f64::INFINITY, "latitude longitude"),
        ] {
            let point = GeoPoint { latitude, longitude };
            assert_eq!(paths(|found| point.check(&Path::root(), found)), expected);
        }
    }
}
