//! One order of the input: the text becomes a value of the API, or a problem with its place.

use async_graphql::{Name, Value, indexmap::map::Entry};
use serde_json::error::Category;
use sha2::{Digest, Sha256};

pub use super::split::Place;
use super::split::{MAX_ORDER_BYTES, Piece};

const KEY_FIELD: &str = "idempotencyKey";
/// What derived keys begin with.
const KEY_PREFIX: &str = "import:";
/// Codes of problems that are found before the API sees an order; they mean what they mean there.
const INVALID: &str = "INVALID";
const LIMIT_EXCEEDED: &str = "LIMIT_EXCEEDED";

/// An order that can be sent.
#[derive(Clone, Debug)]
pub struct Item {
    /// Where it stands.
    pub place: Place,
    /// An object with an idempotency key.
    pub order: Value,
}

/// Why an order was not created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where the order stands.
    pub place: Place,
    /// Where in the order the problem lies, such as `workOrders.0.pickup`; empty for the whole of it.
    pub path: String,
    /// Its kind, as in the API.
    pub code: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Problem {
    fn of_text(place: Place, code: &str, message: impl Into<String>) -> Self {
        Self { place, path: String::new(), code: code.to_owned(), message: message.into() }
    }
}

/// Reads an order, and gives it an idempotency key if it has none: one that follows from what it says, so that the same
/// order is created once, however often and wherever it stands.
pub fn read(piece: &Piece) -> Result<Item, Problem> {
    let place = piece.place;
    let Some(text) = &piece.text else {
        let message = format!("the order is larger than {MAX_ORDER_BYTES} bytes");
        return Err(Problem::of_text(place, LIMIT_EXCEEDED, message));
    };
    if text.trim_ascii().is_empty() {
        return Err(Problem::of_text(place, INVALID, "there is no order between two commas"));
    }
    let text = std::str::from_utf8(text).map_err(|error| {
        let message = format!("not UTF-8 from byte {} of the order on", error.valid_up_to() + 1);
        Problem::of_text(place, INVALID, message)
    })?;
    let mut order: Value = serde_json::from_str(text)
        .map_err(|error| Problem::of_text(place, INVALID, not_json(place, &error)))?;
    let Value::Object(fields) = &order else {
        let message = format!("an order is a JSON object, not {}", kind(&order));
        return Err(Problem::of_text(place, INVALID, message));
    };
    if matches!(fields.get(KEY_FIELD), None | Some(Value::Null)) {
        let key = derived_key(&order);
        if let Value::Object(fields) = &mut order {
            match fields.entry(Name::new(KEY_FIELD)) {
                Entry::Occupied(mut entry) => drop(entry.insert(key.into())),
                Entry::Vacant(entry) => drop(entry.insert(key.into())),
            }
        }
    }
    Ok(Item { place, order })
}

fn not_json(place: Place, error: &serde_json::Error) -> String {
    let whole = error.to_string();
    let what = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(what, _)| what);
    let end = match place {
        Place::Line(_) => "the line ends inside of the order",
        Place::Element(..) => "the order ends too early",
    };
    let what = if error.classify() == Category::Eof { end } else { what };
    match place {
        Place::Line(_) => format!("not JSON: {what}, at column {}", error.column()),
        Place::Element(_, first) => {
            let line = first + u64::try_from(error.line()).unwrap_or(1).saturating_sub(1);
            format!("not JSON: {what}, on line {line}")
        }
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Number(_) => "a number",
        Value::String(_) | Value::Enum(_) | Value::Binary(_) => "a string",
        Value::Boolean(_) => "a boolean",
        Value::List(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// SHA-256 of the order's canonical form: members sorted by name, no blanks.
fn derived_key(order: &Value) -> String {
    let mut text = String::new();
    write_canonical(order, &mut text);
    let mut key = KEY_PREFIX.to_owned();
    for byte in Sha256::digest(text) {
        for digit in [byte >> 4, byte & 0xf] {
            key.extend(char::from_digit(digit.into(), 16));
        }
    }
    key
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut members: Vec<_> = fields.iter().collect();
            members.sort_unstable_by_key(|(name, _)| name.as_str());
            text.push('{');
            for (name, value) in members {
                text.push_str(&serde_json::Value::from(name.as_str()).to_string());
                text.push(':');
                write_canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::List(values) => {
            text.push('[');
            for value in values {
                write_canonical(value, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::String(string) => text.push_str(&serde_json::Value::from(string.as_str()).to_string()),
        // Numbers, booleans and null; JSON has nothing else.
        other => text.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(text: &[u8]) -> Result<Item, Problem> {
        read(&Piece { place: Place::Line(3), text: Some(text.to_vec()) })
    }

    fn key(text: &str) -> String {
        let Value::Object(fields) = item(text.as_bytes()).unwrap().order else { panic!("no object") };
        let Some(Value::String(key)) = fields.get(KEY_FIELD) else { panic!("no key") };
        key.clone()
    }

    #[test]
    fn the_key_follows_from_what_an_order_says() {
        let expected = key(r#"{"a":1,"b":{"c":[true,null,"x"],"d":"1.0"}}"#);
        assert_eq!(expected.len(), KEY_PREFIX.len() + 64);
        assert_eq!(key(r#" {"b": {"d": "1.0", "c": [true, null, "x"]}, "a": 1} "#), expected);
        assert_eq!(key(r#"{"a":1,"idempotencyKey":null,"b":{}}"#).len(), expected.len());
        for other in [
            r#"{"a":"1","b":{"c":[true,null,"x"],"d":"1.0"}}"#,
            r#"{"a":1,"b":{"c":[null,true,"x"],"d":"1.0"}}"#,
            r#"{"a":1,"b":{"c":[true,null,"x"],"d":"1.00"}}"#,
            r#"{"a":1,"b":{"c":[true,null],"d":"1.0"}}"#,
        ] {
            assert_ne!(key(other), expected, "{other}");
        }
    }

    #[test]
    fn a_key_that_is_given_stays() {
        assert_eq!(key(r#"{"a":1,"idempotencyKey":"mine"}"#), "mine");
    }

    #[test]
    fn what_is_no_order_is_refused_with_the_reason() {
        for (text, expected) in [
            (&b"{\"a\": 1"[..], "not JSON: the line ends inside of the order, at column 7"),
            (b"{\"a\" 1}", "not JSON: expected `:`, at column 6"),
            (b"{} {}", "not JSON: trailing characters, at column 4"),
            (b"[1]", "an order is a JSON object, not a list"),
            (b"7", "an order is a JSON object, not a number"),
            (b"null", "an order is a JSON object, not null"),
            (b"{\"a\": \"\xff\"}", "not UTF-8 from byte 8 of the order on"),
        ] {
            assert_eq!(item(text).unwrap_err().message, expected);
        }
        let deep = format!("{{\"a\": {}", "[".repeat(100_000));
        assert!(item(deep.as_bytes()).unwrap_err().message.contains("recursion limit"));
    }

    #[test]
    fn places_in_an_array_are_lines_of_the_input() {
        let piece = Piece { place: Place::Element(2, 10), text: Some(b"{\n\n x}".to_vec()) };
        assert_eq!(read(&piece).unwrap_err().message, "not JSON: key must be a string, on line 12");
    }
}
