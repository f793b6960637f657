//! The scalars of the contract.
//!
//! Their messages quote little of what was given, because it may be long, and nothing that may be personal.

use async_graphql::{InputValueError, InputValueResult, Name, Scalar, ScalarType, Value, indexmap::IndexMap};
use chrono::{Datelike, SecondsFormat, Utc};

use crate::domain::value::{
    DECIMAL_MAX_DIGITS, Document, NotDecimal, decimal_of_number, decimal_of_text, echo,
};

/// How deep a [`Json`] value may be nested; so much that no caller meets it, and little enough for any stack.
const JSON_MAX_DEPTH: usize = 128;

/// The one key of an object that async-graphql writes into the response as the JSON text that it holds.
const RAW_JSON_KEY: &str = "$serde_json::private::RawValue";

/// An instant, to the microsecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime(pub chrono::DateTime<Utc>);

/// An instant as RFC 3339 text, such as "2026-03-01T09:30:00Z". Any offset is accepted; answers are in UTC. It is
/// kept to the microsecond: further digits are cut off.
#[Scalar(name = "DateTime", specified_by_url = "https://datatracker.ietf.org/doc/html/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = value else {
            return Err(InputValueError::custom(
                "it must be a string in RFC 3339 form, such as 2026-03-01T09:30:00Z",
            ));
        };
        let instant = chrono::DateTime::parse_from_rfc3339(&text).map_err(|_| {
            InputValueError::custom(format!(
                "{} is not an instant in RFC 3339 form, such as 2026-03-01T09:30:00Z",
                echo(&text)
            ))
        })?;
        // By way of the count of microseconds: it cuts the rest off, and takes a leap second for the second after it,
        // as stores do.
        chrono::DateTime::from_timestamp_micros(instant.timestamp_micros())
            .filter(|instant| (1..=9999).contains(&instant.year()))
            .map(Self)
            .ok_or_else(|| InputValueError::custom("its year in UTC must lie between 0001 and 9999"))
    }

    fn to_value(&self) -> Value {
        let instant = chrono::DateTime::from_timestamp_micros(self.0.timestamp_micros()).unwrap_or(self.0);
        Value::String(instant.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl From<chrono::DateTime<Utc>> for DateTime {
    fn from(instant: chrono::DateTime<Utc>) -> Self {
        Self(instant)
    }
}

impl From<DateTime> for chrono::DateTime<Utc> {
    fn from(DateTime(instant): DateTime) -> Self {
        instant
    }
}

/// A decimal number that keeps its digits: "49.90" stays "49.90".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(pub rust_decimal::Decimal);

/// An exact decimal number of at most 28 digits, as a string such as "12.50". It keeps its digits. A JSON number is
/// accepted too; write numbers of more than 15 digits as strings, because JSON numbers may lose some on their way.
#[Scalar(name = "Decimal")]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        let (number, text) = match value {
            Value::String(text) => (decimal_of_text(&text), text),
            Value::Number(number) => (decimal_of_number(&number), number.to_string()),
            _ => {
                let message = "it must be a decimal number as a string, such as \"12.50\"";
                return Err(InputValueError::custom(message));
            }
        };
        number.map(Self).map_err(|error| {
            InputValueError::custom(match error {
                NotDecimal::Form => format!(
                    "{} is not a decimal number: digits with at most one point, such as 12.50",
                    echo(&text)
                ),
                NotDecimal::Inexact => {
                    "a number as large as this keeps its digits only as a string".to_owned()
                }
                NotDecimal::TooLong => format!(
                    "{} has too many digits: a decimal number has at most {DECIMAL_MAX_DIGITS}",
                    echo(&text)
                ),
            })
        })
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

impl From<rust_decimal::Decimal> for Decimal {
    fn from(number: rust_decimal::Decimal) -> Self {
        Self(number)
    }
}

impl From<Decimal> for rust_decimal::Decimal {
    fn from(Decimal(number): Decimal) -> Self {
        number
    }
}

/// Any JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// As text that is JSON for certain, such as a store keeps it; it goes into the response as it is.
    Text(String),
    /// Taken apart, as it comes in.
    Value(serde_json::Value),
}

