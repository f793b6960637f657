//! The rows of the event log. How positions come about is the business of `events::log`.

use std::collections::HashMap;

use entity::{
    event::{Column, Entity, Model},
    event_head,
    id::{EventId, OrderId, WorkOrderId},
    stored::EventType,
};
use sea_orm::{
    ColumnTrait, DbBackend, DbErr, Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    Statement, sea_query::Expr,
};

use super::{
    TenantDb,
    dialect::one_of,
    insert,
    page::{self, List, Page, PageRequest},
};

/// Which events of a tenant's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only of these types.
    pub kinds: Option<Vec<EventType>>,
    /// Only about this order or its work orders.
    pub order_id: Option<OrderId>,
    /// Only about this work order.
    pub work_order_id: Option<WorkOrderId>,
    /// Only those that lead to one of these states.
    pub to_status: Option<Vec<String>>,
    /// Only about orders of these clients.
    pub client_id: Option<Vec<String>>,
}

impl EventFilter {
    /// Whether an event passes; says the same as the filter in the store does.
    pub fn matches(&self, event: &Model) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&event.kind))
            && self.order_id.is_none_or(|id| event.order_id == id)
            && self.work_order_id.is_none_or(|id| event.work_order_id == Some(id))
            && self
                .to_status
                .as_ref()
                .is_none_or(|names| event.to_status.as_ref().is_some_and(|name| names.contains(name)))
            && self.client_id.as_ref().is_none_or(|ids| ids.contains(&event.client_id))
    }

    fn select(&self, db: &TenantDb<'_>) -> Select<Entity> {
        let mut select = db.find::<Entity>();
        if let Some(kinds) = &self.kinds {
            select = select.filter(Column::Kind.is_in(kinds.iter().copied()));
        }
        if let Some(id) = self.order_id {
            select = select.filter(Column::OrderId.eq(id));
        }
        if let Some(id) = self.work_order_id {
            select = select.filter(Column::WorkOrderId.eq(id));
        }
        if let Some(names) = &self.to_status {
            select = select.filter(Column::ToStatus.is_in(names));
        }
        if let Some(ids) = &self.client_id {
            select = select.filter(Column::ClientId.is_in(ids));
        }
        select
    }
}

/// A page of events, oldest first.
pub async fn page(
    db: &TenantDb<'_>,
    filter: &EventFilter,
    request: &PageRequest<i64>,
) -> Result<Page<Model>, DbErr> {
    page::fetch(db, List { select: filter.select(db), key: Column::Position, order: Order::Asc }, request)
        .await
}

/// Whose history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// That of an order and its work orders.
    Order(OrderId),
    /// That of a work order.
    WorkOrder(WorkOrderId),
}

impl Subject {
    /// The order, if it is one.
    pub const fn order(self) -> Option<OrderId> {
        match self {
            Self::Order(id) => Some(id),
            Self::WorkOrder(_) => None,
        }
    }

    /// The work order, if it is one.
    pub const fn work_order(self) -> Option<WorkOrderId> {
        match self {
            Self::WorkOrder(id) => Some(id),
            Self::Order(_) => None,
        }
    }

    /// The events of this history.
    pub fn filter(self) -> EventFilter {
        match self {
            Self::Order(id) => EventFilter { order_id: Some(id), ..EventFilter::default() },
            Self::WorkOrder(id) => EventFilter { work_order_id: Some(id), ..EventFilter::default() },
        }
    }
}

/// The same page of the history of each of several orders, oldest first; an order without events on it is left out.
pub async fn pages_of_orders(
    db: &TenantDb<'_>,
    ids: &[OrderId],
    request: &PageRequest<i64>,
) -> Result<HashMap<OrderId, Page<Model>>, DbErr> {
    let select = db.find::<Entity>().filter(one_of(db, Column::OrderId, ids));
    let list = List { select, key: Column::Position, order: Order::Asc };
    page::fetch_each(db, list, Column::OrderId, |event| event.order_id, request).await
}

