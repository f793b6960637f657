//! Orders.

use entity::{
    id::OrderId,
    order::{Column, Entity, Model},
};
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

use super::{Part, TenantDb, dialect::one_of, insert, page};

/// The order of that id.
pub async fn by_id(db: &TenantDb<'_>, id: OrderId) -> Result<Option<Model>, DbErr> {
    Ok(db.rows(db.find::<Entity>().filter(Column::Id.eq(id))).await?.pop())
}

/// Those columns of the order of that id.
pub async fn part_by_id(db: &TenantDb<'_>, columns: &[Column], id: OrderId) -> Result<Option<Part>, DbErr> {
    Ok(db.parts(db.find::<Entity>().filter(Column::Id.eq(id)), columns).await?.pop())
}

/// The orders of those ids, in no particular order.
pub async fn by_ids(db: &TenantDb<'_>, ids: &[OrderId]) -> Result<Vec<Model>, DbErr> {
    db.rows(db.find::<Entity>().filter(one_of(db, Column::Id, ids))).await
}

/// The order of that id, held until the transaction ends. Whoever changes an order or one of its work orders takes
/// this lock first; so two writers of one order never overlap, and no deadlock can arise among its rows.
pub async fn lock(db: &TenantDb<'_>, id: OrderId) -> Result<Option<Model>, DbErr> {
    Ok(db.rows(db.find::<Entity>().filter(Column::Id.eq(id)).lock_exclusive()).await?.pop())
}

/// The next orders after an id, oldest first, held until the transaction ends.
pub async fn lock_after(db: &TenantDb<'_>, after: Option<OrderId>, limit: u64) -> Result<Vec<Model>, DbErr> {
    let mut select = db.find::<Entity>();
    if let Some(after) = after {
        select = select.filter(Column::Id.gt(after));
    }
    db.rows(select.order_by_asc(Column::Id).limit(limit).lock_exclusive()).await
}

/// How many orders there are, counted up to `limit`; whether that is all of them.
pub async fn count(db: &TenantDb<'_>, limit: u64) -> Result<(u64, bool), DbErr> {
    page::count_up_to(db, db.find::<Entity>(), limit).await
}

/// Writes new orders.
pub async fn insert(db: &TenantDb<'_>, orders: &[Model]) -> Result<(), DbErr> {
    insert::rows(db, orders).await
}

/// Writes all fields of an order that was locked.
pub async fn save(db: &TenantDb<'_>, order: &Model) -> Result<(), DbErr> {
    let row = order.clone().into_active_model().reset_all();
    db.update::<Entity>().set(row).filter(Column::Id.eq(order.id)).exec(db.conn()).await?;
    Ok(())
}
