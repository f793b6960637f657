//! The values of an operation's variables, read from JSON.
//!
//! Values that the operation does not declare are passed over and never become anything. What the others become is bounded
//! while they are read: a byte of JSON may take a hundred in memory.

use std::{collections::HashSet, fmt};

use async_graphql::{
    Name, Number, ServerError, Value, Variables, indexmap::IndexMap, parser::types::OperationType,
};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{documents::Document, error::Code, request::Request};
use crate::config::Limits;

/// The most bytes of a subscription's document and variables together: a subscription keeps what they become.
const MAX_SUBSCRIPTION_BYTES: usize = 64 * 1024;

/// The values of the variables that an operation declares. Of two values of one variable, the last counts.
pub(super) fn read(
    request: &Request<'_>,
    document: &Document,
    limits: &Limits,
) -> Result<Variables, ServerError> {
    let mut reader = Reader {
        declared: &document.declared,
        limits,
        values: 0,
        bytes: request.query.len(),
        max_bytes: match document.kind {
            OperationType::Subscription => MAX_SUBSCRIPTION_BYTES,
            OperationType::Query | OperationType::Mutation => usize::MAX,
        },
        variable: None,
        refused: None,
    };
    let text = request.variables.as_deref().map_or("{}", RawValue::get);
    // A document that is too long is refused whatever its variables are.
    let read = reader
        .check_bytes()
        .and_then(|()| serde_json::Deserializer::from_str(text).deserialize_map(Members(&mut reader)));
    read.map_err(|error: serde_json::Error| match (reader.refused, reader.variable) {
        (Some(message), _) => Code::QueryTooComplex.server_error(message),
        (None, Some(variable)) => {
            Code::BadUserInput.server_error(format!("the variable {variable} is not usable: {error}"))
        }
        (None, None) => Code::BadUserInput.server_error(format!("the variables are not usable: {error}")),
    })
}

/// What was read so far, held against the limits.
struct Reader<'a> {
    declared: &'a HashSet<Name>,
    limits: &'a Limits,
    values: usize,
    bytes: usize,
    max_bytes: usize,
    /// The variable that is being read.
    variable: Option<Name>,
    /// The limit that was exceeded, in words for the caller.
    refused: Option<String>,
}

impl Reader<'_> {
    fn check_bytes<E: Error>(&mut self) -> Result<(), E> {
        let (bytes, most) = (self.bytes, self.max_bytes);
        if bytes <= most {
            return Ok(());
        }
        Err(self.refuse(format!(
            "the document and the variables of the subscription have {bytes} bytes; at most {most} are taken"
        )))
    }

    fn count_value<E: Error>(&mut self) -> Result<(), E> {
        self.values += 1;
        if self.values <= self.limits.variable_values {
            return Ok(());
        }
        let most = self.limits.variable_values;
        Err(self.refuse(format!("the variables hold more than {most} values; send less at once")))
    }

    /// Ends the reading; what the library makes of it is not shown.
    fn refuse<E: Error>(&mut self, message: String) -> E {
        self.refused = Some(message);
        E::custom("a limit was exceeded")
    }
}

/// The members of the object that holds the variables.
struct Members<'a, 'b>(&'a mut Reader<'b>);

impl<'de> Visitor<'de> for Members<'_, '_> {
    type Value = Variables;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Variables, A::Error> {
        let Self(reader) = self;
        let mut variables = Variables::default();
        while let Some(name) = members.next_key_seed(Declared(reader.declared))? {
            let Some(name) = name else {
                members.next_value::<IgnoredAny>()?;
                continue;
            };
            reader.variable = Some(name.clone());
            let text: &'de RawValue = members.next_value()?;
            reader.bytes = reader.bytes.saturating_add(text.get().len());
            reader.check_bytes()?;
            let mut text = serde_json::Deserializer::from_str(text.get());
            let value = reader.deserialize(&mut text).map_err(A::Error::custom)?;
            variables.insert(name, value);
            reader.variable = None;
        }
        Ok(variables)
    }
}

/// The name of a member, if the operation declares a variable of that name.
struct Declared<'a>(&'a HashSet<Name>);

impl<'de> DeserializeSeed<'de> for Declared<'_> {
    type Value = Option<Name>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Declared<'_> {
    type Value = Option<Name>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.get(name).cloned())
    }
}