/// The events after a position that changed fields of an order or of its work orders.
pub async fn updates_after(db: &TenantDb<'_>, order_id: OrderId, position: i64) -> Result<Vec<Model>, DbErr> {
    let select = db
        .find::<Entity>()
        .filter(Column::OrderId.eq(order_id))
        .filter(Column::Position.gt(position))
        .filter(Column::Changes.is_not_null())
        .order_by_asc(Column::Position);
    db.rows(select).await
}

/// The events that rejected these orders.
pub async fn rejections(db: &TenantDb<'_>, ids: &[OrderId], transition: &str) -> Result<Vec<Model>, DbErr> {
    let select = db
        .find::<Entity>()
        .filter(one_of(db, Column::OrderId, ids))
        .filter(Column::Kind.eq(EventType::OrderStatusChanged))
        .filter(Column::Transition.eq(transition));
    db.rows(select).await
}

/// The same for work orders.
pub async fn pages_of_work_orders(
    db: &TenantDb<'_>,
    ids: &[WorkOrderId],
    request: &PageRequest<i64>,
) -> Result<HashMap<WorkOrderId, Page<Model>>, DbErr> {
    let select = db.find::<Entity>().filter(one_of(db, Column::WorkOrderId, ids));
    let list = List { select, key: Column::Position, order: Order::Asc };
    let pages = page::fetch_each(db, list, Column::WorkOrderId, |event| event.work_order_id, request).await?;
    Ok(pages.into_iter().filter_map(|(id, page)| Some((id?, page))).collect())
}

/// How many events pass, counted up to `limit`; whether that is all of them.
pub async fn count(db: &TenantDb<'_>, filter: &EventFilter, limit: u64) -> Result<(u64, bool), DbErr> {
    page::count_up_to(db, filter.select(db), limit).await
}

/// The first events after a position and up to another, oldest first.
pub async fn between(
    db: &TenantDb<'_>,
    filter: &EventFilter,
    after: i64,
    up_to: i64,
    limit: usize,
) -> Result<Vec<Model>, DbErr> {
    let select = filter
        .select(db)
        .filter(Column::Position.gt(after))
        .filter(Column::Position.lte(up_to))
        .order_by_asc(Column::Position)
        .limit(u64::try_from(limit).unwrap_or(u64::MAX));
    db.rows(select).await
}

/// The events of those ids, in no particular order.
pub async fn by_ids(db: &TenantDb<'_>, ids: &[EventId]) -> Result<Vec<Model>, DbErr> {
    db.rows(db.find::<Entity>().filter(one_of(db, Column::Id, ids))).await
}

/// The oldest event about an order itself that the log has.
pub async fn first_of(db: &TenantDb<'_>, order_id: OrderId) -> Result<Option<Model>, DbErr> {
    let select =
        db.find::<Entity>().filter(Column::OrderId.eq(order_id)).order_by_asc(Column::Position).limit(1);
    Ok(db.rows(select).await?.pop())
}

/// The events at those positions, oldest first.
pub async fn at(db: &TenantDb<'_>, positions: &[i64]) -> Result<Vec<Model>, DbErr> {
    let select = db.find::<Entity>().filter(Column::Position.is_in(positions.iter().copied()));
    db.rows(select.order_by_asc(Column::Position)).await
}

/// How many events pass after a position and up to another.
pub async fn count_between(
    db: &TenantDb<'_>,
    filter: &EventFilter,
    after: i64,
    up_to: i64,
) -> Result<u64, DbErr> {
    let select = filter.select(db).filter(Column::Position.gt(after)).filter(Column::Position.lte(up_to));
    Ok(page::count_up_to(db, select, i32::MAX.unsigned_abs().into()).await?.0)
}

/// How far a tenant's log reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Position of the newest event; 0 where there is none.
    pub head: i64,
    /// Events up to this position are not kept any more; 0 where all are.
    pub expired: i64,
}

/// How far the log reaches.
pub async fn bounds(db: &TenantDb<'_>) -> Result<Bounds, DbErr> {
    let head = db.rows(db.find::<event_head::Entity>()).await?.pop();
    Ok(head.map_or_else(Bounds::default, |head| Bounds { head: head.position, expired: head.expired }))
}

