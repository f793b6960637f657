//! Keyset pages: a page begins after a row, never after a number of rows, so its cost follows its length and rows that
//! are added meanwhile move nothing.

use std::{collections::HashMap, hash::Hash};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, IdenStatic, Iterable, Order, PrimaryKeyToColumn, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, Select, Value,
    sea_query::{Alias, Asterisk, Expr, ExprTrait, Func, Query, WindowStatement},
};

use super::{TenantDb, tenant::TenantOwned};

/// Which end of the list a page is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The first rows after a cursor.
    Forward,
    /// The last rows before a cursor.
    Backward,
}

/// What page of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageRequest<K> {
    /// How many rows at most.
    pub limit: u64,
    /// From which end.
    pub direction: Direction,
    /// Only rows that come after this key in the list's order.
    pub after: Option<K>,
    /// Only rows that come before this key in the list's order.
    pub before: Option<K>,
}

/// A page of a list, in the list's order whichever end it was taken from.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// Its rows.
    pub rows: Vec<T>,
    /// Whether rows come after it.
    pub has_next: bool,
    /// Whether rows come before it.
    pub has_previous: bool,
}

impl<T> Page<T> {
    /// The same page of other things.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page {
            rows: self.rows.into_iter().map(convert).collect(),
            has_next: self.has_next,
            has_previous: self.has_previous,
        }
    }
}

/// A list whose rows have a unique order.
pub(super) struct List<E: EntityTrait> {
    /// Its rows.
    pub select: Select<E>,
    /// The column that orders it.
    pub key: E::Column,
    /// In which direction.
    pub order: Order,
}

impl<E: TenantOwned> List<E> {
    /// The rows of a page, and one more: it tells whether the list goes on.
    fn select<K: Into<Value> + Copy>(self, request: &PageRequest<K>) -> Select<E> {
        let key = self.key;
        let (select, scan) = self.window(request);
        select.order_by(key, scan).limit(request.limit + 1)
    }

    /// The rows that a page may be taken from, and the order in which to read them.
    fn window<K: Into<Value> + Copy>(self, request: &PageRequest<K>) -> (Select<E>, Order) {
        let Self { mut select, key, order } = self;
        let newest_first = matches!(order, Order::Desc);
        let beyond = |bound: K, later: bool| {
            if later == newest_first { key.lt(bound) } else { key.gt(bound) }
        };
        if let Some(after) = request.after {
            select = select.filter(beyond(after, true));
        }
        if let Some(before) = request.before {
            select = select.filter(beyond(before, false));
        }
        let backward = request.direction == Direction::Backward;
        (select, if newest_first == backward { Order::Asc } else { Order::Desc })
    }
}

impl<T> Page<T> {
    /// A page of a list that has no rows beyond the request's cursors.
    pub fn none<K>(request: &PageRequest<K>) -> Self {
        Self::of(Vec::new(), request)
    }

    /// A page of rows that were read in the order of the request, one more than asked for if there are more.
    pub(super) fn of<K>(mut rows: Vec<T>, request: &PageRequest<K>) -> Self {
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let backward = request.direction == Direction::Backward;
        if backward {
            rows.reverse();
        }
        Self {
            rows,
            has_next: if backward { request.before.is_some() } else { more },
            has_previous: if backward { more } else { request.after.is_some() },
        }
    }
}

/// Takes a page of a list.
pub(super) async fn fetch<E, K>(
    db: &TenantDb<'_>,
    list: List<E>,
    request: &PageRequest<K>,
) -> Result<Page<E::Model>, DbErr>
where
    E: TenantOwned,
    K: Into<Value> + Copy,
{
    Ok(Page::of(db.rows(list.select(request)).await?, request))
}

/// Takes the same page of each of several lists with one statement: those of the rows with the same `owner`. A list
/// without rows is left out.
pub(super) async fn fetch_each<E, K, O>(
    db: &TenantDb<'_>,
    list: List<E>,
    owner: E::Column,
    owner_of: impl Fn(&E::Model) -> O,
    request: &PageRequest<K>,
) -> Result<HashMap<O, Page<E::Model>>, DbErr>
where
    E: TenantOwned,
    K: Into<Value> + Copy,
    O: Eq + Hash,
{
    const PLACE: &str = "place";
    let key = list.key;
    let (select, scan) = list.window(request);
    let places = WindowStatement::partition_by(owner).order_by(key, scan.clone()).to_owned();
    let mut numbered = select.into_query();
    numbered.expr_window_as(Func::cust("ROW_NUMBER"), places, PLACE);
    let chosen = Query::select()
        .columns(E::Column::iter().map(|column| Alias::new(column.as_str())))
        .from_subquery(numbered, "numbered")
        .and_where(Expr::col(PLACE).lte(request.limit + 1))
        .order_by(Alias::new(owner.as_str()), Order::Asc)
        .order_by(Alias::new(key.as_str()), scan)
        .to_owned();
    let mut rows: HashMap<O, Vec<E::Model>> = HashMap::new();
    for row in db.query_rows::<E>(db.backend().build(&chosen)).await? {
        rows.entry(owner_of(&row)).or_default().push(row);
    }
    Ok(rows.into_iter().map(|(owner, rows)| (owner, Page::of(rows, request))).collect())
}

/// How many rows `select` finds, counted up to `limit`; whether that is all of them.
pub(super) async fn count_up_to<E>(
    db: &TenantDb<'_>,
    select: Select<E>,
    limit: u64,
) -> Result<(u64, bool), DbErr>
where
    E: EntityTrait,
    E::PrimaryKey: Iterable,
{
    let mut select = select.select_only();
    if let Some(key) = E::PrimaryKey::iter().last() {
        select = select.column(key.into_column());
    }
    let counted = Query::select()
        .expr(Func::count(Expr::col(Asterisk)))
        .from_subquery(select.limit(limit + 1).into_query(), "bounded")
        .to_owned();
    let row = db.query_one(db.backend().build(&counted)).await?;
    let count: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
    let count = u64::try_from(count).unwrap_or(0);
    Ok((std::cmp::min(count, limit), count <= limit))
}

/// Writes the cursor of a list whose key is a UUID.
pub fn encode_cursor(list: &str, key: uuid::Uuid) -> String {
    URL_SAFE_NO_PAD.encode([list.as_bytes(), b":", key.as_bytes()].concat())
}

/// Reads a cursor of the list called `list`; one of another list does not parse.
pub fn decode_cursor(list: &str, cursor: &str) -> Option<uuid::Uuid> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let key = bytes.strip_prefix(list.as_bytes())?.strip_prefix(b":")?;
    uuid::Uuid::from_slice(key).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_own_list_only() {
        let key = uuid::Uuid::from_u128(7);
        let cursor = encode_cursor("order", key);
        assert_eq!(decode_cursor("order", &cursor), Some(key));
        assert_eq!(decode_cursor("plugin", &cursor), None);
        for broken in ["", "order", "%%%", cursor.split_at(1).1, &format!("{cursor}AA")] {
            assert_eq!(decode_cursor("order", broken), None, "{broken}");
        }
    }
}