impl<'de> DeserializeSeed<'de> for &mut Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count_value()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Reader<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while list.len() < self.limits.list {
            match members.next_element_seed(&mut *self)? {
                Some(member) => list.push(member),
                None => return Ok(Value::List(list)),
            }
        }
        let mut length = list.len();
        while members.next_element::<IgnoredAny>()?.is_some() {
            length += 1;
        }
        if length == list.len() {
            return Ok(Value::List(list));
        }
        let (most, variable) = (self.limits.list, self.variable.as_deref().unwrap_or_default());
        Err(self.refuse(format!(
            "a list in the variable {variable} has {length} members; at most {most} are taken"
        )))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = IndexMap::new();
        while let Some(name) = members.next_key::<String>()? {
            object.insert(Name::new(name), members.next_value_seed(&mut *self)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::value::to_raw_value;

    use super::*;

    const QUERY: &str = "query($a: JSON, $b: JSON) { x(a: $a, b: $b) }";

    fn read_as(query: &str, variables: &str, limits: &Limits) -> Result<String, (String, String)> {
        let document = Document::choose(parse_query(query).unwrap(), None, limits).unwrap();
        let variables = RawValue::from_string(variables.to_owned()).unwrap();
        let request = Request::new(query).with_variables(&variables).unwrap();
        match read(&request, &document, limits) {
            Ok(variables) => Ok(serde_json::to_string(&variables).unwrap()),
            Err(error) => {
                let code = error.extensions.as_ref().unwrap().get("code").unwrap().to_string();
                Err((code, error.message))
            }
        }
    }

    fn read_query(variables: &str) -> Result<String, (String, String)> {
        read_as(QUERY, variables, &Limits::default())
    }

    #[test]
    fn declared_values_are_read_as_they_are_and_others_dropped() {
        for (variables, expected) in [
            ("{}", "{}"),
            (r#"{"a": 1, "c": 2}"#, r#"{"a":1}"#),
            (r#"{"c": {"a": [1]}, "\u0061": "\u00e4\n"}"#, r#"{"a":"ä\n"}"#),
            (r#"{"a": 1, "a": 2}"#, r#"{"a":2}"#),
            (
                r#"{"b": [null, true, -1, 18446744073709551615, 0.25, {"y": [], "x": {}, "y": 1}]}"#,
                r#"{"b":[null,true,-1,18446744073709551615,0.25,{"y":1,"x":{}}]}"#,
            ),
        ] {
            assert_eq!(read_query(variables).as_deref(), Ok(expected), "{variables}");
        }
    }

    #[test]
    fn what_values_become_is_the_same_as_the_library_makes_of_them() {
        let text = r#"{"a": {"n": [1, -2, 3.5, 1e3, 12345678901234567890, 123456789012345678901234567890], "s": "\ud83d\ude00",
            "o": {"b": false, "a": null, "b": true}}, "b": ""}"#;
        let theirs: Variables = serde_json::from_str(text).unwrap();
        assert_eq!(read_query(text).unwrap(), serde_json::to_string(&theirs).unwrap());
    }

    #[test]
    fn undeclared_values_cost_nothing_however_large_and_deep_they_are() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let many = vec!["0"; 1_000_000].join(",");
        let variables = format!(r#"{{"c": {deep}, "d": [{many}], "a": 7}}"#);
        assert_eq!(read_query(&variables).as_deref(), Ok(r#"{"a":7}"#));
        let subscription = "subscription($a: JSON) { x(a: $a) }";
        assert_eq!(read_as(subscription, &variables, &Limits::default()).as_deref(), Ok(r#"{"a":7}"#));
    }

    #[test]
    fn declared_values_are_bounded_in_number_depth_and_length() {
        let limits = Limits { variable_values: 5, list: 3, ..Limits::default() };
        let too_complex = |message: &str| Err(("\"QUERY_TOO_COMPLEX\"".to_owned(), message.to_owned()));
        let values = "the variables hold more than 5 values; send less at once";
        for (variables, expected) in [
            (r#"{"a": [1, 2, 3], "b": 5}"#, Ok(r#"{"a":[1,2,3],"b":5}"#.to_owned())),
            (r#"{"a": [1, 2, 3], "b": 5, "c": [1, 2, 3, 4, 5, 6]}"#, Ok(r#"{"a":[1,2,3],"b":5}"#.to_owned())),
            (r#"{"a": [1, 2, 3], "b": [5]}"#, too_complex(values)),
            (r#"{"a": {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}}"#, too_complex(values)),
            (
                r#"{"a": [1, 2, 3, 4, [5, 6]]}"#,
                too_complex("a list in the variable a has 5 members; at most 3 are taken"),
            ),
            (
                r#"{"b": {"x": [[], 2, 3, 4]}}"#,
                too_complex("a list in the variable b has 4 members; at most 3 are taken"),
            ),
        ] {
            assert_eq!(read_as(QUERY, variables, &limits), expected, "{variables}");
        }
        let deep = format!(r#"{{"a": {}{}}}"#, "[".repeat(1_000), "]".repeat(1_000));
        let (code, message) = read_query(&deep).unwrap_err();
        assert_eq!(code, "\"BAD_USER_INPUT\"");
        assert!(message.starts_with("the variable a is not usable: recursion limit exceeded"), "{message}");
        let (_, message) = read_query(r#"{"a": "\ud800"}"#).unwrap_err();
        assert!(message.starts_with("the variable a is not usable: "), "{message}");
    }

    #[test]
    fn a_subscription_keeps_no_more_than_so_many_bytes() {
        let query = "subscription($a: JSON) { x(a: $a) }";
        let text = |length: usize| "x".repeat(length - query.len() - 2);
        let variables = |length: usize| to_raw_value(&serde_json::json!({"a": text(length)})).unwrap();
        let read = |length: usize| read_as(query, variables(length).get(), &Limits::default());
        assert!(read(MAX_SUBSCRIPTION_BYTES).is_ok());
        let message =
            "the document and the variables of the subscription have 65537 bytes; at most 65536 are taken";
        let expected = Err(("\"QUERY_TOO_COMPLEX\"".to_owned(), message.to_owned()));
        assert_eq!(read(MAX_SUBSCRIPTION_BYTES + 1), expected);
        let long = format!("{query} #{}", "x".repeat(MAX_SUBSCRIPTION_BYTES - query.len() - 1));
        assert_eq!(read_as(&long, "{}", &Limits::default()), expected);
        // A query may have more.
        let variables = variables(MAX_SUBSCRIPTION_BYTES * 2);
        assert!(read_query(variables.get()).is_ok());
    }
}
