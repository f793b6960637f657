//! Work orders.

use std::collections::HashMap;

use entity::{
    id::{OrderId, WorkOrderId},
    work_order::{Column, Entity, Model},
};
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, IntoActiveModel, QueryFilter};

use super::{Part, TenantDb, dialect::one_of, insert};

/// The work orders of those ids, in no particular order.
pub async fn by_ids(db: &TenantDb<'_>, ids: &[WorkOrderId]) -> Result<Vec<Model>, DbErr> {
    db.rows(db.find::<Entity>().filter(one_of(db, Column::Id, ids))).await
}

/// The work orders of an order, by sequence. To change them, lock the order first.
pub async fn of_order(db: &TenantDb<'_>, order_id: OrderId) -> Result<Vec<Model>, DbErr> {
    of_orders(db, &[order_id]).await
}

/// The work orders of several orders, each order's together and by sequence.
pub async fn of_orders(db: &TenantDb<'_>, order_ids: &[OrderId]) -> Result<Vec<Model>, DbErr> {
    let select = db.find::<Entity>().filter(one_of(db, Column::OrderId, order_ids));
    let mut rows = db.rows(select).await?;
    // Here, because a store would move whole rows to sort them.
    rows.sort_unstable_by_key(|row| (row.order_id, row.sequence));
    Ok(rows)
}

/// Those columns of the work orders of several orders, by order and by sequence.
pub async fn parts_of_orders(
    db: &TenantDb<'_>,
    columns: &[Column],
    order_ids: &[OrderId],
) -> Result<HashMap<OrderId, Vec<Part>>, DbErr> {
    let all = [columns, &[Column::OrderId, Column::Sequence]].concat();
    let select = db.find::<Entity>().filter(one_of(db, Column::OrderId, order_ids));
    let mut groups: HashMap<OrderId, Vec<(i32, Part)>> = HashMap::new();
    for part in db.parts(select, &all).await? {
        let of = part.uuid(columns.len())?.unwrap_or_default();
        let sequence = part.int(columns.len() + 1)?.unwrap_or_default();
        groups.entry(OrderId(of)).or_default().push((sequence, part));
    }
    let sorted = groups.into_iter().map(|(id, mut group)| {
        group.sort_unstable_by_key(|(sequence, _)| *sequence);
        (id, group.into_iter().map(|(_, part)| part).collect())
    });
    Ok(sorted.collect())
}

/// Writes new work orders.
pub async fn insert(db: &TenantDb<'_>, work_orders: &[Model]) -> Result<(), DbErr> {
    insert::rows(db, work_orders).await
}

/// Writes all fields of a work order whose order was locked.
pub async fn save(db: &TenantDb<'_>, work_order: &Model) -> Result<(), DbErr> {
    let row = work_order.clone().into_active_model().reset_all();
    db.update::<Entity>().set(row).filter(Column::Id.eq(work_order.id)).exec(db.conn()).await?;
    Ok(())
}
