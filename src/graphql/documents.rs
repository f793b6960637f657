//! Documents that were sent before.
//!
//! Clients send a few documents over and over, and to parse and validate one can cost more than to answer it. What
//! depends on the document alone is therefore kept by its text: the parsed document, the order of its fields, and that
//! it was found valid. No answer is kept.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use async_graphql::{
    Name, Positioned, Value, Variables,
    parser::types::{
        BaseType, DocumentOperations, ExecutableDocument, OperationDefinition, Selection, SelectionSet,
    },
};

use super::{
    field_order::FieldOrder,
    guard::{self, Need},
    limits::Cost,
};

/// A longer document is parsed each time; so one that was made by hand fits, and values that a client wrote into the
/// text of a document instead of sending them as variables do not fill the memory.
const MAX_BYTES: usize = 8 * 1024;
/// How much is kept; beyond it all is forgotten, and parsed again as it comes. Parsed, a document takes some 20 times the
/// memory of its text.
const MAX_TOTAL_BYTES: usize = 512 * 1024;
/// What a document counts for beside its text, so that many short ones do not fill the memory either.
const OVERHEAD_BYTES: usize = 128;

/// What depends on a document alone.
#[derive(Debug)]
pub struct Document {
    /// As it was parsed.
    pub parsed: ExecutableDocument,
    /// The order of the fields of its one operation; of the one that was asked for, if it has several.
    pub order: Arc<FieldOrder>,
    /// What its one operation needs of the caller, or the one that was asked for.
    pub needs: Vec<Need>,
    /// Whether it has one operation, and that asks for one field.
    pub has_one_field: bool,
    /// What its operation is called, if it has one operation with a name.
    pub name: Option<Name>,
    /// What its operation costs.
    pub(super) cost: Cost,
    /// Whether it asks about the schema.
    pub introspects: bool,
    /// The variables of its one operation, if all of them are of built-in scalar types.
    variables: Option<Vec<(Name, Scalar)>>,
    is_valid: AtomicBool,
}

/// Types whose values can be told right from wrong by looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scalar {
    Id,
    Text,
    Int,
    Flag,
}

impl Document {
    /// What is to be known of a document of which that operation was asked for, which costs as much as `cost` says.
    pub(super) fn new(parsed: ExecutableDocument, operation: Option<&str>, cost: Cost) -> Self {
        let order = Arc::new(FieldOrder::of(&parsed, operation));
        let needs = guard::needs(&parsed, operation);
        let only = only_operation(&parsed);
        let variables = only.and_then(variables);
        let has_one_field = only.is_some_and(|operation| operation.selection_set.node.items.len() == 1);
        let introspects = introspects(&parsed);
        let name = match &parsed.operations {
            DocumentOperations::Multiple(named) if named.len() == 1 => named.keys().next().cloned(),
            _ => None,
        };
        Self {
            parsed,
            order,
            needs,
            name,
            cost,
            introspects,
            has_one_field,
            variables,
            is_valid: AtomicBool::new(false),
        }
    }

    /// It was executed, and so it is valid.
    pub fn found_valid(&self) {
        self.is_valid.store(true, Ordering::Relaxed);
    }

    /// Whether there is nothing to be found by validating it once more. What a document says does not change; what
    /// remains are the values of its variables, and those of built-in scalar types are looked at here.
    pub fn is_valid_with(&self, values: &Variables) -> bool {
        let Some(variables) = self.variables.as_ref().filter(|_| self.is_valid.load(Ordering::Relaxed))
        else {
            return false;
        };
        variables.iter().all(|(name, scalar)| {
            values.get(name).is_some_and(|value| match (scalar, value) {
                (Scalar::Id | Scalar::Text, Value::String(_)) | (Scalar::Flag, Value::Boolean(_)) => true,
                (Scalar::Int, Value::Number(number)) => {
                    number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
                }
                _ => false,
            })
        })
    }
}

/// Whether any part of a document asks about the schema; the type of an object alone does not count.
fn introspects(document: &ExecutableDocument) -> bool {
    fn any(selections: &SelectionSet) -> bool {
        selections.items.iter().any(|selection| match &selection.node {
            Selection::Field(field) => {
                matches!(field.node.name.node.as_str(), "__schema" | "__type")
                    || any(&field.node.selection_set.node)
            }
            Selection::InlineFragment(fragment) => any(&fragment.node.selection_set.node),
            Selection::FragmentSpread(_) => false,
        })
    }
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
    operations.chain(fragments).any(any)
}

fn only_operation(document: &ExecutableDocument) -> Option<&OperationDefinition> {
    let mut operations = document.operations.iter().map(|(_, operation)| &operation.node);
    operations.next().filter(|_| operations.next().is_none())
}

