//! How many things a field gives, as far as the schema tells. It is read from the schema itself, so that a field that is
//! added to it has its weight.

use std::{collections::HashMap, sync::LazyLock};

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition},
};

use super::super::sdl;

/// How many members a list counts for whose length nobody can tell beforehand.
pub(super) const USUAL_MEMBERS: u64 = 5;

/// How many things a field gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Weight {
    /// One, or a list of scalars, which is one.
    #[default]
    One,
    /// A page: as many as `first` or `last` says.
    Page,
    /// One for each of `ids`.
    Each,
    /// Some.
    Some,
}

/// What the schema tells about a field.
#[derive(Debug)]
pub(super) struct FieldWeight {
    /// How many things it gives.
    pub(super) weight: Weight,
    /// The type of each.
    pub(super) of: String,
}

/// Fields by type and name.
#[derive(Debug, Default)]
pub(super) struct Weights(HashMap<String, HashMap<String, FieldWeight>>);

/// Those of the one schema that there is.
pub(super) static WEIGHTS: LazyLock<Weights> = LazyLock::new(|| Weights::of(&sdl()));

impl Weights {
    /// Those of a schema. What cannot be read weighs nothing; a test sees to it that the schema can.
    fn of(sdl: &str) -> Self {
        let Ok(document) = parse_schema(sdl) else { return Self::default() };
        let types: Vec<_> = document
            .definitions
            .into_iter()
            .filter_map(|definition| match definition {
                TypeSystemDefinition::Type(definition) => Some(definition.node),
                _ => None,
            })
            .collect();
        let leaves: Vec<_> = types
            .iter()
            .filter(|definition| matches!(definition.kind, TypeKind::Scalar | TypeKind::Enum(_)))
            .map(|definition| definition.name.node.to_string())
            .chain(["ID", "String", "Int", "Float", "Boolean"].map(ToOwned::to_owned))
            .collect();
        let weights = types.into_iter().filter_map(|definition| {
            let name = definition.name.node.to_string();
            let fields = match definition.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                _ => return None,
            };
            let is_page = name.ends_with("Connection");
            let fields = fields.into_iter().map(|field| {
                let weight = FieldWeight::of(&field.node, is_page, &leaves);
                (field.node.name.node.to_string(), weight)
            });
            Some((name, fields.collect()))
        });
        Self(weights.collect())
    }

    /// What is known of a field.
    pub(super) fn field(&self, of: &str, name: &str) -> Option<&FieldWeight> {
        self.0.get(of)?.get(name)
    }
}

impl FieldWeight {
    fn of(field: &FieldDefinition, is_in_page: bool, leaves: &[String]) -> Self {
        let (is_list, of) = named(&field.ty.node);
        let takes = |name: &str| field.arguments.iter().any(|argument| argument.node.name.node == name);
        let weight = if takes("first") {
            Weight::Page
        } else if !is_list || is_in_page || leaves.contains(&of) {
            // The members of a page were counted where the page was asked for.
            Weight::One
        } else if takes("ids") {
            Weight::Each
        } else {
            Weight::Some
        };
        Self { weight, of }
    }
}

/// Whether a type is a list, and the name of what it is made of.
fn named(ty: &Type) -> (bool, String) {
    match &ty.base {
        BaseType::Named(name) => (false, name.to_string()),
        BaseType::List(member) => (true, named(member).1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_tells_how_much_a_field_gives() {
        for (of, name, expected) in [
            ("Query", "orders", (Weight::Page, "OrderConnection")),
            ("OrderConnection", "nodes", (Weight::One, "Order")),
            ("OrderConnection", "edges", (Weight::One, "OrderEdge")),
            ("Query", "nodes", (Weight::Each, "Node")),
            ("Query", "order", (Weight::One, "Order")),
            ("Order", "workOrders", (Weight::Some, "WorkOrder")),
            ("Order", "events", (Weight::Page, "OrderEventConnection")),
            ("Order", "status", (Weight::One, "String")),
            ("Viewer", "scopes", (Weight::One, "String")),
        ] {
            let found = WEIGHTS.field(of, name).unwrap_or_else(|| panic!("{of}.{name}"));
            assert_eq!((found.weight, found.of.as_str()), expected, "{of}.{name}");
        }
        assert!(WEIGHTS.field("Order", "nothing").is_none() && WEIGHTS.field("Nothing", "id").is_none());
    }
}
