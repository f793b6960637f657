//! The statements that read a list.

use entity::list_entry;
use sea_orm::{
    ColumnTrait, Statement,
    sea_query::{Alias, Asterisk, Condition, Expr, ExprTrait, Func, JoinType, Order, Query, SelectStatement},
};

use super::{
    By, Key, List, Listed, Place,
    condition::{Entries, check, operand, passes},
    path::{FEW, Path, Source, bounds, conjuncts},
};
use crate::store::{
    TenantDb,
    page::{Direction, PageRequest},
};

/// The name of what a [`Source`] finds.
pub(super) const ID: &str = "found_id";

/// A list, and in which way it is read.
pub(super) struct Plan<'a, E: Listed> {
    pub db: &'a TenantDb<'a>,
    pub list: &'a List<E>,
    pub path: &'a Path<'a, E>,
}

/// A statement whose rows are bounded by numbers in its text: PostgreSQL plans for a tenth of all rows where the bound
/// is a value.
pub(super) fn limited(mut statement: Statement, limit: u64, offset: u64) -> Statement {
    statement.sql.push_str(" LIMIT ");
    statement.sql.push_str(&limit.to_string());
    if offset > 0 {
        statement.sql.push_str(" OFFSET ");
        statement.sql.push_str(&offset.to_string());
    }
    statement
}