impl Json {
    /// The value; null if it was text that is not JSON after all.
    pub fn into_value(self) -> serde_json::Value {
        match self {
            Self::Text(text) => serde_json::from_str(&text).unwrap_or_default(),
            Self::Value(value) => value,
        }
    }
}

/// The text of a value that goes into the response as it is.
pub fn raw_text(value: &Value) -> Option<&str> {
    match value {
        Value::Object(fields) if fields.len() == 1 => match fields.get(RAW_JSON_KEY) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// A value that goes into the response as this text, which must be JSON.
pub fn raw_value(text: String) -> Value {
    Value::Object(IndexMap::from([(Name::new(RAW_JSON_KEY), Value::String(text))]))
}

/// Any JSON value.
#[Scalar(name = "JSON")]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        json_value(value, JSON_MAX_DEPTH).map(Self::Value).map_err(InputValueError::custom)
    }

    fn to_value(&self) -> Value {
        // Always as text: an object of a caller's that has the same one key is then not taken for raw JSON.
        raw_value(match self {
            Self::Text(text) => text.clone(),
            Self::Value(value) => value.to_string(),
        })
    }
}

/// By hand instead of by serde, which would take a caller's object with the one key [`RAW_JSON_KEY`] for raw JSON.
fn json_value(value: Value, depth_left: usize) -> Result<serde_json::Value, &'static str> {
    let deeper = || depth_left.checked_sub(1).ok_or("it is nested too deep");
    Ok(match value {
        Value::Null => serde_json::Value::Null,
        Value::Number(number) => serde_json::Value::Number(number),
        Value::String(text) => serde_json::Value::String(text),
        Value::Boolean(flag) => serde_json::Value::Bool(flag),
        Value::Enum(name) => serde_json::Value::String(name.to_string()),
        Value::Binary(_) => return Err("it must be a JSON value"),
        Value::List(members) => {
            let depth_left = deeper()?;
            members.into_iter().map(|member| json_value(member, depth_left)).collect::<Result<_, _>>()?
        }
        Value::Object(members) => {
            let depth_left = deeper()?;
            let members = members
                .into_iter()
                .map(|(key, member)| Ok((key.to_string(), json_value(member, depth_left)?)));
            serde_json::Value::Object(members.collect::<Result<_, &'static str>>()?)
        }
    })
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        Self::Value(value)
    }
}

