//! In which way a list's rows are read.
//!
//! Either in the order that is asked for, each tested, until a page is full: good where many rows pass. Or all that one
//! condition finds by its index, then sorted: good where it finds few. Which of both is found out by asking whether the
//! condition finds more than [`FEW`], which costs at most as much as reading so many entries of an index. A condition
//! that finds rows in the order of their ids, which is that of lists without keys, has the good of both.

use std::{ops::Bound, ptr};

use entity::{list_entry, work_order};
use sea_orm::{
    ColumnTrait, DbErr, IdenStatic,
    sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement, UnionType},
};

use super::{
    Attribute, By, Filter, List, Listed, Test,
    condition::{Entries, operand, passes},
    statement::{ID, limited},
};
use crate::store::TenantDb;

/// So many rows are gathered and sorted rather than read in their order.
pub(super) const FEW: u64 = 2_048;

/// How many conditions are asked how much they find.
const MAX_ASKED: usize = 6;

/// In which way a list's rows are read.
#[derive(Debug)]
pub(super) enum Path<'a, E: Listed> {
    /// There are none.
    Nothing,
    /// In the list's order.
    Sorted,
    /// What this finds, in the order of ids, which is the list's.
    ById(Source<'a, E>),
    /// What this finds, sorted then.
    Gathered(Source<'a, E>),
}

impl<'a, E: Listed> Path<'a, E> {
    /// The way to read a list.
    pub(super) async fn choose(db: &TenantDb<'_>, list: &'a List<E>) -> Result<Self, DbErr> {
        if list.filter.is_nothing() {
            return Ok(Self::Nothing);
        }
        let by_id = list.keys.is_empty();
        let mut sources = sources(&list.filter);
        let is_only = sources.len() == 1;
        if let Some(place) = sources.iter().position(|source| by_id && is_only && source.is_by_id()) {
            return Ok(Self::ById(sources.swap_remove(place)));
        }
        for place in 0..sources.len().min(MAX_ASKED) {
            if let Some(source) = sources.get(place)
                && source.finds_few(db).await?
            {
                return Ok(Self::Gathered(sources.swap_remove(place)));
            }
        }
        let in_order = sources.iter().position(|source| by_id && source.is_by_id());
        Ok(in_order.map_or(Self::Sorted, |place| Self::ById(sources.swap_remove(place))))
    }
}

impl<E: Listed> Path<'_, E> {
    /// Whether all rows on the path pass one of the filter's conditions, so that it need not be tested again.
    pub(super) fn ensures(&self, condition: &Filter<E>) -> bool {
        let (Self::ById(source) | Self::Gathered(source)) = self else { return false };
        match (source, condition) {
            (Source::Attribute(_, test), Filter::Attribute(_, tested)) => ptr::eq(*test, tested),
            (Source::Columns(columns), Filter::Column(_, tested)) => {
                columns.iter().any(|(_, test)| ptr::eq(*test, tested))
            }
            _ => false,
        }
    }
}

