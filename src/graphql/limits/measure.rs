//! How much a document asks for.
//!
//! A fragment is measured once, however often it is spread: what it costs is multiplied, not walked again. So the work
//! follows the length of the document, although fragments in fragments may ask for exponentially more.

use std::collections::HashMap;

use async_graphql::{
    Name, Positioned, Value, Variables,
    parser::types::{
        Directive, ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
    },
};
use async_graphql_value::Value as Literal;

use super::weights::{USUAL_MEMBERS, WEIGHTS, Weight};

const DEFAULT_PAGE: u64 = 20;
const MAX_PAGE: u64 = 100;
/// No operation that is deeper is looked into any further. Fragments count as well here.
const MAX_LEVELS: usize = 200;

/// How much an operation asks for.
#[derive(Debug, Default)]
pub(super) struct Measure {
    /// How deep its fields nest.
    pub(super) depth: usize,
    /// How many fields it selects at its root.
    pub(super) root_fields: u64,
    /// How many aliases the document has.
    pub(super) aliases: usize,
    /// How many directives the document has.
    pub(super) directives: usize,
    cost: Cost,
}

/// Why an operation has no measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endless {
    /// Fragments spread each other in a circle.
    Circle,
    /// It is nested deeper than anything is followed.
    Deep,
}

#[derive(Debug)]
enum Cost {
    Known(u64),
    /// It follows from variables.
    Open(Vec<Part>),
}

impl Default for Cost {
    fn default() -> Self {
        Self::Known(0)
    }
}

/// A selection. Those that stand within it come before it in their list.
#[derive(Clone, Debug, Default)]
struct Part {
    /// Its fields.
    own: u64,
    /// What is selected of them, and how often it comes.
    below: Vec<(Count, usize)>,
    depth: usize,
    fields: u64,
}

/// How often something comes.
#[derive(Clone, Debug)]
enum Count {
    Fixed(u64),
    /// As often as the first of these that has a value says.
    Page(Vec<Source>),
    /// As often as this list has members.
    Each(Name, u64),
}

/// Where the length of a page stands.
#[derive(Clone, Debug)]
enum Source {
    Literal(u64),
    /// A variable, and its default.
    Variable(Name, Option<u64>),
}

impl Measure {
    /// The measure of an operation of the document.
    pub(super) fn of(
        document: &ExecutableDocument,
        operation: &OperationDefinition,
    ) -> Result<Self, Endless> {
        let mut walk =
            Walk { document, operation, parts: Vec::new(), fragments: HashMap::new(), is_open: false };
        let root = match operation.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        let root = walk.part(&operation.selection_set.node, root, 0)?;
        let (aliases, directives) = written(document);
        let part = walk.parts.get(root).cloned().unwrap_or_default();
        let mut measure =
            Self { depth: part.depth, root_fields: part.fields, aliases, directives, cost: Cost::default() };
        let is_open = walk.is_open;
        let cost = Cost::Open(walk.parts);
        measure.cost = if is_open { cost } else { Cost::Known(cost.with(&Variables::default())) };
        Ok(measure)
    }

    /// What the operation costs with these variables.
    pub(super) fn cost(&self, variables: &Variables) -> u64 {
        self.cost.with(variables)
    }
}

impl Cost {
    fn with(&self, variables: &Variables) -> u64 {
        let parts = match self {
            Self::Known(cost) => return *cost,
            Self::Open(parts) => parts,
        };
        let mut costs: Vec<u64> = Vec::with_capacity(parts.len());
        for part in parts {
            let below = part.below.iter().map(|(count, below)| {
                count.with(variables).saturating_mul(costs.get(*below).copied().unwrap_or_default())
            });
            let cost = below.fold(part.own, u64::saturating_add);
            costs.push(cost);
        }
        costs.last().copied().unwrap_or_default()
    }
}

impl Count {
    fn with(&self, variables: &Variables) -> u64 {
        match self {
            Self::Fixed(count) => *count,
            Self::Page(sources) => {
                let mut lengths = sources.iter().filter_map(|source| match source {
                    Source::Literal(length) => Some(*length),
                    Source::Variable(name, default) => match variables.get(name) {
                        Some(value) => number(value),
                        None => *default,
                    },
                });
                lengths.next().unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE)
            }
            Self::Each(name, default) => match variables.get(name) {
                Some(Value::List(members)) => length(members),
                _ => *default,
            },
        }
    }
}

struct Walk<'a> {
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
    parts: Vec<Part>,
    /// The parts of fragments; none of one that is being walked.
    fragments: HashMap<&'a str, Option<usize>>,
    is_open: bool,
}