impl From<&Document> for Json {
    fn from(document: &Document) -> Self {
        Self::Text(document.as_str().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::value;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// What comes out again, or `refused: …`.
    fn round_trip<T: ScalarType + async_graphql::InputType>(input: Value) -> String {
        match <T as ScalarType>::parse(input) {
            Ok(scalar) => serde_json::to_string(&ScalarType::to_value(&scalar)).unwrap(),
            Err(error) => {
                format!("refused: {}", error.into_server_error(async_graphql::Pos::default()).message)
            }
        }
    }

    #[test]
    fn an_instant_is_shown_in_utc_to_the_microsecond() {
        for (input, expected) in [
            ("2026-03-01T09:30:00Z", "2026-03-01T09:30:00Z"),
            ("2026-03-01T09:30:00.000Z", "2026-03-01T09:30:00Z"),
            ("2026-03-01T09:30:00.5+05:30", "2026-03-01T04:00:00.500Z"),
            ("2026-03-01T09:30:00.1234569-00:00", "2026-03-01T09:30:00.123456Z"),
            ("2026-03-01t09:30:00z", "2026-03-01T09:30:00Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999Z"),
            ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(round_trip::<DateTime>(value!(input)), format!("\"{expected}\""));
        }
        let long = "2".repeat(1_000_000);
        for input in [
            value!("0001-01-01T00:00:00+01:00"),
            value!("9999-12-31T23:59:59-01:00"),
            value!("0000-06-01T00:00:00Z"),
            value!("+12026-01-01T00:00:00Z"),
            value!("2026-02-30T00:00:00Z"),
            value!("2026-03-01"),
            value!("2026-03-01T09:30:00"),
            value!(""),
            value!(1_767_225_600),
            value!(long),
            Value::Null,
        ] {
            let output = round_trip::<DateTime>(input);
            assert!(output.starts_with("refused") && output.len() < 300, "{output}");
        }
    }

    #[test]
    fn a_decimal_keeps_its_digits() {
        for (input, expected) in [
            (value!("49.90"), "49.90"),
            (value!("0"), "0"),
            (value!("-0.00"), "0.00"),
            (value!("-12.5"), "-12.5"),
            (value!("007.10"), "7.10"),
            (value!("9999999999999999999999999999"), "9999999999999999999999999999"),
            (value!("0.0000000000000000000000000001"), "0.0000000000000000000000000001"),
            (value!(49.9), "49.9"),
            (value!(50), "50"),
            (value!(-3), "-3"),
            (value!(1e-7), "0.0000001"),
            (value!(18_446_744_073_709_551_615_u64), "18446744073709551615"),
        ] {
            assert_eq!(round_trip::<Decimal>(input), format!("\"{expected}\""));
        }
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for input in [
            value!(""),
            value!("-"),
            value!("."),
            value!(".5"),
            value!("5."),
            value!("+5"),
            value!("1_000"),
            value!("1,5"),
            value!("1e3"),
            value!(" 1"),
            value!("NaN"),
            value!("10000000000000000000000000000"),
            value!("0.00000000000000000000000000001"),
            value!("1.0000000000000000000000000000"),
            value!(1e300),
            value!(1e-300),
            value!(123_456_789_012_345_680_000.0),
            value!(true),
            value!(["1"]),
            value!("1".repeat(1_000_000)),
            Value::Null,
        ] {
            let output = round_trip::<Decimal>(input);
            assert!(output.starts_with("refused") && output.len() < 300, "{output}");
        }
    }

    #[test]
    fn json_text_goes_out_as_it_is() {
        let text = r#"{"b":1.50,"a":[null,"\u00fc"]}"#;
        assert_eq!(serde_json::to_string(&ScalarType::to_value(&Json::Text(text.to_owned()))).unwrap(), text);
        let document = Document::from_text(text).unwrap();
        assert_eq!(serde_json::to_string(&ScalarType::to_value(&Json::from(&document))).unwrap(), text);
        assert_eq!(Json::Text("[1]".to_owned()).into_value(), json!([1]));
    }

    #[test]
    fn an_object_of_a_caller_is_never_raw_json() {
        let object = r#"{"$serde_json::private::RawValue":"[1]"}"#;
        for input in [object.to_owned(), format!("[{object}]"), format!(r#"{{"a":{object}}}"#)] {
            let value: Value = serde_json::from_str(&input).unwrap();
            assert_eq!(round_trip::<Json>(value), input);
        }
    }

    #[test]
    fn a_bottomless_value_is_refused() {
        let nested = |depth| (0..depth).fold(Value::Null, |inner, _| Value::List(vec![inner]));
        assert!(<Json as ScalarType>::parse(nested(128)).is_ok());
        assert!(round_trip::<Json>(nested(129)).contains("too deep"));
    }

    proptest! {
        #[test]
        fn any_decimal_of_28_digits_keeps_them(digits in "[1-9][0-9]{0,27}", point in 0..=28_usize, minus: bool) {
            let padded = format!("{digits:0>width$}", width = point + 1);
            let (whole, fraction) = padded.split_at(padded.len() - point);
            let sign = if minus { "-" } else { "" };
            let text = if point == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") };
            prop_assert_eq!(round_trip::<Decimal>(value!(text.as_str())), format!("\"{text}\""));
        }

        #[test]
        fn no_text_makes_a_scalar_panic(text in any::<String>(), number in any::<f64>()) {
            round_trip::<Decimal>(value!(text.as_str()));
            round_trip::<DateTime>(value!(text));
            round_trip::<Decimal>(value!(number));
        }

        #[test]
        fn any_instant_is_read_as_it_is_written(micros in -62_135_596_800_000_000..253_402_300_800_000_000_i64) {
            let instant = DateTime(chrono::DateTime::from_timestamp_micros(micros).unwrap());
            prop_assert_eq!(<DateTime as ScalarType>::parse(ScalarType::to_value(&instant)).ok(), Some(instant));
        }
    }
}
