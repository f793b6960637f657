//! Values of JSON as values of CEL, and back.

use std::sync::Arc;

use cel::{
    Value,
    objects::{Key, Map as CelObject},
};
use serde_json::{Number, Value as Json};

use super::Failure;

/// A value of JSON as one of CEL.
pub(super) fn cel_value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => number.as_i64().map_or_else(
            || number.as_u64().map_or_else(|| Value::Float(number.as_f64().unwrap_or(f64::NAN)), Value::UInt),
            Value::Int,
        ),
        Json::String(text) => Value::String(Arc::new(text.clone())),
        Json::Array(members) => Value::List(Arc::new(members.iter().map(cel_value).collect())),
        Json::Object(members) => {
            let members = members.iter().map(|(key, value)| (Key::from(key.as_str()), cel_value(value)));
            Value::Map(CelObject { map: Arc::new(members.collect()) })
        }
    }
}

/// A value of CEL as one of JSON, if JSON has such values.
pub(super) fn json(value: &Value) -> Result<Json, Failure> {
    let number = |number: Option<Number>| {
        number
            .map(Json::Number)
            .ok_or_else(|| Failure::new("the expression gave a number that JSON does not have"))
    };
    match value {
        Value::Null => Ok(Json::Null),
        Value::Bool(value) => Ok(Json::Bool(*value)),
        Value::Int(value) => number(Some((*value).into())),
        Value::UInt(value) => number(Some((*value).into())),
        Value::Float(value) => number(Number::from_f64(*value)),
        Value::String(text) => Ok(Json::String(text.to_string())),
        Value::Timestamp(time) => Ok(Json::String(time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))),
        Value::List(members) => members.iter().map(json).collect::<Result<_, _>>().map(Json::Array),
        Value::Map(object) => {
            let members = object.map.iter().map(|(key, value)| Ok((key.to_string(), json(value)?)));
            members.collect::<Result<_, _>>().map(Json::Object)
        }
        other => {
            Err(Failure::new(format!("the expression gave a {}, which JSON does not have", other.type_of())))
        }
    }
}
