//! Custom attributes, as the JSON text that stores keep and clients see.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value, value::RawValue};

use super::{
    super::problem::{Code, Found, Path, Problem, Problems},
    text::echo,
};

/// The most bytes that the text of a [`Document`] may have.
pub const MAX_DOCUMENT_BYTES: usize = 32 * 1024;

/// How many objects and lists may stand inside each other in a [`Document`], itself counted.
pub const MAX_DEPTH: usize = 8;

/// The most characters of a key.
const KEY_MAX_CHARS: usize = 64;

/// Begins the keys by which `serde_json` tells itself that a string is raw JSON or a number.
///
/// async-graphql takes an object with the one key `$serde_json::private::RawValue` for raw JSON and writes the string
/// in it into the response as it is, and `serde_json` parses it; a caller who could store such a key could make the
/// response say anything. So no document has one, at any depth.
const RESERVED_KEY_PREFIX: &str = "$serde_json::private::";

/// A JSON object within the limits, as compact text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document(Box<str>);

impl Document {
    /// An object without members.
    pub fn empty() -> Self {
        Self("{}".into())
    }

    /// The document of that value, which must be an object.
    pub fn from_value(value: &Value, at: &Path) -> Result<Self, Problems> {
        match value {
            Value::Object(map) => Self::from_map(map, at),
            _ => Err(Problem::invalid(at, "must be a JSON object, such as {\"priority\": 1}").into()),
        }
    }

    /// The document of those members, checked against every limit.
    pub fn from_map(map: &Map<String, Value>, at: &Path) -> Result<Self, Problems> {
        let text = serde_json::to_string(map).unwrap_or_default();
        if text.len() > MAX_DOCUMENT_BYTES {
            let message = format!(
                "may have up to {MAX_DOCUMENT_BYTES} bytes as compact JSON text, but this has {}",
                text.len()
            );
            // Nothing else is looked for: the number of problems, too, stays within the limit.
            return Err(Problem::new(Code::LimitExceeded, at, message).into());
        }
        let mut found = Found::new();
        check_members(map, 1, at, &mut found);
        found.or(Self(text.into()))
    }

    /// The document whose text a store has kept. It was checked before it was stored; only its form is seen to.
    pub fn from_text(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        &*self.0 == "{}"
    }

