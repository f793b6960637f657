//! Lists that callers filter and sort: which rows, in which order, and how a store reads a page of them.
//!
//! What is asked for is a [`Filter`] and [`Key`]s, values that know no store. What a page costs follows its length and
//! not the table's because the way in which rows are read is chosen here (`path`) and not by a planner, which on
//! PostgreSQL plans a statement's text without its values, and on SQLite knows nothing of what the tables hold.

mod cell;
mod condition;
mod filter;
mod path;
mod place;
mod statement;

use entity::{order, work_order};
use sea_orm::{DbBackend, DbErr, EntityTrait, Iterable, ModelTrait, QueryResult};
use uuid::Uuid;

use self::{path::Path, statement::Plan};
use super::{
    Part, TenantDb,
    page::{Page, PageRequest},
    rows::Row,
    tenant::TenantOwned,
};

pub use self::{
    cell::Cell,
    filter::{Attribute, Filter, Member, Test},
    place::{Cursors, Place},
};

/// A table whose rows make a list that callers filter and sort.
pub trait Listed: TenantOwned<Model: ModelTrait<Entity = Self>> {
    /// What tells rows apart, in the order in which they were made.
    const ID: Self::Column;
    /// When a row was made.
    const CREATED_AT: Self::Column;
    /// Columns by which rows are found, each with an index that has the id at its end. An index that has a second
    /// column before the id names it.
    const INDEXED: &'static [(Self::Column, Option<Self::Column>)];
}
impl Listed for order::Entity {
    const ID: order::Column = order::Column::Id;
    const CREATED_AT: order::Column = order::Column::CreatedAt;
    const INDEXED: &'static [(order::Column, Option<order::Column>)] = {
        use order::Column;
        &[
            (Column::Id, None),
            (Column::ClientOrderId, None),
            (Column::BatchId, None),
            (Column::ClientId, None),
            (Column::Status, None),
            (Column::Phase, None),
            (Column::CreatedAt, None),
            (Column::UpdatedAt, None),
        ]
    };
}

impl Listed for work_order::Entity {
    const ID: work_order::Column = work_order::Column::Id;
    const CREATED_AT: work_order::Column = work_order::Column::CreatedAt;
    const INDEXED: &'static [(work_order::Column, Option<work_order::Column>)] = {
        use work_order::Column;
        &[
            (Column::Id, None),
            (Column::OrderId, None),
            (Column::Status, Some(Column::Kind)),
            (Column::Phase, None),
            (Column::CreatedAt, None),
            (Column::UpdatedAt, None),
        ]
    };
}

/// By what rows are sorted, in one direction.
#[derive(Clone, Debug)]
pub struct Key<E: EntityTrait> {
    /// By what.
    pub by: By<E>,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// By what rows are sorted. None of it is ever null.
#[derive(Clone, Debug)]
pub enum By<E: EntityTrait> {
    /// A column of an instant or a text.
    Column(E::Column),
    /// An indexed attribute; rows without it come last.
    Attribute(Uuid),
}

/// A list: which rows, in which order.
#[derive(Clone, Debug)]
pub struct List<E: Listed> {
    /// Which rows.
    pub filter: Filter<E>,
    /// By what they are sorted, the first key first; the id breaks ties, in the direction of the last key. Without keys
    /// the newest comes first.
    pub keys: Vec<Key<E>>,
}

impl<E: Listed> List<E> {
    /// The list of what passes a filter. Without keys, and with a test of when rows were made, newest first is the order
    /// of that time, whose index then finds where the page begins.
    pub fn new(filter: Filter<E>, mut keys: Vec<Key<E>>) -> Self {
        if keys.is_empty() && path::tests(&filter, E::CREATED_AT) {
            keys.push(Key { by: By::Column(E::CREATED_AT), descending: true });
        }
        Self { filter, keys }
    }

    /// Whether the id is sorted with the greatest first.
    fn newest_first(&self) -> bool {
        self.keys.last().is_none_or(|key| key.descending)
    }
}

/// A page of a list, each row with its place.
pub async fn page<E: Listed>(
    db: &TenantDb<'_>,
    list: &List<E>,
    request: &PageRequest<Place>,
) -> Result<Page<(E::Model, Place)>, DbErr> {
    let columns: Vec<_> = E::Column::iter().collect();
    let rows = rows(db, list, &columns, request).await?;
    let rows = rows.into_iter().map(|row| {
        let model = E::Model::decode(&row)?;
        Ok((model, list.place(&Part::from(row), columns.len())?))
    });
    Ok(Page::of(rows.collect::<Result<_, DbErr>>()?, request))
}

/// The same, and of the rows those columns. [`List::place`] reads places behind them.
pub async fn page_parts<E: Listed>(
    db: &TenantDb<'_>,
    list: &List<E>,
    columns: &[E::Column],
    request: &PageRequest<Place>,
) -> Result<Page<Part>, DbErr> {
    let rows = rows(db, list, columns, request).await?;
    Ok(Page::of(rows.into_iter().map(Part::from).collect(), request))
}

async fn rows<E: Listed>(
    db: &TenantDb<'_>,
    list: &List<E>,
    columns: &[E::Column],
    request: &PageRequest<Place>,
) -> Result<Vec<QueryResult>, DbErr> {
    let path = Path::choose(db, list).await?;
    match (Plan { db, list, path: &path }).page(columns, request) {
        Some(statement) => db.query_all(statement).await,
        None => Ok(Vec::new()),
    }
}

/// How the store reads a page: its plan, a step a line.
pub async fn explain<E: Listed>(
    db: &TenantDb<'_>,
    list: &List<E>,
    request: &PageRequest<Place>,
) -> Result<Vec<String>, DbErr> {
    let path = Path::choose(db, list).await?;
    let Some(mut statement) = (Plan { db, list, path: &path }).page(&[E::ID], request) else {
        return Ok(Vec::new());
    };
    let (explain, column) = match db.backend() {
        DbBackend::Postgres => ("EXPLAIN", 0),
        _ => ("EXPLAIN QUERY PLAN", 3),
    };
    statement.sql = format!("{explain} {}", statement.sql);
    db.query_all(statement).await?.iter().map(|row| row.try_get_by_index(column)).collect()
}

/// How many rows pass, counted up to `limit`; whether that is all of them.
pub async fn count<E: Listed>(
    db: &TenantDb<'_>,
    filter: &Filter<E>,
    limit: u64,
) -> Result<(u64, bool), DbErr> {
    let list = List { filter: filter.clone(), keys: Vec::new() };
    let path = Path::choose(db, &list).await?;
    let Some(statement) = (Plan { db, list: &list, path: &path }).count(limit) else { return Ok((0, true)) };
    let row = db.query_one(statement).await?;
    let count: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
    let count = u64::try_from(count).unwrap_or(0);
    Ok((std::cmp::min(count, limit), count <= limit))
}
