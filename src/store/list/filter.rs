//! Which rows of a list.

use std::ops::Bound;

use entity::{order, work_order};
use sea_orm::ModelTrait;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Cell, Listed};
use crate::{
    domain::attribute::{ABSENT, Type, Typed, encode, encode_prefix},
    fault::Fault,
};

/// Which rows. Every test says yes or no, also of a row without the value, so that `Not` is what it says.
#[derive(Clone, Debug)]
pub enum Filter<E: Listed> {
    /// Those that pass each; all, if there is none.
    All(Vec<Self>),
    /// Those that pass one of these; none, if there is none.
    Any(Vec<Self>),
    /// Those that do not pass.
    Not(Box<Self>),
    /// By a column.
    Column(E::Column, Test),
    /// By an indexed attribute.
    Attribute(Attribute, Test),
    /// Orders only: those of which a work order passes.
    WorkOrder(Box<Filter<work_order::Entity>>),
}

/// An attribute that is tested.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// Id of its definition, its field in the lists' index.
    pub field: Uuid,
    /// Its name.
    pub key: String,
    /// What its values are.
    pub kind: Type,
}

/// What a value must be.
#[derive(Clone, Debug)]
pub enum Test {
    /// One of these.
    OneOf(Vec<Cell>),
    /// Another than this, or none.
    OtherThan(Cell),
    /// Between these.
    Between(Bound<Cell>, Bound<Cell>),
    /// Not there.
    Missing,
}

impl Test {
    /// Whether a value passes.
    pub(super) fn passes(&self, value: Option<&Cell>) -> bool {
        match self {
            Self::OneOf(cells) => value.is_some_and(|value| cells.contains(value)),
            Self::OtherThan(cell) => value != Some(cell),
            Self::Between(from, to) => value.is_some_and(|value| {
                (match from {
                    Bound::Included(from) => value >= from,
                    Bound::Excluded(from) => value > from,
                    Bound::Unbounded => true,
                }) && match to {
                    Bound::Included(to) => value <= to,
                    Bound::Excluded(to) => value < to,
                    Bound::Unbounded => true,
                }
            }),
            Self::Missing => value.is_none(),
        }
    }
}

impl<E: Listed> Filter<E> {
    /// Whether no row can pass, whatever the table holds.
    pub(super) fn is_nothing(&self) -> bool {
        match self {
            Self::All(filters) => filters.iter().any(Self::is_nothing),
            Self::Any(filters) => filters.iter().all(Self::is_nothing),
            Self::Column(_, Test::OneOf(cells)) | Self::Attribute(_, Test::OneOf(cells)) => cells.is_empty(),
            Self::WorkOrder(filter) => filter.is_nothing(),
            _ => false,
        }
    }

    /// Whether a row passes: the same as the store says of it.
    pub fn matches(&self, member: &Member<'_, E>) -> bool {
        match self {
            Self::All(filters) => filters.iter().all(|filter| filter.matches(member)),
            Self::Any(filters) => filters.iter().any(|filter| filter.matches(member)),
            Self::Not(filter) => !filter.matches(member),
            Self::Column(column, test) => test.passes(Cell::of(member.row.get(*column)).as_ref()),
            Self::Attribute(attribute, test) => test.passes(Some(&attribute.cell(&member.attributes))),
            Self::WorkOrder(filter) => member.work_orders.iter().any(|member| filter.matches(member)),
        }
    }
}

impl Attribute {
    /// One of these values.
    pub fn one_of(values: &[Typed]) -> Test {
        Test::OneOf(values.iter().map(|value| Cell::Bytes(encode(value))).collect())
    }

    /// Another than this value, or none.
    pub fn other_than(value: &Typed) -> Test {
        Test::OtherThan(Cell::Bytes(encode(value)))
    }

    /// A value between these.
    pub fn between(from: Bound<&Typed>, to: Bound<&Typed>) -> Test {
        let cell = |value: &Typed| Cell::Bytes(encode(value));
        let to = match to {
            // What stands for no value comes after all values.
            Bound::Unbounded => Bound::Excluded(Cell::Bytes(ABSENT.to_vec())),
            to => to.map(cell),
        };
        Test::Between(from.map(cell), to)
    }

    /// A text that begins so.
    pub fn prefix(prefix: &str) -> Test {
        let (from, to) = encode_prefix(prefix);
        Test::Between(Bound::Included(Cell::Bytes(from)), Bound::Excluded(Cell::Bytes(to)))
    }

    /// Any value at all, or none.
    pub fn exists(exists: bool) -> Test {
        if exists {
            Self::between(Bound::Unbounded, Bound::Unbounded)
        } else {
            Test::OneOf(vec![Cell::Bytes(ABSENT.to_vec())])
        }
    }

    /// What stands in the lists' index for an owner with those attributes.
    fn cell(&self, attributes: &Map<String, Value>) -> Cell {
        let value = attributes.get(&self.key).and_then(|value| self.kind.read(value));
        Cell::Bytes(value.map_or_else(|| ABSENT.to_vec(), |value| encode(&value)))
    }
}

/// A row with what filters look at.
#[derive(Debug)]
pub struct Member<'a, E: Listed> {
    row: &'a E::Model,
    attributes: Map<String, Value>,
    work_orders: Vec<Member<'a, work_order::Entity>>,
}

impl<'a> Member<'a, work_order::Entity> {
    /// A work order.
    pub fn work_order(row: &'a work_order::Model) -> Result<Self, Fault> {
        let attributes = serde_json::from_str(&row.custom_attributes)?;
        Ok(Self { row, attributes, work_orders: Vec::new() })
    }
}

impl<'a> Member<'a, order::Entity> {
    /// An order and its work orders.
    pub fn order(
        row: &'a order::Model,
        work_orders: impl IntoIterator<Item = &'a work_order::Model>,
    ) -> Result<Self, Fault> {
        let attributes = serde_json::from_str(&row.custom_attributes)?;
        let work_orders = work_orders.into_iter().map(Member::work_order).collect::<Result<_, _>>()?;
        Ok(Self { row, attributes, work_orders })
    }
}
