//! Parsed documents, each with the operation that a request chose.
//!
//! Clients send a few documents over and over, and to parse and validate one can cost more than to answer it. What
//! follows from a document and the operation that a request chooses is therefore kept: the parsed document, the scopes
//! that the operation needs, what it costs, the order of its fields, and that the document was found valid. It is kept
//! under all that it follows from, the text and the name of the operation, and a name that the text does not have ends
//! the request before anything is computed. No answer is kept.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use async_graphql::{
    Name, Positioned, ServerError, Value, Variables,
    parser::types::{
        BaseType, DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection,
        SelectionSet,
    },
};

use super::{
    error::Code,
    field_order::FieldOrder,
    guard::{self, Need},
    limits::{self, Cost},
};
use crate::config::Limits;

/// A longer document is parsed each time; so one that was made by hand fits, and values that a client wrote into the
/// text of a document instead of sending them as variables do not fill the memory.
const MAX_BYTES: usize = 8 * 1024;
/// How much is kept; beyond it all is forgotten, and parsed again as it comes. Parsed, a document takes some 20 times the
/// memory of its text.
const MAX_TOTAL_BYTES: usize = 512 * 1024;
/// What a document counts for beside its text, so that many short ones do not fill the memory either.
const OVERHEAD_BYTES: usize = 128;
/// How much of an unknown name an error repeats, in characters.
const MAX_NAME_SHOWN: usize = 100;

/// A document, and the operation of it that a request chose. Everything here follows from these two alone.
#[derive(Debug)]
pub struct Document {
    /// The document as it was parsed.
    pub parsed: ExecutableDocument,
    /// The name of the chosen operation, if it has one.
    pub name: Option<Name>,
    /// The kind of the chosen operation.
    pub kind: OperationType,
    /// The names of the variables that the operation declares.
    pub declared: HashSet<Name>,
    /// The order in which the operation selects its fields.
    pub order: Arc<FieldOrder>,
    /// The scopes that the operation needs.
    pub needs: Vec<Need>,
    /// Whether the operation asks for one field.
    pub has_one_field: bool,
    /// What the operation costs.
    pub(super) cost: Cost,
    /// Whether any part of the document asks about the schema.
    pub introspects: bool,
    /// The variables of the operation, if it is the document's only one and all of them are of built-in scalar types.
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
    /// Chooses the operation of that name, as the GraphQL specification has it (6.1, `GetOperation`), and works out what
    /// follows. Without a name, the document must have one operation only. Refuses an operation that is not there, or
    /// that asks for more than the limits allow whatever its variables are.
    pub(super) fn choose(
        parsed: ExecutableDocument,
        name: Option<&str>,
        limits: &Limits,
    ) -> Result<Self, ServerError> {
        let (name, operation) = get_operation(&parsed, name)?;
        let cost = limits::check_operation(&parsed, operation, limits)?;
        let is_only = parsed.operations.iter().nth(1).is_none();
        Ok(Self {
            name: name.cloned(),
            kind: operation.ty,
            declared: operation
                .variable_definitions
                .iter()
                .map(|variable| variable.node.name.node.clone())
                .collect(),
            order: Arc::new(FieldOrder::of(&parsed, operation)),
            needs: guard::needs(&parsed, operation),
            has_one_field: operation.selection_set.node.items.len() == 1,
            cost,
            introspects: introspects(&parsed),
            // Which of several operations validation would look at is for validation to say.
            variables: Some(operation).filter(|_| is_only).and_then(variables),
            is_valid: AtomicBool::new(false),
            parsed,
        })
    }

    /// The document was executed, and so it is valid.
    pub fn found_valid(&self) {
        self.is_valid.store(true, Ordering::Relaxed);
    }

    /// Whether there is nothing to be found by validating the document once more. What it says does not change; what
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

/// The operation that a request chooses by its name, or without one. This is the only place that chooses: everything
/// else takes the operation that was found here.
fn get_operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<(Option<&'a Name>, &'a OperationDefinition), ServerError> {
    let found = match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some((None, operation)),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => {
            operations.get_key_value(name).map(|(name, operation)| (Some(name), operation))
        }
        (DocumentOperations::Multiple(operations), None) => {
            let mut operations = operations.iter();
            let first = operations.next().filter(|_| operations.next().is_none());
            first.map(|(name, operation)| (Some(name), operation))
        }
    };
    found.map(|(name, operation)| (name, &operation.node)).ok_or_else(|| {
        let message = name.map_or_else(
            || "Operation name required in request.".to_owned(),
            |name| {
                let shown: String = name.chars().take(MAX_NAME_SHOWN).collect();
                format!("Unknown operation named {shown:?}")
            },
        );
        Code::GraphqlValidationFailed.server_error(message)
    })
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

/// Documents by their text and the name by which an operation was chosen.
#[derive(Debug, Default)]
pub struct Documents(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    documents: HashMap<String, Vec<Named>>,
    bytes: usize,
}

/// The name that chose an operation, if one did, and the document with it.
type Named = (Option<String>, Arc<Document>);

impl Kept {
    fn find(&self, text: &str, name: Option<&str>) -> Option<&Arc<Document>> {
        let mut chosen = self.documents.get(text)?.iter();
        chosen.find(|(known, _)| known.as_deref() == name).map(|(_, document)| document)
    }
}

impl Documents {
    /// The document of that text with the operation of that name, if it is kept.
    pub fn find(&self, text: &str, name: Option<&str>) -> Option<Arc<Document>> {
        self.lock().find(text, name).map(Arc::clone)
    }

