use std::sync::Arc;

use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{
    super::value::Document,
    fixtures::{defined, plain as new},
    *,
};
use crate::domain::{
    order::Patch,
    problem::Path,
    value::fixtures::{paths, report},
};

fn range(min: Option<&str>, max: Option<&str>) -> Range {
    let read = |text: Option<&str>| text.map(|text| text.parse().unwrap());
    Range { min: read(min), max: read(max) }
}

fn problems(new: NewDefinition) -> String {
    report(|found| {
        found.absorb(new.into_definition());
    })
}

#[test]
fn a_key_is_a_name() {
    for key in ["a", "_", "priority", "A_1", &"k".repeat(64)] {
        assert_eq!(problems(new(key, Type::String)), "", "{key}");
    }
    for key in ["", "1a", "a-b", "a b", "ä", "a.b", "$serde", &"k".repeat(65)] {
        assert!(problems(new(key, Type::String)).starts_with("INVALID key: "), "{key}");
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    use Type::{Array, Boolean, DateTime, Number, Object, String};
    let text = |regex: &str| NewDefinition { regex: Some(regex.to_owned()), ..new("a", String) };
    for (definition, expected) in [
        (NewDefinition { range: Some(range(Some("1"), Some("1.0"))), ..new("a", Number) }, ""),
        (NewDefinition { range: Some(range(Some("-1.5"), None)), ..new("a", Number) }, ""),
        (NewDefinition { range: Some(range(None, None)), ..new("a", Boolean) }, ""),
        (NewDefinition { range: Some(range(Some("2"), Some("1"))), ..new("a", Number) }, "range"),
        (NewDefinition { range: Some(range(Some("-1"), None)), ..new("a", String) }, "range"),
        (NewDefinition { range: Some(range(None, Some("1.5"))), ..new("a", String) }, "range"),
        (NewDefinition { range: Some(range(Some("0"), None)), ..new("a", Boolean) }, "range"),
        (NewDefinition { range: Some(range(Some("0"), None)), ..new("a", DateTime) }, "range"),
        (text("^[A-Z]{2}$"), ""),
        (text("("), "regex"),
        (text("(?=a)"), "regex"),
        (text(&"a".repeat(513)), "regex"),
        (text(r"(\w{500}){500}"), "regex"),
        (NewDefinition { regex: Some("a".into()), ..new("a", Number) }, "regex"),
        (NewDefinition { indexed: true, ..new("a", Object) }, "indexed"),
        (NewDefinition { indexed: true, ..new("a", Array) }, "indexed"),
        (NewDefinition { indexed: true, ..new("a", Boolean) }, ""),
        (NewDefinition { one_of: Some(vec![json!(1), json!("1.50")]), ..new("a", Number) }, ""),
        (NewDefinition { one_of: Some(vec![]), ..new("a", Number) }, "oneOf"),
        (NewDefinition { one_of: Some(vec![json!(1), json!("x")]), ..new("a", Number) }, "oneOf.1"),
        (NewDefinition { one_of: Some(vec![json!({})]), ..new("a", Object) }, "oneOf"),
        (NewDefinition { one_of: Some(vec![json!("a"); 101]), ..new("a", String) }, "oneOf"),
        (
            NewDefinition {
                one_of: Some(vec![json!("abc")]),
                range: Some(range(None, Some("2"))),
                ..new("a", String)
            },
            "oneOf.0",
        ),
        (NewDefinition { default: Some(json!("x")), ..new("a", Number) }, "defaultValue"),
        (NewDefinition { default: Some(Value::Null), ..new("a", Number) }, ""),
        (
            NewDefinition {
                default: Some(json!(3)),
                range: Some(range(None, Some("2"))),
                ..new("a", Number)
            },
            "defaultValue",
        ),
        (
            NewDefinition {
                default: Some(json!({"$serde_json::private::RawValue": "1"})),
                ..new("a", Object)
            },
            "defaultValue.a",
        ),
        (
            NewDefinition { default: Some(json!("b")), one_of: Some(vec![json!("a")]), ..new("a", String) },
            "defaultValue",
        ),
    ] {
        let found = paths(|found| {
            found.absorb(definition.clone().into_definition());
        });
        assert_eq!(found, expected, "{definition:?}");
    }
}

#[test]
fn every_problem_of_a_definition_is_named() {
    let bad = NewDefinition {
        description: Some("x".repeat(2_001)),
        indexed: true,
        range: Some(range(Some("1"), None)),
        regex: Some("a".into()),
        one_of: Some(vec![json!(1)]),
        ..new("1", Type::Object)
    };
    let found = paths(|found| {
        found.absorb(bad.into_definition());
    });
    assert_eq!(found, "key description indexed range regex oneOf");
}

#[test]
fn a_value_is_held_against_its_definition() {
    let of = |definition: NewDefinition| definition.into_definition().unwrap();
    let text = of(NewDefinition {
        range: Some(range(Some("2"), Some("3"))),
        regex: Some("^[A-Zü]+$".into()),
        ..new("a", Type::String)
    });
    let number = of(NewDefinition { range: Some(range(Some("0.5"), Some("2"))), ..new("a", Type::Number) });
    let choice = of(NewDefinition { one_of: Some(vec![json!("1.50"), json!(2)]), ..new("a", Type::Number) });
    let instant = of(new("a", Type::DateTime));
    for (definition, value, expected) in [
        (&text, json!("AB"), ""),
        (&text, json!("Aüü"), ""),
        (&text, json!("A"), "a must have from 2 to 3 characters, but this has 1"),
        (&text, json!("ab"), "a must match the regular expression ^[A-Zü]+$"),
        (&text, json!(1), "a is a STRING attribute: it must be a string"),
        (&number, json!(0.5), ""),
        (&number, json!("2.00"), ""),
        (&number, json!(2.01), "a must be from 0.5 to 2, not 2.01"),
        (
            &number,
            json!("1e0"),
            "a is a NUMBER attribute: it must be a number of at most 28 digits, such as 12.5 or \"12.50\"",
        ),
        (&choice, json!(1.5), ""),
        (&choice, json!("2.0"), ""),
        (&choice, json!(1), "a must be one of \"1.50\", 2"),
        (&instant, json!("2026-03-01T09:30:00.123456789+05:30"), ""),
        (
            &instant,
            json!("2026-03-01"),
            "a is a DATE_TIME attribute: it must be an instant in RFC 3339 form, such as \"2026-03-01T09:30:00Z\"",
        ),
    ] {
        assert_eq!(definition.read(&value).err().unwrap_or_default(), expected, "{value}");
    }
    assert!(Type::Boolean.read(&json!(true)).is_some() && Type::Boolean.read(&json!("true")).is_none());
    assert!(Type::Object.read(&json!({})).is_some() && Type::Object.read(&json!([])).is_none());
    assert!(Type::Array.read(&json!([])).is_some() && Type::Array.read(&Value::Null).is_none());
}

#[test]
fn a_definition_changes_only_into_a_sound_one() {
    let present = NewDefinition { range: Some(range(Some("1"), Some("9"))), ..new("a", Type::Number) };
    let present = present.into_definition().unwrap();
    assert_eq!(DefinitionPatch::default().apply(&present).unwrap(), present);
    let cleared = DefinitionPatch { range: Patch::Clear, required: Some(true), ..DefinitionPatch::default() };
    let cleared = cleared.apply(&present).unwrap();
    assert_eq!((cleared.range, cleared.required), (Range::default(), true));
    let broken = DefinitionPatch { default: Patch::Set(json!(10)), ..DefinitionPatch::default() };
    assert!(broken.apply(&present).is_err());
}

fn rules() -> Rules {
    let living = [
        NewDefinition { required: true, ..new("lane", Type::String) },
        NewDefinition {
            default: Some(json!(1)),
            range: Some(range(None, Some("5"))),
            ..new("priority", Type::Number)
        },
        new("tags", Type::Object),
    ];
    Rules::new(living.map(|new| Arc::new(new.into_definition().unwrap())), ["old".to_owned()])
}

fn admitted(given: &str) -> (String, String) {
    let mut document = Document::empty();
    let problems = paths(|found| {
        document = rules().admit(Document::from_text(given).unwrap(), &Path::root(), found);
    });
    (document.as_str().to_owned(), problems)
}

#[test]
fn a_new_owner_gets_defaults_and_hears_of_every_problem() {
    assert_eq!(admitted(r#"{"lane":"B"}"#), (r#"{"lane":"B","priority":1}"#.into(), String::new()));
    let full = r#"{"lane":"B","priority":2.5,"tags":{}}"#;
    assert_eq!(admitted(full), (full.into(), String::new()));
    let bad = r#"{"nope":1,"old":1,"priority":6,"tags":[]}"#;
    assert_eq!(admitted(bad).1, "nope old priority tags lane");
}

#[test]
fn a_patch_is_held_against_what_it_changes_only() {
    let present = Document::from_text(r#"{"legacy":1,"old":2,"priority":9,"tags":{"a":1}}"#).unwrap();
    for (patch, expected) in [
        (json!({"tags": {"b": 1}}), "tags"),
        (json!({"priority": 9}), ""),
        (json!({"priority": 6}), "refused priority"),
        (json!({"old": 2, "legacy": 1}), ""),
        (json!({"old": null, "legacy": null}), "legacy old"),
        (json!({"old": 3, "legacy": 3}), "refused legacy old"),
        (json!({"lane": null}), "refused lane"),
        (json!({"nope": null, "more": 1}), "refused more nope"),
        (json!({"lane": "C", "tags": null, "priority": null}), "lane priority tags"),
    ] {
        let result = rules().merge(&present, patch.as_object().unwrap(), &Path::root());
        let found = match result {
            Ok(merged) => merged.changed.into_iter().map(|(key, ..)| key).collect::<Vec<_>>().join(" "),
            Err(problems) => {
                let paths = problems.as_slice().iter().map(|problem| problem.path.to_string());
                format!("refused {}", paths.collect::<Vec<_>>().join(" "))
            }
        };
        assert_eq!(found, expected, "{patch}");
    }
}

fn decimal() -> impl Strategy<Value = Decimal> {
    (-9_999_999_999_999_999_999_999_999_999_i128..=9_999_999_999_999_999_999_999_999_999, 0..=28_u32)
        .prop_map(|(mantissa, scale)| Decimal::from_i128_with_scale(mantissa, scale))
}

fn small_decimal() -> impl Strategy<Value = Decimal> {
    (-1_200_i64..1_200, 0..4_u32).prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale))
}

fn key_of(text: &str) -> Vec<u8> {
    encode(&Typed::Text(text.to_owned()))
}

proptest! {
    #[test]
    fn bytes_of_numbers_sort_as_numbers(
        a in prop_oneof![decimal(), small_decimal()],
        b in prop_oneof![decimal(), small_decimal()],
    ) {
        prop_assert_eq!(encode(&Typed::Number(a)).cmp(&encode(&Typed::Number(b))), a.cmp(&b), "{} {}", a, b);
    }

    #[test]
    fn bytes_of_texts_sort_by_code_point(a in "[a-c\u{0}-\u{10ffff}]{0,4}", b in "[a-c\u{0}-\u{10ffff}]{0,4}") {
        prop_assert_eq!(key_of(&a).cmp(&key_of(&b)), a.chars().cmp(b.chars()));
        let (from, to) = encode_prefix(&b);
        let key = key_of(&a);
        prop_assert_eq!(key >= from && key < to, a.starts_with(&b));
    }

    #[test]
    fn bytes_of_instants_sort_by_time(a in any::<i32>(), b in any::<i32>()) {
        let key = |micros: i32| {
            encode(&Typed::DateTime(DateTime::from_timestamp_micros(i64::from(micros)).unwrap()))
        };
        prop_assert_eq!(key(a).cmp(&key(b)), a.cmp(&b));
    }

    #[test]
    fn merging_twice_is_merging_once(patch in prop::collection::btree_map("[a-c]", prop_oneof![
        Just(Value::Null), any::<i8>().prop_map(Value::from)
    ], 0..3)) {
        let rules = defined(&[("a", Type::Number), ("b", Type::Number), ("c", Type::Number)]);
        let present = Document::from_text(r#"{"a":1}"#).unwrap();
        let patch: Map<String, Value> = patch.into_iter().collect();
        let once = rules.merge(&present, &patch, &Path::root()).unwrap().document;
        let twice = rules.merge(&once, &patch, &Path::root()).unwrap();
        prop_assert_eq!(&twice.document, &once);
        prop_assert_eq!(twice.changed, vec![]);
    }
}

#[test]
fn what_is_absent_comes_last_and_long_texts_keep_apart() {
    let long = "x".repeat(2_000);
    let keys = [key_of(""), key_of("a"), key_of(&"x".repeat(1_024)), key_of(&long), key_of("\u{10ffff}")];
    assert!(keys.is_sorted());
    assert!(keys.iter().all(|key| key.as_slice() < ABSENT && key.len() < 1_100));
    assert_ne!(key_of(&long), key_of(&format!("{long}y")));
    let equal = |a: &str, b: &str| {
        let key = |text: &str| encode(&Typed::Number(text.parse().unwrap()));
        assert_eq!(key(a), key(b), "{a} {b}");
    };
    equal("1", "1.000");
    equal("-120", "-120.0");
    equal("0", "0.00");
}
