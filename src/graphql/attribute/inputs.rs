//! Definitions as callers write them.

use async_graphql::{ID, InputObject, MaybeUndefined};
use entity::id::AttributeDefinitionId;

use super::{
    super::{
        id,
        scalar::{Decimal, Json},
        value::to_patch,
    },
    types::{AttributeOwner, AttributeType},
};
use crate::{
    domain::{
        attribute::{DefinitionPatch, NewDefinition, Range},
        order::Patch,
        problem::{Found, Path, Problem},
    },
    fault::Fault,
    usecase::{self, attribute::Update},
};

/// The definition of an attribute to be made.
#[derive(Clone, Debug, InputObject)]
pub struct AttributeDefinitionCreateInput {
    /// What has the attribute.
    pub owner: AttributeOwner,
    /// Its name: 1 to 64 letters, digits and underscores, not beginning with a digit.
    key: String,
    /// What it says, in words.
    description: Option<String>,
    /// What its values are; never changes.
    #[graphql(name = "type")]
    kind: AttributeType,
    /// Whether lists can be filtered and sorted by it; not for objects and arrays. At most 32 of each kind of owner.
    #[graphql(default_with = "Some(false)")]
    indexed: Option<bool>,
    /// Whether a new owner must have it.
    #[graphql(default_with = "Some(false)")]
    required: Option<bool>,
    /// The value of a new owner that comes without one.
    default_value: Option<Json>,
    /// Numbers: the value; texts: the number of characters.
    range: Option<AttributeRangeInput>,
    /// What must be found in a text, in at most 512 characters; the linear-time kind, without look-around and
    /// back-references. Write `^` and `$` to bind the whole text.
    regex: Option<String>,
    /// The values that it may have: 1 to 100.
    one_of: Option<Vec<Json>>,
}

/// A change to a definition. What is left out stays; null clears. What makes it required or narrower binds new writes
/// only.
#[derive(Clone, Debug, InputObject)]
pub struct AttributeDefinitionUpdateInput {
    /// The definition.
    id: ID,
    /// Refuses the change with `VersionConflict` where the definition stands at another version.
    expected_version: Option<i32>,
    /// What it says, in words.
    description: MaybeUndefined<String>,
    /// Whether lists can be filtered and sorted by it.
    indexed: MaybeUndefined<bool>,
    /// Whether a new owner must have it.
    required: MaybeUndefined<bool>,
    /// The value of a new owner that comes without one.
    default_value: MaybeUndefined<Json>,
    /// Numbers: the value; texts: the number of characters.
    range: MaybeUndefined<AttributeRangeInput>,
    /// What must be found in a text.
    regex: MaybeUndefined<String>,
    /// The values that it may have.
    one_of: MaybeUndefined<Vec<Json>>,
}

/// Both ends belong to it.
#[derive(Clone, Debug, InputObject)]
pub struct AttributeRangeInput {
    /// The least.
    min: Option<Decimal>,
    /// The greatest.
    max: Option<Decimal>,
}

impl From<AttributeRangeInput> for Range {
    fn from(AttributeRangeInput { min, max }: AttributeRangeInput) -> Self {
        Self { min: min.map(Into::into), max: max.map(Into::into) }
    }
}

impl AttributeDefinitionCreateInput {
    /// The definition that it stands for.
    pub fn into_domain(self) -> NewDefinition {
        let Self { owner: _, key, description, kind, indexed, required, default_value, range, regex, one_of } =
            self;
        NewDefinition {
            key,
            description,
            kind: kind.into(),
            indexed: indexed.unwrap_or(false),
            required: required.unwrap_or(false),
            default: default_value.map(Json::into_value),
            range: range.map(Into::into),
            regex,
            one_of: one_of.map(values),
        }
    }
}

impl AttributeDefinitionUpdateInput {
    /// The command that it stands for.
    pub fn into_command(self) -> Result<Update, usecase::Error> {
        let Self {
            id,
            expected_version,
            description,
            indexed,
            required,
            default_value,
            range,
            regex,
            one_of,
        } = self;
        let root = Path::root();
        let mut found = Found::new();
        let id = id::input::<AttributeDefinitionId>(&id, &root.field("id"), &mut found);
        let patch = DefinitionPatch {
            description: to_patch(description),
            indexed: flag(indexed, "indexed", &mut found),
            required: flag(required, "required", &mut found),
            default: match default_value {
                MaybeUndefined::Undefined => Patch::Keep,
                MaybeUndefined::Null => Patch::Clear,
                MaybeUndefined::Value(json) => Patch::Set(json.into_value()),
            },
            range: to_patch(range),
            regex: to_patch(regex),
            one_of: match one_of {
                MaybeUndefined::Undefined => Patch::Keep,
                MaybeUndefined::Null => Patch::Clear,
                MaybeUndefined::Value(choices) => Patch::Set(values(choices)),
            },
        };
        let (id, patch) = found.or((id, patch))?;
        let id = id.ok_or_else(|| Fault::broken("an id got lost"))?;
        Ok(Update { id, expected_version, patch })
    }
}

fn values(choices: Vec<Json>) -> Vec<serde_json::Value> {
    choices.into_iter().map(Json::into_value).collect()
}

fn flag(input: MaybeUndefined<bool>, field: &str, found: &mut Found) -> Option<bool> {
    if input.is_null() {
        let message =
            format!("{field} is true or false and cannot be cleared; leave it out to keep it as it is");
        found.push(Problem::required(&Path::root().field(field), message));
    }
    input.take()
}
