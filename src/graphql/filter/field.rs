//! Filters of fields that every order or work order has. A field that has no value passes none of their operators but
//! `ne` and `isNull`; of several operators, all have to hold, and without one everything passes.

use std::ops::Bound;

use async_graphql::{ID, InputObject};
use entity::{
    id::{OrderId, WorkOrderId},
    stored,
    type_id::ParseError,
};
use uuid::Uuid;

use super::{
    super::{
        scalar::DateTime,
        value::{Direction, Outcome, Phase, WorkOrderType},
    },
    Reading,
};
use crate::{
    domain::{lifecycle, problem::Path},
    store::list::{Cell, Test},
};

/// A filter of a field.
pub trait FieldFilter {
    /// The tests that it stands for.
    fn read(self, at: &Path, reading: &mut Reading) -> Vec<Test>;
}

/// By a text.
#[derive(Clone, Debug, InputObject)]
pub struct StringFilter {
    /// It is this.
    eq: Option<String>,
    /// It is not this, or there is none.
    ne: Option<String>,
    /// It is one of these, up to 100.
    #[graphql(name = "in")]
    one_of: Option<Vec<String>>,
    /// It begins so.
    starts_with: Option<String>,
}

impl FieldFilter for StringFilter {
    fn read(self, at: &Path, reading: &mut Reading) -> Vec<Test> {
        let Self { eq, ne, one_of, starts_with } = self;
        let mut text = |text: String, name: &str| reading.text(text, &at.field(name));
        let eq = eq.map(|eq| Test::OneOf(vec![Cell::Text(text(eq, "eq"))]));
        let ne = ne.map(|ne| Test::OtherThan(Cell::Text(text(ne, "ne"))));
        let starts_with = starts_with.map(|prefix| begins_with(text(prefix, "startsWith")));
        let one_of = one_of.map(|texts| {
            let at = at.field("in");
            let texts = reading.limited(texts, &at).into_iter().enumerate();
            Test::OneOf(texts.map(|(index, text)| Cell::Text(reading.text(text, &at.index(index)))).collect())
        });
        eq.into_iter().chain(ne).chain(one_of).chain(starts_with).collect()
    }
}

/// The texts that begin with `prefix`: they lie before the first text that is greater than all of them.
fn begins_with(prefix: String) -> Test {
    let mut chars: Vec<char> = prefix.chars().collect();
    let mut end = Bound::Unbounded;
    while let Some(last) = chars.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            chars.push(next);
            end = Bound::Excluded(Cell::Text(chars.into_iter().collect()));
            break;
        }
    }
    Test::Between(Bound::Included(Cell::Text(prefix)), end)
}

/// By an instant.
#[derive(Clone, Debug, InputObject)]
pub struct DateTimeFilter {
    /// It is this.
    eq: Option<DateTime>,
    /// It is later.
    gt: Option<DateTime>,
    /// It is this or later.
    gte: Option<DateTime>,
    /// It is earlier.
    lt: Option<DateTime>,
    /// It is this or earlier.
    lte: Option<DateTime>,
}

impl FieldFilter for DateTimeFilter {
    fn read(self, _: &Path, _: &mut Reading) -> Vec<Test> {
        let Self { eq, gt, gte, lt, lte } = self;
        let cell = |instant: DateTime| Cell::Instant(instant.0);
        let eq = eq.map(|eq| Test::OneOf(vec![cell(eq)]));
        let from = |bound| Test::Between(bound, Bound::Unbounded);
        let to = |bound| Test::Between(Bound::Unbounded, bound);
        let gt = gt.map(|gt| from(Bound::Excluded(cell(gt))));
        let gte = gte.map(|gte| from(Bound::Included(cell(gte))));
        let lt = lt.map(|lt| to(Bound::Excluded(cell(lt))));
        let lte = lte.map(|lte| to(Bound::Included(cell(lte))));
        eq.into_iter().chain(gt).chain(gte).chain(lt).chain(lte).collect()
    }
}

/// By yes or no.
#[derive(Clone, Debug, InputObject)]
pub struct BooleanFilter {
    /// It is this.
    eq: Option<bool>,
}

impl FieldFilter for BooleanFilter {
    fn read(self, _: &Path, _: &mut Reading) -> Vec<Test> {
        self.eq.map(|eq| Test::OneOf(vec![Cell::Flag(eq)])).into_iter().collect()
    }
}

/// By an id.
#[derive(Clone, Debug, InputObject)]
pub struct IdFilter {
    /// It is this.
    eq: Option<ID>,
    /// It is one of these, up to 100.
    #[graphql(name = "in")]
    one_of: Option<Vec<ID>>,
}

/// A filter by the id of an order.
#[derive(Debug)]
pub struct OrderIds(pub IdFilter);

impl FieldFilter for OrderIds {
    fn read(self, at: &Path, reading: &mut Reading) -> Vec<Test> {
        self.0.read(|text| OrderId::parse(text).map(Uuid::from), at, reading)
    }
}

