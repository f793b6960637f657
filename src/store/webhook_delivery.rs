//! What is sent to webhook endpoints.
//!
//! The pending deliveries of one order to one endpoint are a queue. One of them is active, which is to say that it is
//! due at some time; the others wait for it, and have no such time. Whoever adds deliveries or ends them has locked the
//! endpoint before, and calls [`activate`] afterwards; so no queue is ever left without.

use chrono::{DateTime, Utc};
use entity::{
    id::{OrderId, WebhookDeliveryId, WebhookEndpointId},
    stored::DeliveryStatus,
    webhook_delivery::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DbErr, EntityTrait, IntoActiveModel, Order, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use uuid::Uuid;

use super::{
    TenantDb,
    dialect::one_of,
    page::{self, List, Page, PageRequest},
};

/// Which deliveries to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeliveryFilter {
    /// To which endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// Only those that stand so.
    pub status: Option<DeliveryStatus>,
}

impl DeliveryFilter {
    fn select(&self, db: &TenantDb<'_>) -> Select<Entity> {
        let select = of_endpoint(db, self.endpoint_id);
        match self.status {
            Some(status) => select.filter(Column::Status.eq(status)),
            None => select,
        }
    }
}

fn of_endpoint(db: &TenantDb<'_>, id: WebhookEndpointId) -> Select<Entity> {
    db.find::<Entity>().filter(Column::EndpointId.eq(id))
}

/// The deliveries of those ids, in no particular order.
pub async fn by_ids(db: &TenantDb<'_>, ids: &[WebhookDeliveryId]) -> Result<Vec<Model>, DbErr> {
    db.rows(db.find::<Entity>().filter(one_of(db, Column::Id, ids))).await
}

/// A page of deliveries, those of the newest events first.
pub async fn page(
    db: &TenantDb<'_>,
    filter: &DeliveryFilter,
    request: &PageRequest<i64>,
) -> Result<Page<Model>, DbErr> {
    let list = List { select: filter.select(db), key: Column::Position, order: Order::Desc };
    page::fetch(db, list, request).await
}

/// How many deliveries pass, counted up to `limit`; whether that is all of them.
pub async fn count(db: &TenantDb<'_>, filter: &DeliveryFilter, limit: u64) -> Result<(u64, bool), DbErr> {
    page::count_up_to(db, filter.select(db), limit).await
}

/// The active deliveries of some orders, held until the transaction ends. The endpoint is locked already.
pub async fn lock_active(
    db: &TenantDb<'_>,
    id: WebhookEndpointId,
    orders: &[OrderId],
) -> Result<Vec<Model>, DbErr> {
    let select = of_endpoint(db, id)
        .filter(Column::Status.eq(DeliveryStatus::Pending))
        .filter(Column::DueAt.is_not_null())
        .filter(one_of(db, Column::OrderId, orders))
        .order_by_asc(Column::Position)
        .lock_exclusive();
    db.rows(select).await
}

/// Lets active deliveries wait for others that come before them.
pub async fn park(db: &TenantDb<'_>, id: WebhookEndpointId, positions: &[i64]) -> Result<(), DbErr> {
    if positions.is_empty() {
        return Ok(());
    }
    db.update::<Entity>()
        .col_expr(Column::DueAt, Expr::value(None::<DateTime<Utc>>))
        .filter(Column::EndpointId.eq(id))
        .filter(Column::Position.is_in(positions.iter().copied()))
        .exec(db.conn())
        .await?;
    Ok(())
}

/// Queues deliveries. One that was there and has ended is queued anew; one that is pending stays as it is.
pub async fn queue(db: &TenantDb<'_>, deliveries: Vec<Model>) -> Result<(), DbErr> {
    if deliveries.is_empty() {
        return Ok(());
    }
    let rows = deliveries.into_iter().map(IntoActiveModel::into_active_model);
    Entity::insert_many::<ActiveModel, _>(rows)
        .on_conflict(
            OnConflict::columns([Column::TenantId, Column::EndpointId, Column::Position])
                .update_columns([Column::Status, Column::Attempts, Column::DueAt, Column::Lease])
                .action_and_where(Expr::col((Entity, Column::Status)).ne(DeliveryStatus::Pending.as_str()))
                .to_owned(),
        )
        .exec_without_returning(db.conn())
        .await?;
    Ok(())
}

