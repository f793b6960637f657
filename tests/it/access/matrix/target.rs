//! What is asked for: each guarded field of the schema, by each kind of way that leads to it.

use std::collections::{HashSet, VecDeque};

use async_graphql::parser::types::FieldDefinition;
use waybill::{access::Scope, graphql::guard::SCOPES};

use super::schema::{Schema, named};

/// The kinds of operations, by the types of their roots.
pub(super) const ROOTS: [&str; 3] = ["Query", "Subscription", "Mutation"];

/// A field on the way to another.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The type that it is selected of: an inline fragment stands around it where the field before leads to another.
    pub(super) of: String,
    pub(super) field: FieldDefinition,
}

/// A field, and the way to it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) root: &'static str,
    pub(super) steps: Vec<Step>,
}

impl Step {
    fn key(&self) -> String {
        format!("{}.{}", self.of, self.field.name.node)
    }

    /// The type of what it answers.
    pub(super) fn leads_to(&self) -> &str {
        named(&self.field.ty.node)
    }

    /// What a caller needs for this field alone.
    fn scopes(&self) -> &'static [Scope] {
        let found = SCOPES.iter().find(|(known, _)| *known == self.key());
        match found {
            Some((_, scopes)) => scopes,
            None if ROOTS.contains(&self.of.as_str()) => &[Scope::Admin],
            None => &[],
        }
    }
}

impl Target {
    /// The field that it is about.
    pub(super) fn last(&self) -> &Step {
        self.steps.last().unwrap()
    }

    /// What the field is called in the table.
    pub(super) fn key(&self) -> String {
        self.last().key()
    }

    /// The way to it, for people.
    pub(super) fn way(&self) -> String {
        self.steps.iter().map(Step::key).collect::<Vec<_>>().join(" > ")
    }

    /// What the document shows to be needed, the way included.
    pub(super) fn scopes(&self) -> impl Iterator<Item = Scope> {
        self.steps.iter().flat_map(Step::scopes).copied()
    }

    /// The type of the object whose id is asked for, if its first field finds anything by its id: what that needs shows
    /// only when it is executed.
    pub(super) fn found_by_id<'a>(&'a self, schema: &'a Schema) -> Option<&'a str> {
        let first = &self.steps[0];
        if !is_finder(schema, first.leads_to(), &first.field) {
            return None;
        }
        let of = self.steps.get(1).map_or("Order", |step| step.of.as_str());
        schema.objects(of).into_iter().max()
    }
}

/// Whether a field of a root finds anything by its id.
fn is_finder(schema: &Schema, leads_to: &str, field: &FieldDefinition) -> bool {
    let takes_id = field.arguments.iter().any(|argument| named(&argument.node.ty.node) == "ID");
    schema.is_abstract(leads_to) && takes_id
}

/// Every field of the roots, and every other field that stands in the table: the latter by the shortest way from each
/// root, and by each field that finds anything by its id.
pub(super) fn all(schema: &Schema) -> Vec<Target> {
    let mut found = Vec::new();
    for root in ROOTS {
        for field in schema.fields(root) {
            let step = Step { of: root.to_owned(), field: field.clone() };
            found.push(Target { root, steps: vec![step] });
        }
    }
    for (key, _) in SCOPES {
        let (of, name) = key.split_once('.').unwrap();
        if ROOTS.contains(&of) {
            continue;
        }
        let field = schema.fields(of).into_iter().find(|field| field.name.node == name);
        let field = field.unwrap_or_else(|| panic!("{key} stands in the table, and not in the schema"));
        let last = Step { of: of.to_owned(), field: field.clone() };
        for root in ROOTS {
            let (finders, others): (Vec<_>, Vec<_>) = schema
                .fields(root)
                .into_iter()
                .partition(|field| is_finder(schema, named(&field.ty.node), field));
            let starts = finders.into_iter().map(|finder| vec![finder]).chain([others]);
            for start in starts {
                found.extend(shortest(schema, root, start, of).map(|mut steps| {
                    steps.push(last.clone());
                    Target { root, steps }
                }));
            }
        }
    }
    // What changes something comes last: it may take away what the others find.
    found.sort_by_key(|target| target.root == "Mutation");
    found
}

/// The shortest way from some fields of a root to a type, by fields that need nothing more.
fn shortest(schema: &Schema, root: &str, starts: Vec<&FieldDefinition>, to: &str) -> Option<Vec<Step>> {
    let mut met = HashSet::new();
    // With each type, whether it was chosen by a fragment: what a fragment chose is not chosen from once more.
    let mut open: VecDeque<(&str, bool, Vec<Step>)> = starts
        .into_iter()
        .map(|field| (named(&field.ty.node), false, vec![Step { of: root.to_owned(), field: field.clone() }]))
        .collect();
    while let Some((at, is_chosen, steps)) = open.pop_front() {
        if at == to {
            return Some(steps);
        }
        if !met.insert((at, is_chosen)) {
            continue;
        }
        let narrower = if is_chosen { Vec::new() } else { schema.narrower(at) };
        open.extend(narrower.into_iter().map(|narrower| (narrower, true, steps.clone())));
        for field in schema.fields(at) {
            let step = Step { of: at.to_owned(), field: field.clone() };
            if step.scopes().is_empty() && !schema.is_leaf(step.leads_to()) {
                open.push_back((named(&field.ty.node), false, steps.iter().cloned().chain([step]).collect()));
            }
        }
    }
    None
}
