//! The schema, as far as it takes to find every field and to ask for it.

use std::collections::{BTreeSet, HashMap};

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition},
};

/// The types of the schema by their names.
pub(super) struct Schema(HashMap<String, TypeKind>);

impl Schema {
    pub(super) fn read() -> Self {
        let schema = parse_schema(waybill::graphql::sdl()).unwrap();
        let types = schema.definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => {
                Some((definition.node.name.node.to_string(), definition.node.kind))
            }
            _ => None,
        });
        Self(types.collect())
    }

    /// The names of all types, in the same order each time.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// The fields of an object or an interface.
    pub(super) fn fields(&self, of: &str) -> Vec<&FieldDefinition> {
        match self.0.get(of) {
            Some(TypeKind::Object(object)) => object.fields.iter().map(|field| &field.node).collect(),
            Some(TypeKind::Interface(interface)) => {
                interface.fields.iter().map(|field| &field.node).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The fields of an input.
    pub(super) fn inputs(&self, name: &str) -> Option<Vec<&InputValueDefinition>> {
        match self.0.get(name) {
            Some(TypeKind::InputObject(object)) => {
                Some(object.fields.iter().map(|field| &field.node).collect())
            }
            _ => None,
        }
    }

    /// The first value of an enum.
    pub(super) fn first_value(&self, name: &str) -> Option<String> {
        match self.0.get(name) {
            Some(TypeKind::Enum(values)) => Some(values.values[0].node.value.node.to_string()),
            _ => None,
        }
    }

    /// Whether values of that type have no fields.
    pub(super) fn is_leaf(&self, name: &str) -> bool {
        matches!(self.0.get(name), None | Some(TypeKind::Scalar | TypeKind::Enum(_)))
    }

    /// Whether which object it is shows only in an answer.
    pub(super) fn is_abstract(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(TypeKind::Interface(_) | TypeKind::Union(_)))
    }

    /// The types of the objects that a value of that type may be.
    pub(super) fn objects(&self, name: &str) -> BTreeSet<&str> {
        match self.0.get(name) {
            Some(TypeKind::Object(_)) => {
                self.0.get_key_value(name).map(|(name, _)| name.as_str()).into_iter().collect()
            }
            Some(TypeKind::Union(union)) => union.members.iter().map(|member| member.node.as_str()).collect(),
            Some(TypeKind::Interface(_)) => {
                let implements = |kind: &TypeKind| match kind {
                    TypeKind::Object(object) => object.implements.iter().any(|it| it.node == name),
                    _ => false,
                };
                self.0.iter().filter(|(_, kind)| implements(kind)).map(|(name, _)| name.as_str()).collect()
            }
            _ => BTreeSet::new(),
        }
    }

    /// The types that an inline fragment on an abstract type may name.
    pub(super) fn narrower(&self, than: &str) -> Vec<&str> {
        if !self.is_abstract(than) {
            return Vec::new();
        }
        let all = self.objects(than);
        let meets = |name: &&str| *name != than && !self.objects(name).is_disjoint(&all);
        self.names().into_iter().filter(meets).collect()
    }
}

/// Whether a value must be given.
pub(super) fn is_required(input: &InputValueDefinition) -> bool {
    !input.ty.node.nullable && input.default_value.is_none()
}

/// The name of a type without lists and the like.
pub(super) fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}