/// Makes the first pending delivery of each of these orders active, where none is.
pub async fn activate(
    db: &TenantDb<'_>,
    id: WebhookEndpointId,
    orders: &[OrderId],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    if orders.is_empty() {
        return Ok(());
    }
    activate_among(db, id, of_endpoint(db, id).filter(one_of(db, Column::OrderId, orders)), now).await
}

/// The same for every order.
pub async fn activate_all(db: &TenantDb<'_>, id: WebhookEndpointId, now: DateTime<Utc>) -> Result<(), DbErr> {
    activate_among(db, id, of_endpoint(db, id), now).await
}

async fn activate_among(
    db: &TenantDb<'_>,
    id: WebhookEndpointId,
    among: Select<Entity>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let first = among
        .filter(Column::Status.eq(DeliveryStatus::Pending))
        .select_only()
        .column_as(Column::Position.min(), "first")
        .group_by(Column::OrderId)
        .having(Column::DueAt.count().eq(0))
        .into_query();
    db.update::<Entity>()
        .col_expr(Column::DueAt, Expr::value(now))
        .filter(Column::EndpointId.eq(id))
        .filter(Column::Position.in_subquery(first))
        .exec(db.conn())
        .await?;
    Ok(())
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The event's place in the log.
    pub position: i64,
    /// How it stands now.
    pub status: DeliveryStatus,
    /// When it is sent again, if it is pending.
    pub due_at: Option<DateTime<Utc>>,
    /// HTTP status of the answer.
    pub status_code: Option<i32>,
    /// What went wrong.
    pub error: Option<String>,
}

/// Writes what became of deliveries that are still held under `lease`.
pub async fn settle(
    db: &TenantDb<'_>,
    id: WebhookEndpointId,
    lease: Uuid,
    settled: &Settled,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let delivered = settled.status == DeliveryStatus::Delivered;
    let row = ActiveModel {
        status: Set(settled.status),
        due_at: Set(settled.due_at),
        lease: Set(None),
        last_status_code: Set(settled.status_code),
        last_error: Set(settled.error.clone()),
        delivered_at: Set(delivered.then_some(now)),
        ..Default::default()
    };
    db.update::<Entity>()
        .set(row)
        .filter(Column::EndpointId.eq(id))
        .filter(Column::Position.eq(settled.position))
        .filter(Column::Lease.eq(lease))
        .exec(db.conn())
        .await?;
    Ok(())
}

/// The oldest deliveries that failed, at most `limit`: those after a position, and about one order if one is given.
pub async fn failed(
    db: &TenantDb<'_>,
    id: WebhookEndpointId,
    after: i64,
    order_id: Option<OrderId>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut select = of_endpoint(db, id)
        .filter(Column::Status.eq(DeliveryStatus::Failed))
        .filter(Column::Position.gt(after));
    if let Some(order_id) = order_id {
        select = select.filter(Column::OrderId.eq(order_id));
    }
    db.rows(select.order_by_asc(Column::Position).limit(limit)).await
}

/// Removes deliveries of events up to a position, at most `limit`, and gives how many. Those that are pending stay,
/// unless the endpoint is gone.
pub async fn remove(
    db: &TenantDb<'_>,
    id: WebhookEndpointId,
    up_to: i64,
    pending_too: bool,
    limit: u64,
) -> Result<u64, DbErr> {
    let mut chosen = of_endpoint(db, id)
        .select_only()
        .column(Column::Position)
        .filter(Column::Position.lte(up_to))
        .order_by_asc(Column::Position)
        .limit(limit);
    if !pending_too {
        chosen = chosen.filter(Column::Status.ne(DeliveryStatus::Pending));
    }
    let done = db
        .delete::<Entity>()
        .filter(Column::EndpointId.eq(id))
        .filter(Column::Position.in_subquery(chosen.into_query()))
        .exec(db.conn())
        .await?;
    Ok(done.rows_affected)
}