/// A filter by the id of a work order.
#[derive(Debug)]
pub struct WorkOrderIds(pub IdFilter);

impl FieldFilter for WorkOrderIds {
    fn read(self, at: &Path, reading: &mut Reading) -> Vec<Test> {
        self.0.read(|text| WorkOrderId::parse(text).map(Uuid::from), at, reading)
    }
}

impl IdFilter {
    fn read(
        self,
        parse: impl Fn(&str) -> Result<Uuid, ParseError>,
        at: &Path,
        reading: &mut Reading,
    ) -> Vec<Test> {
        let Self { eq, one_of } = self;
        let id = |id: ID, at: &Path, reading: &mut Reading| match parse(&id) {
            Ok(id) => Some(Cell::Id(id)),
            Err(error) => {
                reading.refuse(at, error.to_string());
                None
            }
        };
        let eq = eq.map(|eq| Test::OneOf(id(eq, &at.field("eq"), reading).into_iter().collect()));
        let one_of = one_of.map(|ids| {
            let at = at.field("in");
            let ids = reading.limited(ids, &at).into_iter().enumerate();
            Test::OneOf(ids.filter_map(|(index, member)| id(member, &at.index(index), reading)).collect())
        });
        eq.into_iter().chain(one_of).collect()
    }
}

/// Defines the filter of an enum that has the operators `eq` and `in`.
macro_rules! enum_filter {
    ($(#[$doc:meta])* $name:ident of $member:ident as $stored:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, InputObject)]
        pub struct $name {
            /// It is this.
            eq: Option<$member>,
            /// It is one of these, up to 100.
            #[graphql(name = "in")]
            one_of: Option<Vec<$member>>,
        }

        impl FieldFilter for $name {
            fn read(self, at: &Path, reading: &mut Reading) -> Vec<Test> {
                let Self { eq, one_of } = self;
                one_of_enum(eq, one_of, stored_name!($member as $stored), at, reading)
            }
        }
    };
}

/// How a member of an enum is stored.
macro_rules! stored_name {
    ($member:ident as $stored:ident) => {
        |member: $member| stored::$stored::from(lifecycle::$stored::from(member)).as_str()
    };
}

fn one_of_enum<T>(
    eq: Option<T>,
    one_of: Option<Vec<T>>,
    name: impl Fn(T) -> &'static str,
    at: &Path,
    reading: &mut Reading,
) -> Vec<Test> {
    let cell = |member| Cell::Text(name(member).to_owned());
    let eq = eq.map(|eq| Test::OneOf(vec![cell(eq)]));
    let one_of = one_of.map(|members| {
        let members = reading.limited(members, &at.field("in"));
        Test::OneOf(members.into_iter().map(cell).collect())
    });
    eq.into_iter().chain(one_of).collect()
}

enum_filter!(
    /// By the coarse stage.
    PhaseFilter of Phase as Phase
);
enum_filter!(
    /// By what a work order does.
    WorkOrderTypeFilter of WorkOrderType as WorkOrderType
);

/// By how it ended.
#[derive(Clone, Debug, InputObject)]
pub struct OutcomeFilter {
    /// It is this.
    eq: Option<Outcome>,
    /// It is one of these, up to 100.
    #[graphql(name = "in")]
    one_of: Option<Vec<Outcome>>,
    /// Whether it has not ended yet.
    is_null: Option<bool>,
}

impl FieldFilter for OutcomeFilter {
    fn read(self, at: &Path, reading: &mut Reading) -> Vec<Test> {
        let Self { eq, one_of, is_null } = self;
        let mut tests = one_of_enum(eq, one_of, stored_name!(Outcome as Outcome), at, reading);
        tests.extend(is_null.map(|is_null| {
            if is_null { Test::Missing } else { Test::Between(Bound::Unbounded, Bound::Unbounded) }
        }));
        tests
    }
}

/// By which way a work order leads.
#[derive(Clone, Debug, InputObject)]
pub struct DirectionFilter {
    /// It is this.
    eq: Option<Direction>,
}

impl FieldFilter for DirectionFilter {
    fn read(self, at: &Path, reading: &mut Reading) -> Vec<Test> {
        one_of_enum(self.eq, None, stored_name!(Direction as Direction), at, reading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_range_of_texts() {
        for (prefix, end) in [
            ("A-", Some("A.")),
            ("é", Some("ê")),
            ("a\u{d7ff}", Some("a\u{e000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
            ("", None),
        ] {
            let end = end.map_or(Bound::Unbounded, |end| Bound::Excluded(Cell::Text(end.to_owned())));
            let expected =
                format!("{:?}", Test::Between(Bound::Included(Cell::Text(prefix.to_owned())), end));
            assert_eq!(format!("{:?}", begins_with(prefix.to_owned())), expected);
        }
    }
}
