//! Keyset pages: a page begins after a row, never after a number of rows, so its cost follows its length and rows that
//! are added meanwhile move nothing.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, Iterable, Order, QueryFilter, QueryOrder, QuerySelect, Select, Value,
};

use super::{TenantDb, tenant::TenantOwned};

/// Which end of the list a page is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The first rows after a cursor.
    Forward,
    /// The last rows before a cursor.
    Backward,
}

/// What page of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Takes a page of `select`, whose order is that of the unique column `key`.
pub(super) async fn fetch<E, K>(
    db: &TenantDb<'_>,
    select: Select<E>,
    key: E::Column,
    order: Order,
    request: &PageRequest<K>,
) -> Result<Page<E::Model>, DbErr>
where
    E: TenantOwned,
    K: Into<Value> + Copy,
{
    let newest_first = matches!(order, Order::Desc);
    let beyond = |key: E::Column, bound: K, later: bool| {
        if later == newest_first { key.lt(bound) } else { key.gt(bound) }
    };
    let mut select = select;
    if let Some(after) = request.after {
        select = select.filter(beyond(key, after, true));
    }
    if let Some(before) = request.before {
        select = select.filter(beyond(key, before, false));
    }
    let backward = request.direction == Direction::Backward;
    let scan = if newest_first == backward { Order::Asc } else { Order::Desc };
    // One row more than asked for tells whether the list goes on.
    let mut rows = db.rows(select.order_by(key, scan).limit(request.limit + 1)).await?;
    let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    if backward {
        rows.reverse();
    }
    Ok(Page {
        rows,
        has_next: if backward { request.before.is_some() } else { more },
        has_previous: if backward { more } else { request.after.is_some() },
    })
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
    let key = E::PrimaryKey::iter().last();
    let mut select = select.select_only();
    if let Some(key) = key {
        use sea_orm::PrimaryKeyToColumn;
        select = select.column(key.into_column());
    }
    let rows = select.limit(limit + 1);
    let inner = sea_orm::QueryTrait::into_query(rows);
    let counted = sea_orm::sea_query::Query::select()
        .expr(sea_orm::sea_query::Func::count(sea_orm::sea_query::Expr::col(sea_orm::sea_query::Asterisk)))
        .from_subquery(inner, "bounded")
        .to_owned();
    let row = db.query_one(db.backend().build(&counted)).await?;
    let count: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
    let count = u64::try_from(count).unwrap_or(0);
    Ok((count.min(limit), count <= limit))
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
