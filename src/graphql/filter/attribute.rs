//! The filter of a custom attribute.

use std::ops::Bound;

use async_graphql::InputObject;

use super::{super::scalar::Json, Reading, exactly_one};
use crate::{
    domain::{
        attribute::{Owner, PREFIX_MAX_CHARS, Type, Typed},
        problem::Path,
    },
    store::{
        attribute::Known,
        list::{Attribute, Test},
    },
};

/// By a custom attribute: exactly one operator, and values of its type. The attribute must be indexed.
#[derive(Clone, Debug, InputObject)]
pub struct AttributeFilter {
    /// The attribute's name.
    key: String,
    /// It is this.
    eq: Option<Json>,
    /// It is not this, or there is none.
    ne: Option<Json>,
    /// It is one of these, up to 100.
    #[graphql(name = "in")]
    one_of: Option<Vec<Json>>,
    /// It is more.
    gt: Option<Json>,
    /// It is this or more.
    gte: Option<Json>,
    /// It is less.
    lt: Option<Json>,
    /// It is this or less.
    lte: Option<Json>,
    /// It is a text that begins so, of up to 255 characters.
    starts_with: Option<String>,
    /// Whether there is one.
    exists: Option<bool>,
}

impl AttributeFilter {
    /// The attribute and the test that it stands for; none if something is wrong with it.
    pub(super) fn read(self, owner: Owner, at: &Path, reading: &mut Reading) -> Option<(Attribute, Test)> {
        let Self { key, eq, ne, one_of, gt, gte, lt, lte, starts_with, exists } = self;
        let given = [
            ("eq", eq.is_some()),
            ("ne", ne.is_some()),
            ("in", one_of.is_some()),
            ("gt", gt.is_some()),
            ("gte", gte.is_some()),
            ("lt", lt.is_some()),
            ("lte", lte.is_some()),
            ("startsWith", starts_with.is_some()),
            ("exists", exists.is_some()),
        ];
        let given = given.into_iter().filter_map(|(name, is_given)| is_given.then_some(name)).collect();
        let of = "eq, ne, in, gt, gte, lt, lte, startsWith and exists (null is none of them: to find what has no \
                  value, use exists: false)";
        let is_one = exactly_one(&given, of, at, reading);
        let known = reading.indexed(owner, &key, &at.field("key"))?;
        if !is_one {
            return None;
        }
        let mut value = |json: Json, at: Path| value(&known, json, &at, reading);
        let test = if let Some(eq) = eq {
            Attribute::one_of(&[value(eq, at.field("eq"))?])
        } else if let Some(ne) = ne {
            Attribute::other_than(&value(ne, at.field("ne"))?)
        } else if let Some(gt) = gt {
            Attribute::between(Bound::Excluded(&value(gt, at.field("gt"))?), Bound::Unbounded)
        } else if let Some(gte) = gte {
            Attribute::between(Bound::Included(&value(gte, at.field("gte"))?), Bound::Unbounded)
        } else if let Some(lt) = lt {
            Attribute::between(Bound::Unbounded, Bound::Excluded(&value(lt, at.field("lt"))?))
        } else if let Some(lte) = lte {
            Attribute::between(Bound::Unbounded, Bound::Included(&value(lte, at.field("lte"))?))
        } else if let Some(members) = one_of {
            let at = at.field("in");
            let members = reading.limited(members, &at).into_iter().enumerate();
            let typed: Vec<_> =
                members.map(|(index, json)| self::value(&known, json, &at.index(index), reading)).collect();
            Attribute::one_of(&typed.into_iter().collect::<Option<Vec<_>>>()?)
        } else if let Some(prefix) = starts_with {
            let at = at.field("startsWith");
            if known.rule.kind != Type::String {
                reading.refuse(&at, format!("is for texts, but {}", known.rule.wrong_type()));
                return None;
            }
            if prefix.chars().count() > PREFIX_MAX_CHARS {
                reading.refuse(&at, format!("may have up to {PREFIX_MAX_CHARS} characters"));
                return None;
            }
            Attribute::prefix(&prefix)
        } else {
            Attribute::exists(exists?)
        };
        Some((Attribute { field: known.row.id.0, key, kind: known.rule.kind }, test))
    }
}

fn value(known: &Known, json: Json, at: &Path, reading: &mut Reading) -> Option<Typed> {
    let typed = known.rule.kind.read(&json.into_value());
    if typed.is_none() {
        reading.refuse(at, known.rule.wrong_type());
    }
    typed
}