    /// Keeps a document with the operation that `name` chose, unless the text is long.
    pub fn keep(&self, text: &str, name: Option<&str>, document: Document) -> Arc<Document> {
        let document = Arc::new(document);
        if text.len() > MAX_BYTES {
            return document;
        }
        let mut kept = self.lock();
        if let Some(known) = kept.find(text, name) {
            // Somebody else was faster.
            return Arc::clone(known);
        }
        let bytes = text.len() + name.map_or(0, str::len) + OVERHEAD_BYTES;
        if kept.bytes + bytes > MAX_TOTAL_BYTES {
            *kept = Kept::default();
        }
        kept.bytes += bytes;
        let chosen = kept.documents.entry(text.to_owned()).or_default();
        chosen.push((name.map(ToOwned::to_owned), Arc::clone(&document)));
        document
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{parser::parse_query, value};

    use super::*;

    fn choose(text: &str, name: Option<&str>) -> Result<Document, ServerError> {
        Document::choose(parse_query(text).unwrap(), name, &Limits::default())
    }

    fn document(text: &str) -> Document {
        choose(text, None).unwrap()
    }

    fn kept(documents: &Documents) -> usize {
        documents.lock().documents.len()
    }

    #[test]
    fn an_operation_is_chosen_by_its_name_or_because_it_is_the_only_one() {
        const TWO: &str = "query A { viewer { subject } } mutation B { a }";
        const REQUIRED: &str = "Operation name required in request.";
        for (text, name, expected) in [
            ("{ a }", None, Ok((None, OperationType::Query))),
            ("mutation { a }", None, Ok((None, OperationType::Mutation))),
            ("{ a }", Some("A"), Err("Unknown operation named \"A\"")),
            ("query A { a }", None, Ok((Some("A"), OperationType::Query))),
            ("query A { a }", Some("A"), Ok((Some("A"), OperationType::Query))),
            ("query A { a }", Some("a"), Err("Unknown operation named \"a\"")),
            ("query A { a }", Some(""), Err("Unknown operation named \"\"")),
            (TWO, Some("A"), Ok((Some("A"), OperationType::Query))),
            (TWO, Some("B"), Ok((Some("B"), OperationType::Mutation))),
            (TWO, Some("C"), Err("Unknown operation named \"C\"")),
            (TWO, None, Err(REQUIRED)),
        ] {
            let chosen = choose(text, name);
            let found = chosen.as_ref().map(|document| (document.name.as_deref(), document.kind));
            assert_eq!(found.map_err(|error| error.message.as_str()), expected, "{text} {name:?}");
        }
        let message = choose("{ a }", Some(&"n".repeat(100_000))).unwrap_err().message;
        assert!(message.len() < 200, "{message}");
    }

    #[test]
    fn what_is_worked_out_is_about_the_chosen_operation() {
        const TWO: &str =
            "query A { viewer { subject } } query B { x: orders { nodes { id } } plugins { nodes { id } } }";
        let cost =
            |document: &Document| document.cost.check(&Variables::default(), &Limits::default()).unwrap();
        let a = choose(TWO, Some("A")).unwrap();
        assert_eq!((a.needs.len(), a.has_one_field, cost(&a)), (0, true, 2));
        let b = choose(TWO, Some("B")).unwrap();
        assert_eq!((b.needs.len(), b.has_one_field, cost(&b)), (2, false, 2 * 41));
    }

    #[test]
    fn a_document_is_found_by_its_text_and_the_name_of_the_operation() {
        const TWO: &str = "query A { a } query B { b }";
        let documents = Documents::default();
        assert!(documents.find("{ a }", None).is_none());
        documents.keep("{ a }", None, document("{ a }")).found_valid();
        let found = documents.find("{ a }", None).unwrap();
        assert!(found.is_valid_with(&Variables::default()));
        assert!(documents.find("{ a  }", None).is_none());
        assert!(documents.find("{ a }", Some("A")).is_none());
        for name in ["A", "B"] {
            assert!(documents.find(TWO, Some(name)).is_none());
            documents.keep(TWO, Some(name), choose(TWO, Some(name)).unwrap());
        }
        for name in ["A", "B"] {
            assert_eq!(documents.find(TWO, Some(name)).unwrap().name.as_deref(), Some(name));
        }
        assert!(documents.find(TWO, None).is_none());
    }

    #[test]
    fn a_long_document_is_not_kept() {
        let documents = Documents::default();
        let long = format!("{{ a }} #{}", " ".repeat(MAX_BYTES));
        documents.keep(&long, None, document(&long));
        assert!(documents.find(&long, None).is_none());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let documents = Documents::default();
        let padding = " ".repeat(MAX_BYTES - 100);
        for number in 0..1_000 {
            let text = format!("{{ a{number} }}{padding}");
            documents.keep(&text, None, document(&text));
            // Kept once, however often it is parsed at the same time.
            documents.keep(&text, None, document(&text));
            assert!(documents.find(&text, None).is_some());
            assert!(documents.lock().bytes <= MAX_TOTAL_BYTES);
        }
        assert!(kept(&documents) < 100);
        let queries: Vec<_> = (0..300).map(|number| format!("query Q{number} {{ a }}")).collect();
        let text = queries.join(" ");
        for number in 0..300 {
            let name = format!("Q{number}");
            documents.keep(&text, Some(&name), choose(&text, Some(&name)).unwrap());
            assert!(documents.lock().bytes <= MAX_TOTAL_BYTES);
        }
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
        let several = choose("query A { a } query B { b }", Some("A")).unwrap();
        several.found_valid();
        assert!(!several.is_valid_with(&Variables::default()));
    }
}
