//! The checked-in schema is the code's.

use std::{fs, path::Path};

use async_graphql::parser::{
    parse_schema,
    types::{TypeKind, TypeSystemDefinition},
};

#[test]
fn the_checked_in_schema_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
    let checked_in = fs::read_to_string(&path).unwrap_or_default();
    let code = waybill::graphql::sdl();
    assert!(
        checked_in == code,
        "schema.graphql is not the code's; refresh it with: cargo run -- schema > schema.graphql"
    );
}

#[test]
fn everything_in_the_schema_has_a_description() {
    let document = parse_schema(waybill::graphql::sdl()).unwrap();
    let mut missing = Vec::new();
    let mut check = |described: bool, name: String| {
        if !described {
            missing.push(name);
        }
    };
    let types = document.definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(definition.node),
        _ => None,
    });
    for definition in types {
        let of = definition.name.node;
        check(definition.description.is_some(), of.to_string());
        let (fields, inputs, values) = match definition.kind {
            TypeKind::Object(object) => (object.fields, vec![], vec![]),
            TypeKind::Interface(interface) => (interface.fields, vec![], vec![]),
            TypeKind::InputObject(object) => (vec![], object.fields, vec![]),
            TypeKind::Enum(enumeration) => (vec![], vec![], enumeration.values),
            TypeKind::Scalar | TypeKind::Union(_) => (vec![], vec![], vec![]),
        };
        for field in fields {
            check(field.node.description.is_some(), format!("{of}.{}", field.node.name));
            for argument in &field.node.arguments {
                let name = format!("{of}.{}({}:)", field.node.name, argument.node.name);
                check(argument.node.description.is_some(), name);
            }
        }
        for field in inputs {
            check(field.node.description.is_some(), format!("{of}.{}", field.node.name));
        }
        for value in values {
            check(value.node.description.is_some(), format!("{of}.{}", value.node.value));
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn every_root_field_has_its_scopes() {
    let document = parse_schema(waybill::graphql::sdl()).unwrap();
    let fields = document.definitions.into_iter().filter_map(|definition| {
        let TypeSystemDefinition::Type(definition) = definition else { return None };
        let of = definition.node.name.node;
        match definition.node.kind {
            TypeKind::Object(object) if ["Query", "Mutation", "Subscription"].contains(&of.as_str()) => {
                Some(object.fields.into_iter().map(move |field| format!("{of}.{}", field.node.name)))
            }
            _ => None,
        }
    });
    for field in fields.flatten() {
        assert!(
            waybill::graphql::guard::SCOPES.iter().any(|(known, _)| *known == field),
            "nobody said who may use {field}: add a line (\"{field}\", &[Scope::…]) to SCOPES in src/graphql/guard.rs"
        );
    }
}

/// The headings below `heading` in a document.
fn headings(document: &str, heading: &str) -> Vec<String> {
    let (_, section) = document.split_once(heading).unwrap();
    let section = section.split("\n## ").next().unwrap();
    section.lines().filter_map(|line| line.strip_prefix("### ")).map(ToOwned::to_owned).collect()
}

#[test]
fn every_code_is_documented_and_no_other() {
    let document = include_str!("../../docs/ERRORS.md");
    let user_errors = waybill::domain::problem::Code::ALL.map(waybill::domain::problem::Code::as_str);
    assert_eq!(headings(document, "## Codes of `userErrors`"), user_errors);
    let top_level = waybill::graphql::Code::ALL.map(waybill::graphql::Code::as_str);
    assert_eq!(headings(document, "## Codes of top-level errors"), top_level);
}
