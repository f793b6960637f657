//! Plugins and their workflows.

use entity::{
    id::{PluginId, PluginWorkflowId},
    plugin, plugin_workflow,
    stored::PluginTrigger,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, IntoActiveModel, Order, QueryFilter, QueryOrder, QuerySelect,
};

use super::{
    TenantDb,
    dialect::{one_of, violates},
    page::{self, List, Page, PageRequest},
};

/// What became of writing a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is written.
    Done,
    /// The tenant has another plugin of that name.
    NameTaken,
}

/// The plugins of those ids, in no particular order.
pub async fn by_ids(db: &TenantDb<'_>, ids: &[PluginId]) -> Result<Vec<plugin::Model>, DbErr> {
    db.rows(db.find::<plugin::Entity>().filter(one_of(db, plugin::Column::Id, ids))).await
}

/// The plugin of that id.
pub async fn by_id(db: &TenantDb<'_>, id: PluginId) -> Result<Option<plugin::Model>, DbErr> {
    Ok(db.rows(db.find::<plugin::Entity>().filter(plugin::Column::Id.eq(id))).await?.pop())
}

/// A page of plugins, oldest first.
pub async fn page(db: &TenantDb<'_>, request: &PageRequest<PluginId>) -> Result<Page<plugin::Model>, DbErr> {
    page::fetch(
        db,
        List { select: db.find::<plugin::Entity>(), key: plugin::Column::Id, order: Order::Asc },
        request,
    )
    .await
}

/// How many plugins there are, counted up to `limit`; whether that is all of them.
pub async fn count(db: &TenantDb<'_>, limit: u64) -> Result<(u64, bool), DbErr> {
    page::count_up_to(db, db.find::<plugin::Entity>(), limit).await
}

/// Writes a new plugin.
pub async fn insert(db: &TenantDb<'_>, plugin: plugin::Model) -> Result<Written, DbErr> {
    match plugin.into_active_model().insert(db.conn()).await {
        Ok(_) => Ok(Written::Done),
        Err(error) if violates(&error, "ux_plugin_name", "plugin", &["tenant_id", "name"]) => {
            Ok(Written::NameTaken)
        }
        Err(error) => Err(error),
    }
}

/// The workflows of those ids, deleted ones too, in no particular order.
pub async fn workflows_by_ids(
    db: &TenantDb<'_>,
    ids: &[PluginWorkflowId],
) -> Result<Vec<plugin_workflow::Model>, DbErr> {
    let select = db.find::<plugin_workflow::Entity>();
    db.rows(select.filter(one_of(db, plugin_workflow::Column::Id, ids))).await
}

/// A page of workflows that were not deleted, oldest first.
pub async fn workflow_page(
    db: &TenantDb<'_>,
    trigger: Option<PluginTrigger>,
    request: &PageRequest<PluginWorkflowId>,
) -> Result<Page<plugin_workflow::Model>, DbErr> {
    let select = workflows(db, trigger);
    page::fetch(db, List { select, key: plugin_workflow::Column::Id, order: Order::Asc }, request).await
}

/// How many such workflows there are, counted up to `limit`; whether that is all of them.
pub async fn workflow_count(
    db: &TenantDb<'_>,
    trigger: Option<PluginTrigger>,
    limit: u64,
) -> Result<(u64, bool), DbErr> {
    page::count_up_to(db, workflows(db, trigger), limit).await
}

/// The workflows that events set off, oldest first, at most `limit`.
pub async fn enabled_workflows(db: &TenantDb<'_>, limit: u64) -> Result<Vec<plugin_workflow::Model>, DbErr> {
    let select = workflows(db, None)
        .filter(plugin_workflow::Column::Enabled.eq(true))
        .order_by_asc(plugin_workflow::Column::Id)
        .limit(limit);
    db.rows(select).await
}

/// Writes a new workflow.
pub async fn insert_workflow(db: &TenantDb<'_>, workflow: plugin_workflow::Model) -> Result<(), DbErr> {
    workflow.into_active_model().insert(db.conn()).await?;
    Ok(())
}

fn workflows(db: &TenantDb<'_>, trigger: Option<PluginTrigger>) -> sea_orm::Select<plugin_workflow::Entity> {
    let select = db.find::<plugin_workflow::Entity>().filter(plugin_workflow::Column::DeletedAt.is_null());
    match trigger {
        Some(trigger) => select.filter(plugin_workflow::Column::Trigger.eq(trigger)),
        None => select,
    }
}
