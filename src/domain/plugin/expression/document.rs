//! What an expression is evaluated over, read as far as it is looked at.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use cel::{
    common::{
        types::CelBool,
        value::{CowVal, Val},
    },
    context::VariableResolver,
};
use serde_json::{Map, Value as Json};

use super::{
    budget::Budget,
    references::{Name, Reference},
    values::cel_value,
};

/// The values of variables.
pub trait Document: Send + Sync {
    /// The value that is referred to. What it costs to make is spent before it is made.
    fn read(&self, reference: &Reference, budget: &Budget) -> Found;
}

/// What a reference leads to.
#[derive(Clone, Debug)]
pub enum Found {
    /// A value.
    Value(Shared),
    /// The variable has no such member.
    NoMember,
    /// The variable is no object, null for instance, or could not be read.
    NoObject,
}

/// A value as expressions see it; cheap to clone.
#[derive(Clone)]
pub struct Shared(Arc<dyn Val>);

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Shared").finish_non_exhaustive()
    }
}

impl From<&Json> for Shared {
    fn from(json: &Json) -> Self {
        // The conversion fails for no value that JSON has.
        let value: Result<Box<dyn Val>, _> = cel_value(json).try_into();
        Self(value.map_or_else(|_| Arc::new(CelBool::from(false)) as Arc<dyn Val>, Arc::from))
    }
}

/// A document that is there as JSON; its members are the variables.
impl Document for Map<String, Json> {
    fn read(&self, reference: &Reference, budget: &Budget) -> Found {
        let value = match (self.get(&reference.variable), &reference.member) {
            (Some(variable), None) => variable,
            (Some(Json::Object(members)), Some(member)) => match members.get(member) {
                Some(value) => value,
                None => return Found::NoMember,
            },
            _ => return Found::NoObject,
        };
        let looked_at = reference.part_of(value);
        let value = looked_at.as_ref().unwrap_or(value);
        spend_size(value, budget);
        Found::Value(value.into())
    }
}

/// Spends the size of a value, counting no further than there is something to spend.
fn spend_size(value: &Json, budget: &Budget) {
    budget.spend(1);
    match value {
        Json::String(text) => budget.spend_bytes(text.len()),
        Json::Array(members) => members.iter().for_each(|member| spend_size(member, budget)),
        Json::Object(members) => {
            for (key, member) in members {
                budget.spend_bytes(key.len());
                spend_size(member, budget);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// Answers the interpreter, each reference once in an evaluation.
pub(super) struct Resolver<'a> {
    document: &'a dyn Document,
    references: &'a [Reference],
    budget: &'a Budget,
    found: Vec<OnceLock<Found>>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(document: &'a dyn Document, references: &'a [Reference], budget: &'a Budget) -> Self {
        Self { document, references, budget, found: references.iter().map(|_| OnceLock::new()).collect() }
    }

    /// What a name without a value stands for, and why it has none.
    pub(super) fn missing(&self, name: &str) -> Option<(&Reference, &Found)> {
        let index = Name::parse(name)?.index();
        Some((self.references.get(index)?, self.found(index)?))
    }

    fn found(&self, index: usize) -> Option<&Found> {
        let (slot, reference) = (self.found.get(index)?, self.references.get(index)?);
        Some(slot.get_or_init(|| self.document.read(reference, self.budget)))
    }
}

impl VariableResolver for Resolver<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let name = Name::parse(variable)?;
        match (name, self.found(name.index())?) {
            (Name::Value(_), Found::Value(Shared(value))) => Some(CowVal::Borrowed(value.as_ref())),
            (Name::Presence(_), Found::Value(_)) => Some(CowVal::owned(CelBool::from(true))),
            (Name::Presence(_), Found::NoMember) => Some(CowVal::owned(CelBool::from(false))),
            (Name::Value(_), Found::NoMember) | (_, Found::NoObject) => None,
        }
    }
}