impl<E: Listed> Plan<'_, E> {
    /// Reads a page, and one row more, in the order in which it is read; of each row those columns, the values of the
    /// list's keys and the id. None where there can be no rows.
    pub(super) fn page(&self, columns: &[E::Column], request: &PageRequest<Place>) -> Option<Statement> {
        let (mut select, id) = self.rows()?;
        let backward = request.direction == Direction::Backward;
        let direction = |descending: bool| if descending == backward { Order::Asc } else { Order::Desc };
        select.columns(columns.iter().map(ColumnTrait::as_column_ref));
        for (index, key) in self.list.keys.iter().enumerate() {
            if let By::Attribute(field) = key.by {
                let entries = entries(index);
                if index > 0 || !self.begins_with_entries() {
                    select.join_as(
                        JoinType::CrossJoin,
                        list_entry::Entity,
                        entries.0.clone(),
                        Condition::all(),
                    );
                }
                select.and_where(entries.is_of(self.db, field));
                select.and_where(
                    entries.column(list_entry::Column::EntityId).eq(Expr::col(E::ID.as_column_ref())),
                );
            }
            let value = self.value(index, key);
            select.expr(value.clone()).order_by_expr(value, direction(key.descending));
        }
        select.expr(id.clone()).order_by_expr(id.clone(), direction(self.list.newest_first()));
        for (place, later) in [(&request.after, true), (&request.before, false)] {
            if let Some(place) = place {
                select.and_where(self.beyond(place, &id, later));
            }
        }
        Some(limited(self.db.backend().build(&select), request.limit + 1, 0))
    }

    /// Counts the rows, up to one more than `limit`. None where there can be none.
    pub(super) fn count(&self, limit: u64) -> Option<Statement> {
        let (mut select, _) = self.rows()?;
        select.expr(Expr::cust("1")).limit(limit + 1);
        let counted = Query::select()
            .expr(Func::count(Expr::col(Asterisk)))
            .from_subquery(select, "bounded")
            .to_owned();
        Some(self.db.backend().build(&counted))
    }

    /// The list's rows along the path, and their id.
    fn rows(&self) -> Option<(SelectStatement, Expr)> {
        let own_id = Expr::col(E::ID.as_column_ref());
        let mut select = Query::select();
        let mut id = own_id.clone();
        match self.path {
            Path::Nothing => return None,
            Path::Sorted if self.begins_with_entries() => {
                let entries = entries(0);
                select.from_as(list_entry::Entity, entries.0.clone()).cross_join(E::default());
                id = entries.column(list_entry::Column::EntityId);
            }
            Path::Sorted => {
                select.from(E::default());
            }
            Path::ById(Source::Attribute(attribute, test)) => {
                let entries = Entries(Alias::new("found_by"));
                select.from_as(list_entry::Entity, entries.0.clone()).cross_join(E::default());
                entries.restrict(self.db, &mut select, attribute, test);
                id = entries.column(list_entry::Column::EntityId);
                select.and_where(own_id.eq(id.clone()));
            }
            Path::ById(Source::Columns(columns)) => {
                select.from(E::default());
                for (column, test) in columns {
                    select.and_where(passes(self.db, operand(self.db, *column), test));
                }
            }
            Path::ById(source) | Path::Gathered(source) => {
                // Twice as many: there may be more than a moment ago.
                let found = source.select(self.db, E::ID).limit(2 * FEW).to_owned();
                let distinct = Query::select().distinct().column(ID).from_subquery(found, "found").to_owned();
                select.from_subquery(distinct, "gathered").cross_join(E::default());
                select.and_where(own_id.eq(Expr::col(("gathered", ID))));
            }
        }
        if matches!(self.path, Path::Sorted)
            && let Some(key) = self.list.keys.first()
        {
            for test in bounds(self.list) {
                select.and_where(passes(self.db, self.value(0, key), test));
            }
        }
        select.and_where(self.db.owns::<E>());
        for condition in conjuncts(&self.list.filter) {
            if !self.path.ensures(condition) {
                select.and_where(check(self.db, condition, &id));
            }
        }
        Some((select, id))
    }

    /// Whether rows are read in the order of an attribute.
    fn begins_with_entries(&self) -> bool {
        matches!(self.path, Path::Sorted)
            && matches!(self.list.keys.first(), Some(Key { by: By::Attribute(_), .. }))
    }

    /// The value of a key.
    fn value(&self, index: usize, key: &Key<E>) -> Expr {
        match key.by {
            By::Column(column) => operand(self.db, column),
            By::Attribute(_) => entries(index).column(list_entry::Column::Value),
        }
    }

    /// Whether a row comes after a place in the list's order, or before it.
    fn beyond(&self, place: &Place, id: &Expr, later: bool) -> Expr {
        let keys = self.list.keys.iter().enumerate().zip(&place.keys);
        let mut terms: Vec<(Expr, sea_orm::Value, bool)> = keys
            .map(|((index, key), cell)| (self.value(index, key), cell.clone().into(), key.descending))
            .collect();
        terms.push((id.clone(), place.id.into(), self.list.newest_first()));
        let is_greater = |descending: bool| descending != later;
        let directions: Vec<_> = terms.iter().map(|(.., descending)| is_greater(*descending)).collect();
        if let [first, rest @ ..] = directions.as_slice()
            && rest.iter().all(|other| other == first)
        {
            // One comparison of all of them, which an index serves.
            let (columns, values): (Vec<_>, Vec<_>) =
                terms.into_iter().map(|(column, value, _)| (column, Expr::val(value))).unzip();
            let (columns, values) = (Expr::Tuple(columns), Expr::Tuple(values));
            return if *first { columns.gt(values) } else { columns.lt(values) };
        }
        // a beyond, or a the same and (b beyond, or …); and a not on this side, which an index serves.
        let first = terms.first().cloned();
        let beyond = terms.into_iter().rev().fold(None, |rest: Option<Expr>, (column, value, descending)| {
            let column_beyond = if is_greater(descending) {
                column.clone().gt(value.clone())
            } else {
                column.clone().lt(value.clone())
            };
            Some(match rest {
                Some(rest) => column_beyond.or(column.eq(value).and(rest)),
                None => column_beyond,
            })
        });
        let bound = first.map(
            |(column, value, descending)| {
                if is_greater(descending) { column.gte(value) } else { column.lte(value) }
            },
        );
        beyond.into_iter().chain(bound).reduce(Expr::and).unwrap_or_else(|| Expr::cust("TRUE"))
    }
}

/// The lists' index for the key at that place.
fn entries(index: usize) -> Entries {
    Entries(Alias::new(format!("sorted_{index}")))
}
