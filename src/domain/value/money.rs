//! Exact quantities with their units.

use iso_currency::Currency;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    super::problem::{Found, Path, Problem},
    text::{check_not_negative, echo},
};

/// An amount of money. Its JSON form is a string, so that "49.90" keeps its digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Money {
    /// How much; 0 or more.
    pub amount: Decimal,
    /// ISO 4217, in upper case.
    pub currency: String,
}

/// A weight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Weight {
    /// How much; 0 or more.
    pub value: Decimal,
    /// Of what.
    pub unit: WeightUnit,
}

/// A unit of weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WeightUnit {
    /// A thousandth of a kilogram.
    Gram,
    /// The unit of the SI.
    Kilogram,
    /// A thousand kilograms.
    Tonne,
}

impl Money {
    /// Finds what is wrong with it. More digits than the currency has are fine: prices per piece have them.
    pub fn check(&self, at: &Path, found: &mut Found) {
        check_not_negative(is_negative(&self.amount), at, "amount", found);
        if Currency::from_code(&self.currency).is_none() {
            found.push(Problem::invalid(
                &at.field("currency"),
                format!(
                    "currency must be an ISO 4217 code in upper case, such as EUR, not {}",
                    echo(&self.currency)
                ),
            ));
        }
    }
}

impl Weight {
    /// Finds what is wrong with it.
    pub fn check(&self, at: &Path, found: &mut Found) {
        check_not_negative(is_negative(&self.value), at, "value", found);
    }
}

/// Below zero; "-0" is not.
fn is_negative(number: &Decimal) -> bool {
    *number < Decimal::ZERO
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::value::fixtures::{paths, report};

    fn money(amount: &str, currency: &str) -> Money {
        Money { amount: amount.parse().unwrap(), currency: currency.into() }
    }

    #[test]
    fn an_amount_is_not_negative_and_has_a_currency() {
        for (amount, currency, expected) in [
            ("49.90", "EUR", ""),
            ("0", "JPY", ""),
            ("0.12345", "JPY", ""),
            ("-0.00", "USD", ""),
            ("-0.01", "USD", "amount"),
            ("1", "eur", "currency"),
            ("1", "XYZ", "currency"),
            ("-1", "", "amount currency"),
        ] {
            assert_eq!(paths(|found| money(amount, currency).check(&Path::root(), found)), expected);
        }
        let long = "E".repeat(5_000);
        assert!(report(|found| money("1", &long).check(&Path::root(), found)).len() < 200);
    }

    #[test]
    fn a_weight_is_not_negative() {
        let weight = Weight { value: "-1".parse().unwrap(), unit: WeightUnit::Tonne };
        assert_eq!(
            report(|found| weight.check(&Path::root(), found)),
            "INVALID value: value must be 0 or more"
        );
    }

    #[test]
    fn digits_survive_json() {
        let json = r#"{"amount":"49.90","currency":"EUR"}"#;
        assert_eq!(serde_json::to_string(&serde_json::from_str::<Money>(json).unwrap()).unwrap(), json);
        let json = r#"{"value":"1.500","unit":"KILOGRAM"}"#;
        assert_eq!(serde_json::to_string(&serde_json::from_str::<Weight>(json).unwrap()).unwrap(), json);
    }

    proptest! {
        #[test]
        fn any_amount_survives_json(mantissa in 0..=9_999_999_999_999_999_999_999_999_999_i128, scale in 0..=28_u32) {
            let money = Money { amount: Decimal::from_i128_with_scale(mantissa, scale), currency: "EUR".into() };
            let json = serde_json::to_string(&money).unwrap();
            let back: Money = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(back.amount.to_string(), money.amount.to_string());
        }
    }
}
