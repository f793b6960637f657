//! Values for the arguments that a field must have, made from their types.

use std::collections::BTreeMap;

use async_graphql::parser::types::{BaseType, InputValueDefinition, Type};
use serde_json::{Map, Value, json};

use super::schema::{Schema, is_required, named};

/// A value as it is written into a document, and as it is sent beside it.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) literal: String,
    pub(super) json: Value,
}

/// What values are made of.
pub(super) struct Values<'a> {
    pub(super) schema: &'a Schema,
    /// An id of each type that has some.
    pub(super) ids: &'a BTreeMap<String, String>,
    /// Where the log of events begins.
    pub(super) cursor: &'a str,
    /// An address that answers.
    pub(super) url: &'a str,
    /// Makes what must be unique differ from one document to the next.
    pub(super) number: usize,
}

impl Values<'_> {
    /// The arguments of a field, each with its type: those that it must have, and where it is to begin. An id is one of
    /// `of`, or of the type that its place tells.
    pub(super) fn arguments(
        &self,
        field: &str,
        arguments: &[&InputValueDefinition],
        of: Option<&str>,
    ) -> Vec<(String, String, Given)> {
        let is_given =
            |argument: &&&InputValueDefinition| is_required(argument) || argument.name.node == "after";
        let given = arguments.iter().filter(is_given).map(|argument| {
            let name = argument.name.node.as_str();
            let value = self.value(&[field, name], &argument.ty.node, of, 0);
            (name.to_owned(), argument.ty.node.to_string(), value)
        });
        given.collect()
    }

    fn value(&self, place: &[&str], ty: &Type, of: Option<&str>, depth: usize) -> Given {
        if let BaseType::List(inner) = &ty.base {
            let member = self.value(place, inner, of, depth);
            return Given { literal: format!("[{}]", member.literal), json: json!([member.json]) };
        }
        let scalar = |json: Value| Given { literal: json.to_string(), json };
        let name = named(ty);
        if let Some(value) = self.schema.first_value(name) {
            return Given { literal: value.clone(), json: json!(value) };
        }
        if self.schema.inputs(name).is_some() {
            return self.object(place, name, of, depth);
        }
        match name {
            "ID" => scalar(json!(self.id(place, of))),
            "String" => scalar(json!(self.text(place, depth))),
            "Int" => scalar(json!(1)),
            "Float" => scalar(json!(1.5)),
            "Boolean" => scalar(json!(true)),
            "JSON" => Given { literal: "{}".to_owned(), json: json!({}) },
            "DateTime" => scalar(json!("2026-03-01T00:00:00Z")),
            "Decimal" => scalar(json!("1")),
            _ => panic!("the test cannot fill {place:?} of the type {name}: teach `Values::value` that type"),
        }
    }

    /// An input with what it must have, and at the outside with every optional text. One that need not have anything gets
    /// the first text that it may have.
    fn object(&self, place: &[&str], name: &str, of: Option<&str>, depth: usize) -> Given {
        let fields = self.schema.inputs(name).unwrap();
        let is_text =
            |field: &&InputValueDefinition| field.ty.node.nullable && field.ty.node.to_string() == "String";
        let needs_nothing = !fields.iter().any(|field| is_required(field));
        let first = fields.iter().copied().find(is_text).filter(|_| needs_nothing);
        let (mut literals, mut members) = (Vec::new(), Map::new());
        for field in fields {
            let is_first = first.is_some_and(|first| first.name.node == field.name.node);
            if is_required(field) || is_first || (depth == 0 && is_text(&field)) {
                let at = [place, &[field.name.node.as_str()]].concat();
                let value = self.value(&at, &field.ty.node, of, depth + 1);
                literals.push(format!("{}: {}", field.name.node, value.literal));
                members.insert(field.name.node.to_string(), value.json);
            }
        }
        Given { literal: format!("{{{}}}", literals.join(", ")), json: Value::Object(members) }
    }

    /// A text that may do at its place. Where none of these does, the server says so, and nothing is lost but that the
    /// mutation would not have done anything.
    fn text(&self, place: &[&str], depth: usize) -> String {
        let name = *place.last().unwrap();
        match name {
            "after" | "afterCursor" => self.cursor.to_owned(),
            "country" => "IN".to_owned(),
            "countryCode" => "+91".to_owned(),
            "currency" => "INR".to_owned(),
            "url" => self.url.to_owned(),
            "expression" | "condition" => "true".to_owned(),
            "scopes" => "orders:read".to_owned(),
            "event" => "CANCEL".to_owned(),
            "name" | "clientOrderId" if depth == 1 => format!("x{}", self.number),
            _ if name.to_lowercase().ends_with("key") => format!("x{}", self.number),
            _ => "x".to_owned(),
        }
    }

    /// An id of the type that its place tells: by its own name, such as `pluginId`, or by the name of the field that takes
    /// it, such as `pluginWorkflowDelete`. An order's where neither tells.
    fn id(&self, place: &[&str], of: Option<&str>) -> &str {
        let known = |of: &str| self.ids.get(of).map(String::as_str);
        let longest = |fits: &dyn Fn(&str) -> bool| {
            self.ids.keys().filter(|of| fits(&of.to_lowercase())).max_by_key(|of| of.len())
        };
        let name = place.last().unwrap().trim_end_matches("Id").to_lowercase();
        let field = place[0].to_lowercase();
        of.and_then(known)
            .or_else(|| known(longest(&|of| of == name)?))
            .or_else(|| known(longest(&|of| name != "id" && name != "ids" && of.ends_with(&name))?))
            .or_else(|| known(longest(&|of| field.starts_with(of))?))
            .or_else(|| known("Order"))
            .unwrap()
    }
}
