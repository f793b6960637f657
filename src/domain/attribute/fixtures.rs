//! Definitions, for tests.

use std::sync::Arc;

use super::{NewDefinition, Rules, Type};

/// A definition that asks for nothing but a type.
pub(in crate::domain) fn plain(key: &str, kind: Type) -> NewDefinition {
    NewDefinition {
        key: key.to_owned(),
        description: None,
        kind,
        indexed: false,
        required: false,
        default: None,
        range: None,
        regex: None,
        one_of: None,
    }
}

/// What such definitions ask for.
pub(in crate::domain) fn defined(all: &[(&str, Type)]) -> Rules {
    let living = all.iter().map(|(key, kind)| Arc::new(plain(key, *kind).into_definition().unwrap()));
    Rules::new(living, [])
}
