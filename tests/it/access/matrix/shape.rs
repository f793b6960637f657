//! The shapes of a document that asks for one field: each says the same in another way.

use serde_json::{Map, Value, json};

use super::{
    target::Target,
    values::{Given, Values},
};

/// An operation that anybody may execute, to stand beside another.
const HARMLESS: &str = "query Harmless { viewer { subject } }";
pub(super) const HARMLESS_NAME: &str = "Harmless";
/// What the operation is called.
const NAME: &str = "A";

/// How a field is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Shape {
    Named,
    Anonymous,
    HarmlessFirst,
    HarmlessLast,
    Fragment,
    InlineFragment,
    Alias,
    NotSkipped,
    Included,
    Skipped,
    FragmentLeftOut,
}

impl Shape {
    pub(super) const ALL: [Self; 11] = [
        Self::Named,
        Self::Anonymous,
        Self::HarmlessFirst,
        Self::HarmlessLast,
        Self::Fragment,
        Self::InlineFragment,
        Self::Alias,
        Self::NotSkipped,
        Self::Included,
        Self::Skipped,
        Self::FragmentLeftOut,
    ];

    /// Whether the field is not executed. Its scopes are needed all the same: what is needed follows from the document
    /// alone, and not from the values of variables.
    pub(super) const fn skips(self) -> bool {
        matches!(self, Self::Skipped | Self::FragmentLeftOut)
    }
}

/// A document, and what is sent with it.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) text: String,
    pub(super) variables: Value,
    /// What its operation is called, if it is called anything.
    pub(super) name: Option<&'static str>,
    /// Whether the harmless operation stands beside it.
    pub(super) has_several: bool,
}

/// The document of that shape that asks for the target. Its values stand in it, or are sent as variables; its text is no
/// other document's.
pub(super) fn document(target: &Target, shape: Shape, values: &Values<'_>, by_variables: bool) -> Document {
    let mut variables = Variables::default();
    let mut fragments = String::new();
    let of_id = target.found_by_id(values.schema);
    let mut inside = String::new();
    for (index, step) in target.steps.iter().enumerate().rev() {
        let definitions: Vec<_> = step.field.arguments.iter().map(|argument| &argument.node).collect();
        let given = values.arguments(&step.field.name.node, &definitions, of_id.filter(|_| index == 0));
        let arguments = written(given, by_variables, &mut variables);
        let is_last = index + 1 == target.steps.len();
        let selection = match target.steps.get(index + 1) {
            Some(next) if next.of != step.leads_to() => format!(" {{ ... on {} {{ {inside} }} }}", next.of),
            Some(_) => format!(" {{ {inside} }}"),
            None if values.schema.is_leaf(step.leads_to()) => String::new(),
            None => " { __typename }".to_owned(),
        };
        let field = |directive: &str| format!("{}{arguments}{directive}{selection}", step.field.name.node);
        inside =
            if is_last { shaped(shape, &step.of, field, &mut variables, &mut fragments) } else { field("") };
    }
    let kind = target.root.to_lowercase();
    let name = (shape != Shape::Anonymous).then_some(NAME);
    let operation = match (name, variables.definitions.is_empty()) {
        (None, true) if kind == "query" => format!("{{ {inside} }}"),
        _ => format!("{kind} {}{} {{ {inside} }}", name.unwrap_or_default(), variables.written()),
    };
    let operation = match shape {
        Shape::HarmlessFirst => format!("{HARMLESS} {operation}"),
        Shape::HarmlessLast => format!("{operation} {HARMLESS}"),
        _ => operation,
    };
    let has_several = matches!(shape, Shape::HarmlessFirst | Shape::HarmlessLast);
    let text = format!("{operation}{fragments} # {}", values.number);
    Document { text, variables: Value::Object(variables.values), name, has_several }
}

/// The field in its shape; `field` writes it with a directive.
fn shaped(
    shape: Shape,
    of: &str,
    field: impl Fn(&str) -> String,
    variables: &mut Variables,
    fragments: &mut String,
) -> String {
    match shape {
        Shape::Named | Shape::Anonymous | Shape::HarmlessFirst | Shape::HarmlessLast => field(""),
        Shape::Fragment => {
            *fragments = format!(" fragment F on {of} {{ ...G }} fragment G on {of} {{ {} }}", field(""));
            "...F".to_owned()
        }
        Shape::InlineFragment => format!("... {{ ... on {of} {{ {} }} }}", field("")),
        Shape::Alias => format!("other: {}", field("")),
        Shape::NotSkipped => field(" @skip(if: false)"),
        Shape::Included => field(&format!(" @include(if: {})", variables.flag(true))),
        Shape::Skipped => field(" @skip(if: true)"),
        Shape::FragmentLeftOut => {
            format!("... on {of} @include(if: {}) {{ {} }}", variables.flag(false), field(""))
        }
    }
}

/// The variables of a document.
#[derive(Default)]
struct Variables {
    definitions: Vec<String>,
    values: Map<String, Value>,
}

impl Variables {
    fn add(&mut self, ty: &str, value: Value) -> String {
        let name = format!("v{}", self.definitions.len());
        self.definitions.push(format!("${name}: {ty}"));
        self.values.insert(name.clone(), value);
        format!("${name}")
    }

    fn flag(&mut self, value: bool) -> String {
        self.add("Boolean!", json!(value))
    }

    fn written(&self) -> String {
        if self.definitions.is_empty() { String::new() } else { format!("({})", self.definitions.join(", ")) }
    }
}

/// The arguments of a field.
fn written(given: Vec<(String, String, Given)>, by_variables: bool, variables: &mut Variables) -> String {
    let arguments = given.into_iter().map(|(name, ty, Given { literal, json })| {
        let value = if by_variables { variables.add(&ty, json) } else { literal };
        format!("{name}: {value}")
    });
    let arguments = arguments.collect::<Vec<_>>().join(", ");
    if arguments.is_empty() { arguments } else { format!("({arguments})") }
}