fn variables(operation: &OperationDefinition) -> Option<Vec<(Name, Scalar)>> {
    let variables = operation.variable_definitions.iter().map(|Positioned { node, .. }| {
        let BaseType::Named(name) = &node.var_type.node.base else { return None };
        let scalar = match name.as_str() {
            "ID" => Scalar::Id,
            "String" => Scalar::Text,
            "Int" => Scalar::Int,
            "Boolean" => Scalar::Flag,
            _ => return None,
        };
        Some((node.name.node.clone(), scalar))
    });
    variables.collect()
}

/// Documents by their text.
#[derive(Debug, Default)]
pub struct Documents(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    documents: HashMap<String, Arc<Document>>,
    bytes: usize,
}

impl Documents {
    /// The document of that text, if it is kept.
    pub fn find(&self, text: &str) -> Option<Arc<Document>> {
        self.lock().documents.get(text).map(Arc::clone)
    }

    /// Keeps a document, unless it is long or has several operations.
    pub fn keep(&self, text: &str, document: Document) -> Arc<Document> {
        let document = Arc::new(document);
        if text.len() > MAX_BYTES || only_operation(&document.parsed).is_none() {
            return document;
        }
        let mut kept = self.lock();
        let bytes = text.len() + OVERHEAD_BYTES;
        if kept.bytes + bytes > MAX_TOTAL_BYTES {
            *kept = Kept::default();
        }
        if kept.documents.insert(text.to_owned(), Arc::clone(&document)).is_none() {
            kept.bytes += bytes;
        }
        document
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{parser::parse_query, value};

    use super::{super::limits::check_document, *};
    use crate::config::Limits;

    fn document(text: &str) -> Document {
        let parsed = parse_query(text).unwrap();
        let cost = check_document(&parsed, None, &Limits::default()).unwrap();
        Document::new(parsed, None, cost)
    }

    fn kept(documents: &Documents) -> usize {
        documents.lock().documents.len()
    }

    #[test]
    fn a_document_is_found_by_its_text() {
        let documents = Documents::default();
        assert!(documents.find("{ a }").is_none());
        documents.keep("{ a }", document("{ a }")).found_valid();
        let found = documents.find("{ a }").unwrap();
        assert!(found.is_valid_with(&Variables::default()));
        assert!(documents.find("{ a  }").is_none());
    }

    #[test]
    fn only_what_is_short_and_has_one_operation_is_kept() {
        let documents = Documents::default();
        let long = format!("{{ a }} #{}", " ".repeat(MAX_BYTES));
        for text in [&long, "query A { a } query B { b }"] {
            documents.keep(text, document(text));
            assert!(documents.find(text).is_none());
        }
        documents.keep("query A { a }", document("query A { a }"));
        assert!(documents.find("query A { a }").is_some());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let documents = Documents::default();
        let padding = " ".repeat(MAX_BYTES - 100);
        for number in 0..1_000 {
            let text = format!("{{ a{number} }}{padding}");
            documents.keep(&text, document(&text));
            assert!(documents.find(&text).is_some());
            assert!(documents.lock().bytes <= MAX_TOTAL_BYTES);
        }
        assert!(kept(&documents) < 100);
    }

    #[test]
    fn a_valid_document_is_valid_with_variables_of_its_types() {
        const ALL: &str = "query($id: ID!, $text: String, $int: Int!, $flag: Boolean) { a }";
        let all = value!({"id": "a", "text": "b", "int": 7, "flag": true});
        let with = |name: &str, value: Value| {
            let Value::Object(mut values) = all.clone() else { panic!() };
            values.insert(Name::new(name), value);
            Variables::from_value(Value::Object(values))
        };
        for (text, values, expected) in [
            ("{ a }", Variables::default(), true),
            (ALL, with("more", value!(1)), true),
            (ALL, with("id", value!(1)), false),
            (ALL, with("id", Value::Null), false),
            (ALL, with("text", value!(["b"])), false),
            (ALL, with("int", value!("7")), false),
            (ALL, with("int", value!(7.5)), false),
            (ALL, with("int", value!(2_147_483_648_u64)), false),
            (ALL, with("flag", value!("true")), false),
            (ALL, Variables::default(), false),
            ("query($ids: [ID!]!) { a }", Variables::default(), false),
            ("query($input: Input) { a }", Variables::default(), false),
        ] {
            let document = document(text);
            assert!(!document.is_valid_with(&values), "{text}: not yet");
            document.found_valid();
            assert_eq!(document.is_valid_with(&values), expected, "{text}: {values:?}");
        }
        // Which of several operations validation would look at is for validation to say.
        let several = document("query A { a } query B { b }");
        several.found_valid();
        assert!(!several.is_valid_with(&Variables::default()));
    }
}