    /// Its members.
    pub fn to_map(&self) -> Map<String, Value> {
        // The text is that of an object: every way to make a document sees to it.
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// Merges key by key, one level deep: null removes a key, and an object value is replaced whole.
    pub fn merged(&self, patch: &Map<String, Value>, at: &Path) -> Result<Self, Problems> {
        let mut map = self.to_map();
        for (key, value) in patch {
            if value.is_null() {
                map.remove(key);
            } else {
                map.insert(key.clone(), value.clone());
            }
        }
        Self::from_map(&map, at)
    }
}

fn check_members(map: &Map<String, Value>, depth: usize, at: &Path, found: &mut Found) {
    for (key, value) in map {
        match key_problem(key) {
            Some(message) => found.push(Problem::invalid(at, message)),
            None => check_value(value, depth, &at.field(key), found),
        }
    }
}

/// `depth` is how many objects and lists `value` stands in.
fn check_value(value: &Value, depth: usize, at: &Path, found: &mut Found) {
    match value {
        Value::Object(_) | Value::Array(_) if depth == MAX_DEPTH => {
            let message = format!("objects and lists may stand up to {MAX_DEPTH} deep inside each other");
            found.push(Problem::new(Code::LimitExceeded, at, message));
        }
        Value::Object(map) => check_members(map, depth + 1, at, found),
        Value::Array(members) => {
            for (index, member) in members.iter().enumerate() {
                // A path is dear, and most members need none.
                if matches!(member, Value::Object(_) | Value::Array(_) | Value::String(_)) {
                    check_value(member, depth + 1, &at.index(index), found);
                }
            }
        }
        Value::String(text) if text.contains('\0') => {
            found.push(Problem::invalid(at, "contains a NUL character; any other Unicode text is fine"));
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn key_problem(key: &str) -> Option<String> {
    if key.is_empty() || key.len() > KEY_MAX_CHARS && key.chars().count() > KEY_MAX_CHARS {
        Some(format!("a key must have 1 to {KEY_MAX_CHARS} characters, not be {}", echo(key)))
    } else if key.contains('\0') {
        Some(format!("a key must not contain a NUL character, as {} does", echo(key)))
    } else if key.starts_with(RESERVED_KEY_PREFIX) {
        Some(format!("the key {} is reserved; choose another one", echo(key)))
    } else {
        None
    }
}

impl Default for Document {
    fn default() -> Self {
        Self::empty()
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The text as it stands: parsing its numbers and writing them again could change their digits.
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if raw.get().starts_with('{') {
            Ok(Self(raw.into()))
        } else {
            Err(D::Error::custom("a document must be a JSON object"))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::domain::value::fixtures::report;

    fn problems(value: &Value) -> String {
        report(|found| {
            found.absorb(Document::from_value(value, &Path::root().field("customAttributes")));
        })
    }

    fn nested(depth: usize) -> Value {
        (0..depth).fold(
            json!(1),
            |inner, level| if level % 2 == 0 { json!({ "k": inner }) } else { json!([inner]) },
        )
    }

    #[test]
    fn a_document_is_an_object_within_the_limits() {
        for (value, expected) in [
            (json!({}), ""),
            (json!({"a": null, "b": [1, "x", {"c": true}]}), ""),
            (json!([]), "INVALID customAttributes: must be a JSON object, such as {\"priority\": 1}"),
            (json!(null), "INVALID customAttributes: must be a JSON object, such as {\"priority\": 1}"),
            (json!({"": 1}), "INVALID customAttributes: a key must have 1 to 64 characters, not be \"\""),
            (
                json!({"a": {"b\u{0}": 1}}),
                "INVALID customAttributes.a: a key must not contain a NUL character, as \"b\\0\" does",
            ),
            (
                json!({"a": [0, {"b": "x\u{0}"}]}),
                "INVALID customAttributes.a.1.b: contains a NUL character; any other Unicode text is fine",
            ),
        ] {
            assert_eq!(problems(&value), expected);
        }
        assert_eq!(problems(&json!({ "ü".repeat(64): 1 })), "");
        assert!(problems(&json!({ "ü".repeat(65): 1 })).len() < 200);
    }

    #[test]
    fn every_problem_is_named() {
        let report = problems(&json!({"": 1, "a": "\u{0}", "b": {"": 1}}));
        assert_eq!(report.lines().count(), 3, "{report}");
    }

    #[test]
    fn a_key_that_would_be_taken_for_raw_json_is_refused_at_any_depth() {
        let key = "$serde_json::private::RawValue";
        for value in [json!({ key: "[1]" }), json!({"a": { key: "[1]" }}), json!({"a": [[{ key: "[1]" }]]})] {
            assert!(problems(&value).contains("is reserved"), "{value}");
        }
        assert!(problems(&json!({"$serde_json::private::Number": "1"})).contains("is reserved"));
    }

    #[test]
    fn it_is_up_to_eight_deep() {
        // An odd number of levels, so that the outermost one is an object.
        assert_eq!(problems(&nested(7)), "");
        assert_eq!(problems(&json!({ "k": nested(7) })), "");
        assert_eq!(
            problems(&nested(9)),
            "LIMIT_EXCEEDED customAttributes.k.0.k.0.k.0.k.0: objects and lists may stand up to 8 deep inside each \
             other"
        );
    }

    #[test]
    fn it_has_up_to_32_kib() {
        let fits = json!({ "a": "x".repeat(MAX_DOCUMENT_BYTES - r#"{"a":""}"#.len()) });
        assert_eq!(problems(&fits), "");
        let large = json!({ "a": "x".repeat(MAX_DOCUMENT_BYTES) });
        assert_eq!(
            problems(&large),
            "LIMIT_EXCEEDED customAttributes: may have up to 32768 bytes as compact JSON text, but this has 32776"
        );
    }

    #[test]
    fn a_patch_is_merged_one_level_deep() {
        let document = Document::from_text(r#"{"a":1,"b":{"x":1,"y":2},"c":"z"}"#).unwrap();
        let patch = json!({"a": null, "b": {"x": 3}, "d": [null], "e": null});
        let merged = document.merged(patch.as_object().unwrap(), &Path::root()).unwrap();
        assert_eq!(merged.as_str(), r#"{"b":{"x":3},"c":"z","d":[null]}"#);
        // The limits bind the whole, not only what is new.
        let patch = json!({ "e": "x".repeat(MAX_DOCUMENT_BYTES - 20) });
        assert!(merged.merged(patch.as_object().unwrap(), &Path::root()).is_err());
    }

    #[test]
    fn a_kept_text_must_be_that_of_an_object() {
        for text in ["[]", "null", "", "{", "{} {}", "1"] {
            assert!(Document::from_text(text).is_err(), "{text}");
        }
        // Digits stay as they were.
        assert_eq!(Document::from_text(r#" {"a":1.50} "#).unwrap().as_str(), r#"{"a":1.50}"#);
        assert!(Document::from_text("{}").unwrap().is_empty());
    }

    /// Sound JSON of no more than the given depth.
    fn json_value(depth: u32) -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[^\u{0}]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(depth, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[^\u{0}]{1,8}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_document_is_its_members(members in prop::collection::btree_map("[^\u{0}]{1,64}", json_value(6), 0..6)) {
            let map: Map<String, Value> = members.into_iter().collect();
            let document = Document::from_map(&map, &Path::root()).unwrap();
            prop_assert_eq!(&document.to_map(), &map);
            prop_assert_eq!(&Document::from_text(document.as_str()).unwrap(), &document);
            let json = serde_json::to_string(&document).unwrap();
            prop_assert_eq!(json.as_str(), document.as_str());
            let value = serde_json::to_value(&document).unwrap();
            prop_assert_eq!(&serde_json::from_value::<Document>(value).unwrap(), &document);
        }

        #[test]
        fn merging_twice_is_merging_once(
            before in prop::collection::btree_map("[a-d]", json_value(3), 0..4),
            patch in prop::collection::btree_map("[a-d]", json_value(3), 0..4),
        ) {
            let before = Document::from_map(&before.into_iter().collect(), &Path::root()).unwrap();
            let patch: Map<String, Value> = patch.into_iter().collect();
            let once = before.merged(&patch, &Path::root()).unwrap();
            prop_assert_eq!(&once.merged(&patch, &Path::root()).unwrap(), &once);
        }
    }
}