impl<'a> Walk<'a> {
    /// Measures a selection of the type `of`, and gives its place among the parts.
    fn part(&mut self, selections: &'a SelectionSet, of: &str, level: usize) -> Result<usize, Endless> {
        if level > MAX_LEVELS {
            return Err(Endless::Deep);
        }
        let mut part = Part::default();
        for selection in &selections.items {
            match &selection.node {
                Selection::Field(field) => self.field(&field.node, of, level, &mut part)?,
                Selection::InlineFragment(fragment) => {
                    let of = fragment.node.type_condition.as_ref().map_or(of, |on| on.node.on.node.as_str());
                    let below = self.part(&fragment.node.selection_set.node, of, level + 1)?;
                    self.merge(&mut part, below);
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(below) = self.fragment(&spread.node.fragment_name.node, level)? {
                        self.merge(&mut part, below);
                    }
                }
            }
        }
        self.parts.push(part);
        Ok(self.parts.len() - 1)
    }

    fn field(&mut self, field: &'a Field, of: &str, level: usize, part: &mut Part) -> Result<(), Endless> {
        part.own = part.own.saturating_add(1);
        part.fields = part.fields.saturating_add(1);
        part.depth = part.depth.max(1);
        if field.selection_set.node.items.is_empty() {
            return Ok(());
        }
        let known = WEIGHTS.field(of, &field.name.node);
        let count = self.count(field, known.map(|known| known.weight).unwrap_or_default());
        self.is_open |= !matches!(count, Count::Fixed(_));
        let below = self.part(&field.selection_set.node, known.map_or("", |known| &known.of), level + 1)?;
        part.depth = part.depth.max(1 + self.parts.get(below).map_or(0, |below| below.depth));
        part.below.push((count, below));
        Ok(())
    }

    /// The part of a fragment; none if there is no such fragment, which is refused for that.
    fn fragment(&mut self, name: &'a Name, level: usize) -> Result<Option<usize>, Endless> {
        match self.fragments.get(name.as_str()) {
            Some(Some(part)) => return Ok(Some(*part)),
            Some(None) => return Err(Endless::Circle),
            None => {}
        }
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(None) };
        self.fragments.insert(name, None);
        let of = fragment.node.type_condition.node.on.node.as_str();
        let part = self.part(&fragment.node.selection_set.node, of, level + 1)?;
        self.fragments.insert(name, Some(part));
        Ok(Some(part))
    }

    /// Adds what a fragment selects.
    fn merge(&self, part: &mut Part, below: usize) {
        let Some(fragment) = self.parts.get(below) else { return };
        part.depth = part.depth.max(fragment.depth);
        part.fields = part.fields.saturating_add(fragment.fields);
        part.below.push((Count::Fixed(1), below));
    }

    fn count(&self, field: &Field, weight: Weight) -> Count {
        match weight {
            Weight::One => Count::Fixed(1),
            Weight::Some => Count::Fixed(USUAL_MEMBERS),
            Weight::Page => {
                let given = ["first", "last"].into_iter().filter_map(|name| self.source(field, name));
                let sources: Vec<_> = given.collect();
                if sources.iter().any(|source| matches!(source, Source::Variable(..))) {
                    Count::Page(sources)
                } else {
                    Count::Fixed(Count::Page(sources).with(&Variables::default()))
                }
            }
            Weight::Each => match field.get_argument("ids").map(|argument| &argument.node) {
                Some(Literal::List(members)) => Count::Fixed(length(members)),
                Some(Literal::Variable(name)) => Count::Each(
                    name.clone(),
                    match self.default(name) {
                        Some(Value::List(members)) => length(members),
                        _ => 1,
                    },
                ),
                _ => Count::Fixed(1),
            },
        }
    }

    fn source(&self, field: &Field, argument: &str) -> Option<Source> {
        match &field.get_argument(argument)?.node {
            Literal::Variable(name) => {
                Some(Source::Variable(name.clone(), self.default(name).and_then(number)))
            }
            Literal::Number(number) => Some(Source::Literal(number.as_u64().unwrap_or_default())),
            _ => None,
        }
    }

    fn default(&self, variable: &Name) -> Option<&'a Value> {
        let mut variables = self.operation.variable_definitions.iter();
        variables.find(|definition| definition.node.name.node == *variable)?.node.default_value()
    }
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => Some(number.as_u64().unwrap_or_default()),
        _ => None,
    }
}

fn length<T>(members: &[T]) -> u64 {
    u64::try_from(members.len()).unwrap_or(u64::MAX)
}

/// How many aliases and directives stand in a document.
fn written(document: &ExecutableDocument) -> (usize, usize) {
    let mut found = (0, 0);
    for (_, operation) in document.operations.iter() {
        found.1 += operation.node.directives.len();
        let variables = operation.node.variable_definitions.iter();
        found.1 += variables.map(|variable| variable.node.directives.len()).sum::<usize>();
        written_in(&operation.node.selection_set.node, &mut found);
    }
    for fragment in document.fragments.values() {
        found.1 += fragment.node.directives.len();
        written_in(&fragment.node.selection_set.node, &mut found);
    }
    found
}

