//! Filters as conditions of a statement.

use std::ops::Bound;

use entity::{list_entry, work_order};
use sea_orm::{
    ColumnTrait, ColumnType, DbBackend, Value,
    sea_query::{Alias, BinOper, Expr, ExprTrait, Query, SelectStatement, extension::postgres::PgFunc},
};
use uuid::Uuid;

use super::{Attribute, Cell, Filter, Listed, Test};
use crate::store::{TenantDb, dialect::padded};

/// The lists' index under a name of its own.
#[derive(Clone, Debug)]
pub(super) struct Entries(pub Alias);

impl Entries {
    /// A column of it.
    pub(super) fn column(&self, column: list_entry::Column) -> Expr {
        Expr::col((self.0.clone(), column))
    }

    /// Whether an entry is of that field, and the tenant's.
    pub(super) fn is_of(&self, db: &TenantDb<'_>, field: Uuid) -> Expr {
        self.column(list_entry::Column::TenantId)
            .eq(db.tenant_id())
            .and(self.column(list_entry::Column::Field).eq(field))
    }
}

/// A column, in the form in which indexes keep it: PostgreSQL's keep texts by code point.
pub(super) fn operand<C: ColumnTrait>(db: &TenantDb<'_>, column: C) -> Expr {
    let operand = Expr::col(column.as_column_ref());
    let is_text = matches!(column.def().get_column_type(), ColumnType::Text | ColumnType::String(_));
    if is_text && db.backend() == DbBackend::Postgres {
        operand.binary(BinOper::Custom("COLLATE"), Expr::col(Alias::new("C")))
    } else {
        operand
    }
}

/// Whether a value passes a test, so that an index over the value serves.
pub(super) fn passes(db: &TenantDb<'_>, operand: Expr, test: &Test) -> Expr {
    match test {
        Test::OneOf(cells) => match cells.as_slice() {
            [] => Expr::cust("FALSE"),
            [cell] => operand.eq(Value::from(cell.clone())),
            cells => one_of(db, operand, cells),
        },
        Test::OtherThan(cell) => operand.clone().ne(Value::from(cell.clone())).or(operand.is_null()),
        Test::Between(from, to) => {
            let lower = match from {
                Bound::Included(from) => Some(operand.clone().gte(Value::from(from.clone()))),
                Bound::Excluded(from) => Some(operand.clone().gt(Value::from(from.clone()))),
                Bound::Unbounded => None,
            };
            let upper = match to {
                Bound::Included(to) => Some(operand.clone().lte(Value::from(to.clone()))),
                Bound::Excluded(to) => Some(operand.clone().lt(Value::from(to.clone()))),
                Bound::Unbounded => None,
            };
            let both = lower.into_iter().chain(upper).reduce(Expr::and);
            both.unwrap_or_else(|| operand.is_not_null())
        }
        Test::Missing => operand.is_null(),
    }
}

/// PostgreSQL takes any number of values as one array, so that it plans once; see `store::dialect`.
fn one_of(db: &TenantDb<'_>, operand: Expr, cells: &[Cell]) -> Expr {
    macro_rules! array {
        ($kind:ident) => {{
            let cell = |cell: &Cell| if let Cell::$kind(value) = cell { Some(value.clone()) } else { None };
            operand.eq(PgFunc::any(cells.iter().filter_map(cell).collect::<Vec<_>>()))
        }};
    }
    match (db.backend(), cells.first()) {
        (DbBackend::Postgres, Some(Cell::Text(_))) => array!(Text),
        (DbBackend::Postgres, Some(Cell::Id(_))) => array!(Id),
        (DbBackend::Postgres, Some(Cell::Bytes(_))) => array!(Bytes),
        _ => operand.is_in(padded(cells.iter().cloned().map(Value::from).collect())),
    }
}

/// Whether the row with that id passes a filter, in a form that no index is used for: which one is has been decided
/// already. Where an entry of the lists' index has the id, rows that do not pass by their attributes are not even read.
pub(super) fn check<E: Listed>(db: &TenantDb<'_>, filter: &Filter<E>, id: &Expr) -> Expr {
    let passes = match filter {
        Filter::All(filters) => {
            let all = filters.iter().map(|filter| check(db, filter, id)).reduce(Expr::and);
            return all.unwrap_or_else(|| Expr::cust("TRUE"));
        }
        Filter::Any(filters) => {
            let any = filters.iter().map(|filter| check(db, filter, id)).reduce(Expr::or);
            return any.unwrap_or_else(|| Expr::cust("FALSE"));
        }
        Filter::Not(filter) => return check(db, filter, id).not(),
        Filter::Column(column, test) => passes(db, operand(db, *column), test),
        Filter::Attribute(attribute, test) => passes(db, value_of(db, attribute, id), test),
        Filter::WorkOrder(filter) => return has_work_order(db, filter, id),
    };
    passes.is(Expr::custom_keyword("TRUE"))
}

/// The value of an attribute of a row, by a statement of its own: PostgreSQL would join an EXISTS.
fn value_of(db: &TenantDb<'_>, attribute: &Attribute, id: &Expr) -> Expr {
    let entries = Entries(Alias::new("tested"));
    let value = Query::select()
        .expr(entries.column(list_entry::Column::Value))
        .from_as(list_entry::Entity, entries.0.clone())
        .and_where(entries.is_of(db, attribute.field))
        .and_where(entries.column(list_entry::Column::EntityId).eq(id.clone()))
        .to_owned();
    scalar(value)
}

fn has_work_order(db: &TenantDb<'_>, filter: &Filter<work_order::Entity>, order_id: &Expr) -> Expr {
    let id = Expr::col(work_order::Entity::ID.as_column_ref());
    let found = Query::select()
        // It stands in the index by order alone: SQLite would read all of an index in which everything stands that is
        // asked for, rather than the few rows of the order.
        .column((work_order::Entity, work_order::Column::Sequence))
        .from(work_order::Entity)
        .and_where(db.owns::<work_order::Entity>())
        .and_where(work_order::Column::OrderId.into_expr().eq(order_id.clone()))
        .and_where(check(db, filter, &id))
        .limit(1)
        .to_owned();
    scalar(found).is_not_null()
}

fn scalar(select: SelectStatement) -> Expr {
    Expr::SubQuery(None, Box::new(select.into()))
}