/// Rows that an index finds; among them are all that pass the filter.
#[derive(Debug)]
pub(super) enum Source<'a, E: Listed> {
    /// By columns of one index.
    Columns(Vec<(E::Column, &'a Test)>),
    /// By an attribute.
    Attribute(&'a Attribute, &'a Test),
    /// Orders, by their work orders.
    WorkOrder(Box<Source<'a, work_order::Entity>>),
    /// By one of several.
    Any(Vec<Self>),
}

/// Filters that all have to pass.
pub(super) fn conjuncts<E: Listed>(filter: &Filter<E>) -> Vec<&Filter<E>> {
    match filter {
        Filter::All(filters) => filters.iter().flat_map(conjuncts).collect(),
        filter => vec![filter],
    }
}

/// The sources of what passes a filter.
fn sources<E: Listed>(filter: &Filter<E>) -> Vec<Source<'_, E>> {
    let conjuncts = conjuncts(filter);
    let column = |column: E::Column| {
        conjuncts.iter().find_map(|filter| match filter {
            Filter::Column(other, test) if other.as_str() == column.as_str() && is_found(test) => Some(test),
            _ => None,
        })
    };
    // Those by columns in the order in which the table names them: what finds less stands before.
    let columns = E::INDEXED.iter().filter_map(|(first, second)| {
        let first = (*first, column(*first)?);
        let second = second.and_then(|second| Some((second, column(second)?)));
        Some(Source::Columns(std::iter::once(first).chain(second).collect()))
    });
    let others = conjuncts.iter().flat_map(|filter| match filter {
        Filter::Attribute(attribute, test) if is_found(test) => vec![Source::Attribute(attribute, test)],
        Filter::WorkOrder(filter) => {
            sources(filter).into_iter().map(|source| Source::WorkOrder(Box::new(source))).collect()
        }
        Filter::Any(filters) => {
            let each = filters.iter().map(|filter| sources(filter).into_iter().next());
            each.collect::<Option<Vec<_>>>().map(Source::Any).into_iter().collect()
        }
        _ => Vec::new(),
    });
    columns.chain(others).collect()
}

/// Whether an index finds what passes.
fn is_found(test: &Test) -> bool {
    match test {
        Test::OneOf(_) => true,
        Test::Between(from, to) => !matches!((from, to), (Bound::Unbounded, Bound::Unbounded)),
        Test::OtherThan(_) | Test::Missing => false,
    }
}

impl<E: Listed> Source<'_, E> {
    /// Whether the index gives rows in the order of their ids.
    fn is_by_id(&self) -> bool {
        let is_one = |test: &Test| matches!(test, Test::OneOf(cells) if cells.len() == 1);
        match self {
            Self::Columns(columns) => {
                // Of two columns, the id is not the third everywhere.
                matches!(columns.as_slice(), [(column, test), ..]
                    if is_one(test) || column.as_str() == E::ID.as_str())
            }
            Self::Attribute(_, test) => is_one(test),
            Self::WorkOrder(_) | Self::Any(_) => false,
        }
    }

    /// Whether it finds few, asked of the store where the filter does not say.
    async fn finds_few(&self, db: &TenantDb<'_>) -> Result<bool, DbErr> {
        if let Self::Columns(columns) = self
            && columns
                .iter()
                .any(|(column, test)| column.as_str() == E::ID.as_str() && matches!(test, Test::OneOf(_)))
        {
            return Ok(true);
        }
        let found = self.select(db, E::ID);
        let beyond = Query::select().expr(Expr::cust("1")).from_subquery(found, "found").to_owned();
        let statement = limited(db.backend().build(&beyond), 1, FEW);
        Ok(db.query_one(statement).await?.is_none())
    }

    /// Reads a column, called [`ID`], of what it finds; some of it more than once.
    pub(super) fn select(&self, db: &TenantDb<'_>, column: E::Column) -> SelectStatement {
        match self {
            Self::Columns(columns) => {
                let mut select = Query::select();
                select
                    .expr_as(Expr::col(column.as_column_ref()), ID)
                    .from(E::default())
                    .and_where(db.owns::<E>());
                for (column, test) in columns {
                    select.and_where(passes(db, operand(db, *column), test));
                }
                select
            }
            Self::Attribute(attribute, test) => {
                let entries = Entries(Alias::new("found_by"));
                let mut select = Query::select();
                select.from_as(list_entry::Entity, entries.0.clone());
                entries.restrict(db, &mut select, attribute, test);
                let entity_id = entries.column(list_entry::Column::EntityId);
                if column.as_str() == E::ID.as_str() {
                    select.expr_as(entity_id, ID);
                } else {
                    select
                        .expr_as(Expr::col(column.as_column_ref()), ID)
                        .cross_join(E::default())
                        .and_where(db.owns::<E>())
                        .and_where(Expr::col(E::ID.as_column_ref()).eq(entity_id));
                }
                select
            }
            Self::WorkOrder(source) => source.select(db, work_order::Column::OrderId),
            Self::Any(sources) => {
                let mut selects = sources.iter().map(|source| source.select(db, column));
                let mut select = selects.next().unwrap_or_default();
                selects.for_each(|other| {
                    select.union(UnionType::All, other);
                });
                select
            }
        }
    }
}

impl Entries {
    /// Only those of an attribute that pass a test.
    pub(super) fn restrict(
        &self,
        db: &TenantDb<'_>,
        select: &mut SelectStatement,
        attribute: &Attribute,
        test: &Test,
    ) {
        select.and_where(self.is_of(db, attribute.field)).and_where(passes(
            db,
            self.column(list_entry::Column::Value),
            test,
        ));
    }
}

/// Whether all that passes a filter passes a test of that column.
pub(super) fn tests<E: Listed>(filter: &Filter<E>, column: E::Column) -> bool {
    let tests =
        |filter: &Filter<E>| matches!(filter, Filter::Column(by, _) if by.as_str() == column.as_str());
    conjuncts(filter).into_iter().any(tests)
}

/// The tests of what a list is sorted by first; they bound where its index is read.
pub(super) fn bounds<E: Listed>(list: &List<E>) -> Vec<&Test> {
    let Some(key) = list.keys.first() else { return Vec::new() };
    let test = |filter: &&'_ Filter<E>| match (filter, &key.by) {
        (Filter::Column(column, _), By::Column(by)) => column.as_str() == by.as_str(),
        (Filter::Attribute(attribute, _), By::Attribute(by)) => attribute.field == *by,
        _ => false,
    };
    let tests = conjuncts(&list.filter).into_iter().filter(test).filter_map(|filter| match filter {
        Filter::Column(_, test) | Filter::Attribute(_, test) => Some(test),
        _ => None,
    });
    tests.filter(|test| is_found(test)).collect()
}