fn written_in(selections: &SelectionSet, found: &mut (usize, usize)) {
    for selection in &selections.items {
        let directives: &[Positioned<Directive>] = selection.node.directives();
        found.1 += directives.len();
        match &selection.node {
            Selection::Field(field) => {
                found.0 += usize::from(field.node.alias.is_some());
                written_in(&field.node.selection_set.node, found);
            }
            Selection::InlineFragment(fragment) => written_in(&fragment.node.selection_set.node, found),
            Selection::FragmentSpread(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    fn measure(document: &str) -> Result<Measure, Endless> {
        let document = parse_query(document).unwrap();
        let operation = &document.operations.iter().next().unwrap().1.node;
        Measure::of(&document, operation)
    }

    fn cost(document: &str, variables: serde_json::Value) -> u64 {
        measure(document).unwrap().cost(&Variables::from_json(variables))
    }

    #[test]
    fn each_field_of_each_item_counts() {
        for (document, variables, expected) in [
            ("{ viewer { tenantId } }", json!({}), 2),
            ("{ order(id: 1) { id status workOrders { id status } } }", json!({}), 1 + 3 + 5 * 2),
            ("{ orders(first: 7) { nodes { id status } } }", json!({}), 1 + 7 * (1 + 2)),
            ("{ orders(last: 3) { edges { cursor node { id } } } }", json!({}), 1 + 3 * (1 + 2 + 1)),
            ("{ orders { nodes { id } } }", json!({}), 1 + 20 * 2),
            ("{ orders(first: null) { nodes { id } } }", json!({}), 1 + 20 * 2),
            ("{ orders(first: 1000) { nodes { id } } }", json!({}), 1 + 100 * 2),
            ("query($n: Int) { orders(first: $n) { nodes { id } } }", json!({"n": 50}), 1 + 50 * 2),
            ("query($n: Int) { orders(first: $n) { nodes { id } } }", json!({"n": null}), 1 + 20 * 2),
            ("query($n: Int) { orders(first: $n) { nodes { id } } }", json!({}), 1 + 20 * 2),
            ("query($n: Int = 9) { orders(first: $n) { nodes { id } } }", json!({}), 1 + 9 * 2),
            ("query($n: Int = 9) { orders(first: $n) { nodes { id } } }", json!({"n": -4}), 1 + 2),
            (
                "query($a: Int, $b: Int) { orders(first: $a, last: $b) { nodes { id } } }",
                json!({"a": null, "b": 30}),
                1 + 30 * 2,
            ),
            ("{ nodes(ids: [1, 2, 3]) { id } }", json!({}), 1 + 3),
            ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({"ids": ["a", "b"]}), 1 + 2),
            ("query($ids: [ID!]! = [1, 2, 3]) { nodes(ids: $ids) { id } }", json!({}), 1 + 3),
            (
                "{ node(id: 1) { id ... on Order { workOrders { order { events { nodes { id } } } } } } }",
                json!({}),
                1 + 1 + 1 + 5 * (1 + 1 + 20 * 2),
            ),
            (
                "{ orders(first: 2) { ...C } } fragment C on OrderConnection { nodes { ...O } } \
                 fragment O on Order { id status }",
                json!({}),
                1 + 2 * (1 + 2),
            ),
            ("{ a: viewer { tenantId } b: viewer { tenantId } unknown { x } }", json!({}), 6),
        ] {
            assert_eq!(cost(document, variables), expected, "{document}");
        }
    }

    #[test]
    fn depth_root_fields_aliases_and_directives_are_found_through_fragments() {
        let document = "query Q($x: Int @a) @b { a: viewer { tenantId } ...F ... on Query @c { b: viewer { subject } } } \
                        fragment F on Query { order(id: 1) { workOrders @skip(if: true) { c: order { id } } } }";
        let measure = measure(document).unwrap();
        let found = (measure.depth, measure.root_fields, measure.aliases, measure.directives);
        assert_eq!(found, (4, 3, 3, 4));
    }

    #[test]
    fn fragments_that_double_at_each_level_are_measured_at_once() {
        let fragment = |level: usize| {
            format!("fragment F{level} on Query {{ ...F{next} ...F{next} }} ", next = level + 1)
        };
        let fragments: String = (0..100).map(fragment).collect();
        let document = format!("{{ ...F0 }} {fragments} fragment F100 on Query {{ viewer {{ tenantId }} }}");
        let measure = measure(&document).unwrap();
        assert_eq!((measure.cost(&Variables::default()), measure.root_fields), (u64::MAX, u64::MAX));
        assert_eq!(measure.depth, 2);
    }

    #[test]
    fn what_has_no_end_has_no_measure() {
        for (document, expected) in [
            ("{ ...A } fragment A on Query { ...A }", Endless::Circle),
            (
                "{ ...A } fragment A on Query { ...B } fragment B on Query { viewer { ...A } }",
                Endless::Circle,
            ),
        ] {
            assert_eq!(measure(document).unwrap_err(), expected, "{document}");
        }
        let fragment =
            |level: usize| format!("fragment F{level} on Query {{ ...F{next} }} ", next = level + 1);
        let document = format!("{{ ...F0 }} {}", (0..5_000).map(fragment).collect::<String>());
        assert_eq!(measure(&document).unwrap_err(), Endless::Deep);
    }
}
