//! Puts the fields of an answer into the order in which the document selects them.
//!
//! The GraphQL specification asks for that order; async-graphql 7 answers in the order in which fields were resolved,
//! which puts those that waited for the store last.

use async_graphql::{
    Name, Value,
    indexmap::IndexMap,
    parser::types::{ExecutableDocument, OperationDefinition, Selection, SelectionSet},
};

/// A document may expand to more fields than it has characters, by fragments inside fragments. One that exceeds this
/// is answered unordered, or rather refused, since it is too complex as well.
const MAX_FIELDS: usize = 10_000;

/// Selected fields by response key, each with the order of the fields below it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FieldOrder(IndexMap<Name, FieldOrder>);

impl FieldOrder {
    /// The order that an operation of the document asks for.
    pub fn of(document: &ExecutableDocument, operation: &OperationDefinition) -> Self {
        let mut order = Self::default();
        let mut left = MAX_FIELDS;
        match order.collect(document, &operation.selection_set.node, &mut left) {
            Some(()) => order,
            None => Self::default(),
        }
    }

    fn collect(
        &mut self,
        document: &ExecutableDocument,
        selections: &SelectionSet,
        left: &mut usize,
    ) -> Option<()> {
        for selection in &selections.items {
            // Fragments count too: they may spread each other in a circle, which is found out only later.
            *left = left.checked_sub(1)?;
            match &selection.node {
                Selection::Field(field) => {
                    let below = self.0.entry(field.node.response_key().node.clone()).or_default();
                    below.collect(document, &field.node.selection_set.node, left)?;
                }
                Selection::InlineFragment(fragment) => {
                    self.collect(document, &fragment.node.selection_set.node, left)?;
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                        self.collect(document, &fragment.node.selection_set.node, left)?;
                    }
                }
            }
        }
        Some(())
    }

    /// Orders the fields of an answer.
    pub fn apply(&self, value: &mut Value) {
        match value {
            Value::List(members) => members.iter_mut().for_each(|member| self.apply(member)),
            Value::Object(fields) if !self.0.is_empty() => {
                // Most often all is in order, and then nothing need be looked up.
                if fields.len() != self.0.len() || !fields.keys().eq(self.0.keys()) {
                    fields.sort_by_cached_key(|name, _| self.0.get_index_of(name).unwrap_or(usize::MAX));
                }
                let mut selected = self.0.iter();
                for (name, field) in fields {
                    // A fragment on another type may select fields that this object does not have.
                    if let Some((_, below)) = selected.find(|(selected, _)| *selected == name)
                        && !below.0.is_empty()
                    {
                        below.apply(field);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    fn order(document: &str) -> FieldOrder {
        let document = parse_query(document).unwrap();
        let operation = &document.operations.iter().next().unwrap().1.node;
        FieldOrder::of(&document, operation)
    }

    fn ordered(document: &str, answer: serde_json::Value) -> String {
        let mut answer = Value::from_json(answer).unwrap();
        order(document).apply(&mut answer);
        serde_json::to_string(&answer).unwrap()
    }

    #[test]
    fn fields_stand_as_selected() {
        let document = "{ z: a b { d c } list { y x } ...f } fragment f on T { b { e } a }";
        let answer = json!({"list": [{"x": 1, "y": 2}, null, {"y": 3, "x": 4}], "a": 5, "b": {"c": 6, "e": 7, "d": 8}, "z": 9});
        assert_eq!(
            ordered(document, answer),
            r#"{"z":9,"b":{"d":8,"c":6,"e":7},"list":[{"y":2,"x":1},null,{"y":3,"x":4}],"a":5}"#
        );
    }

    #[test]
    fn a_value_without_selections_stays_as_it_is() {
        assert_eq!(ordered("{ json }", json!({"json": {"b": 1, "a": 2}})), r#"{"json":{"a":2,"b":1}}"#);
    }

    #[test]
    fn fragments_in_a_circle_end() {
        let document = "{ ...a } fragment a on T { x ...b } fragment b on T { ...a }";
        assert_eq!(order(document), FieldOrder::default());
    }

    #[test]
    fn fragments_that_multiply_end() {
        let mut document = "{ ...f0 }".to_owned();
        for n in 0..60 {
            let next = n + 1;
            let fragment = format!(" fragment f{n} on T {{ x {{ ...f{next} }} y {{ ...f{next} }} }}");
            document.push_str(&fragment);
        }
        document += " fragment f60 on T { z }";
        assert_eq!(order(&document), FieldOrder::default());
    }
}
