//! Webhook endpoints.

use entity::{
    id::WebhookEndpointId,
    webhook_endpoint::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, Order, QueryFilter, QueryOrder,
    QuerySelect, Select,
};

use super::{
    TenantDb,
    dialect::one_of,
    page::{self, List, Page, PageRequest},
};

fn standing(db: &TenantDb<'_>) -> Select<Entity> {
    db.find::<Entity>().filter(Column::DeletedAt.is_null())
}

/// The endpoints of those ids, in no particular order; deleted ones are not there.
pub async fn by_ids(db: &TenantDb<'_>, ids: &[WebhookEndpointId]) -> Result<Vec<Model>, DbErr> {
    db.rows(standing(db).filter(one_of(db, Column::Id, ids))).await
}

/// The endpoint of that id.
pub async fn by_id(db: &TenantDb<'_>, id: WebhookEndpointId) -> Result<Option<Model>, DbErr> {
    Ok(db.rows(standing(db).filter(Column::Id.eq(id))).await?.pop())
}

/// The endpoint of that id, held until the transaction ends. It is locked before any of its deliveries.
pub async fn lock(db: &TenantDb<'_>, id: WebhookEndpointId) -> Result<Option<Model>, DbErr> {
    Ok(db.rows(standing(db).filter(Column::Id.eq(id)).lock_exclusive()).await?.pop())
}

/// A page of endpoints, oldest first.
pub async fn page(db: &TenantDb<'_>, request: &PageRequest<WebhookEndpointId>) -> Result<Page<Model>, DbErr> {
    page::fetch(db, List { select: standing(db), key: Column::Id, order: Order::Asc }, request).await
}

/// How many endpoints there are, counted up to `limit`; whether that is all of them.
pub async fn count(db: &TenantDb<'_>, limit: u64) -> Result<(u64, bool), DbErr> {
    page::count_up_to(db, standing(db), limit).await
}

/// Writes a new endpoint.
pub async fn insert(db: &TenantDb<'_>, endpoint: Model) -> Result<(), DbErr> {
    Entity::insert::<ActiveModel>(endpoint.into_active_model()).exec_without_returning(db.conn()).await?;
    Ok(())
}

/// Writes all fields of an endpoint that was locked.
pub async fn save(db: &TenantDb<'_>, endpoint: &Model) -> Result<(), DbErr> {
    let row = endpoint.clone().into_active_model().reset_all();
    db.update::<Entity>().set(row).filter(Column::Id.eq(endpoint.id)).exec(db.conn()).await?;
    Ok(())
}

/// Every endpoint, deleted ones too.
pub async fn all(db: &TenantDb<'_>) -> Result<Vec<Model>, DbErr> {
    db.rows(db.find::<Entity>().order_by_asc(Column::Id)).await
}

/// Removes an endpoint that was deleted, and of which no delivery is left.
pub async fn remove(db: &TenantDb<'_>, id: WebhookEndpointId) -> Result<(), DbErr> {
    db.delete::<Entity>().filter(Column::Id.eq(id)).exec(db.conn()).await?;
    Ok(())
}