/// Position of the newest event; 0 where there is none.
pub async fn head(db: &TenantDb<'_>) -> Result<i64, DbErr> {
    Ok(bounds(db).await?.head)
}

/// Writes events at the end of the log, which is locked from here until the transaction ends, and gives the position of
/// the first. They come numbered from 1.
pub async fn append(db: &TenantDb<'_>, mut events: Vec<Model>) -> Result<i64, DbErr> {
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    if db.backend() == DbBackend::Postgres && events.len() <= insert::ROWS_PER_STATEMENT {
        return Ok(append_at_once(db, &events, count).await? - count + 1);
    }
    let before = advance_head(db, count).await? - count;
    for event in &mut events {
        event.position += before;
    }
    insert::rows(db, &events).await?;
    Ok(before + 1)
}

/// Moves the end of a log, which locks it until the transaction ends, and gives the new end.
const ADVANCE: &str = "INSERT INTO event_head (tenant_id, position, expired) VALUES ($1, $2, 0) \
     ON CONFLICT (tenant_id) DO UPDATE SET position = event_head.position + excluded.position RETURNING position";

async fn advance_head(db: &TenantDb<'_>, count: i64) -> Result<i64, DbErr> {
    let values = [db.tenant_id().into(), count.into()];
    position(db, Statement::from_sql_and_values(db.backend(), ADVANCE, values)).await
}

/// The same, and writes the events: with one statement the log, for which all other writers of the tenant wait, is locked
/// for a round trip less.
async fn append_at_once(db: &TenantDb<'_>, events: &[Model], count: i64) -> Result<i64, DbErr> {
    let columns = insert::columns::<Entity>();
    let chosen = columns.replace("\"position\"", "head.position - $2 + numbered.position");
    let sql = format!(
        "WITH head AS ({ADVANCE}), written AS (INSERT INTO event ({columns}) SELECT {chosen} \
         FROM head, json_populate_recordset(NULL::event, $3::text::json) numbered) SELECT position FROM head"
    );
    let values = [db.tenant_id().into(), count.into(), insert::document(events)?.into()];
    position(db, Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await
}

async fn position(db: &TenantDb<'_>, statement: Statement) -> Result<i64, DbErr> {
    let row = db.query_one(statement).await?;
    row.ok_or_else(|| DbErr::RecordNotFound("event_head".into()))?.try_get_by_index(0)
}

/// The events about an order and its work orders that have a note.
pub async fn with_notes(db: &TenantDb<'_>, order_id: OrderId) -> Result<Vec<Model>, DbErr> {
    let select = db.find::<Entity>().filter(Column::OrderId.eq(order_id)).filter(Column::Note.is_not_null());
    db.rows(select.order_by_asc(Column::Position)).await
}

/// Puts another note in the place of one that may not stay. Nothing else of an event ever changes.
pub async fn replace_note(db: &TenantDb<'_>, position: i64, note: &str) -> Result<(), DbErr> {
    db.update::<Entity>()
        .col_expr(Column::Note, Expr::value(note))
        .filter(Column::Position.eq(position))
        .exec(db.conn())
        .await?;
    Ok(())
}

/// Says that events up to a position are not kept any more.
pub async fn expire(db: &TenantDb<'_>, up_to: i64) -> Result<(), DbErr> {
    db.update::<event_head::Entity>()
        .col_expr(event_head::Column::Expired, Expr::value(up_to))
        .filter(event_head::Column::Expired.lt(up_to))
        .exec(db.conn())
        .await?;
    Ok(())
}

/// Removes the oldest events up to a position, at most `limit`, and gives how many. [`expire`] comes first.
pub async fn remove(db: &TenantDb<'_>, up_to: i64, limit: u64) -> Result<u64, DbErr> {
    let chosen = db
        .find::<Entity>()
        .select_only()
        .column(Column::Position)
        .filter(Column::Position.lte(up_to))
        .order_by_asc(Column::Position)
        .limit(limit);
    let delete = db.delete::<Entity>().filter(Column::Position.in_subquery(chosen.into_query()));
    Ok(delete.exec(db.conn()).await?.rows_affected)
}
