//! Plugins and their workflows.

use entity::{
    id::{PluginId, PluginWorkflowId},
    plugin, plugin_workflow,
    stored::PluginTrigger,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, IntoActiveModel, Order, QueryFilter, QueryOrder, QuerySelect,
    Select,
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

/// The plugins of those ids, deleted ones too, in no particular order.
pub async fn by_ids(db: &TenantDb<'_>, ids: &[PluginId]) -> Result<Vec<plugin::Model>, DbErr> {
    db.rows(db.find::<plugin::Entity>().filter(one_of(db, plugin::Column::Id, ids))).await
}

/// The plugin of that id, unless it was deleted.
pub async fn by_id(db: &TenantDb<'_>, id: PluginId) -> Result<Option<plugin::Model>, DbErr> {
    Ok(db.rows(plugins(db).filter(plugin::Column::Id.eq(id))).await?.pop())
}

/// The plugins of those ids that were not deleted, by id, held until the transaction ends.
pub async fn lock(db: &TenantDb<'_>, ids: &[PluginId]) -> Result<Vec<plugin::Model>, DbErr> {
    let select = plugins(db).filter(one_of(db, plugin::Column::Id, ids)).order_by_asc(plugin::Column::Id);
    db.rows(select.lock_exclusive()).await
}

/// Every plugin, deleted ones too, held until the transaction ends.
pub async fn lock_all(db: &TenantDb<'_>) -> Result<Vec<plugin::Model>, DbErr> {
    db.rows(db.find::<plugin::Entity>().order_by_asc(plugin::Column::Id).lock_exclusive()).await
}

/// A page of plugins, oldest first.
pub async fn page(db: &TenantDb<'_>, request: &PageRequest<PluginId>) -> Result<Page<plugin::Model>, DbErr> {
    page::fetch(db, List { select: plugins(db), key: plugin::Column::Id, order: Order::Asc }, request).await
}

/// How many plugins there are, counted up to `limit`; whether that is all of them.
pub async fn count(db: &TenantDb<'_>, limit: u64) -> Result<(u64, bool), DbErr> {
    page::count_up_to(db, plugins(db), limit).await
}

/// Writes a new plugin.
pub async fn insert(db: &TenantDb<'_>, plugin: plugin::Model) -> Result<Written, DbErr> {
    written(plugin.into_active_model().insert(db.conn()).await)
}

/// Writes all fields of a plugin that was locked.
pub async fn save(db: &TenantDb<'_>, plugin: &plugin::Model) -> Result<Written, DbErr> {
    let row = plugin.clone().into_active_model().reset_all();
    let update = db.update::<plugin::Entity>().set(row).filter(plugin::Column::Id.eq(plugin.id));
    written(update.exec(db.conn()).await)
}

fn written<T>(result: Result<T, DbErr>) -> Result<Written, DbErr> {
    match result {
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

/// The workflow of that id, unless it was deleted, held until the transaction ends.
pub async fn lock_workflow(
    db: &TenantDb<'_>,
    id: PluginWorkflowId,
) -> Result<Option<plugin_workflow::Model>, DbErr> {
    let select = workflows(db, None).filter(plugin_workflow::Column::Id.eq(id));
    Ok(db.rows(select.lock_exclusive()).await?.pop())
}

/// The oldest workflow that was not deleted and names a plugin.
pub async fn workflow_that_names(
    db: &TenantDb<'_>,
    id: PluginId,
) -> Result<Option<plugin_workflow::Model>, DbErr> {
    let select = workflows(db, None)
        .filter(plugin_workflow::Column::Steps.contains(id.to_string()))
        .order_by_asc(plugin_workflow::Column::Id)
        .limit(1);
    Ok(db.rows(select).await?.pop())
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

/// Writes all fields of a workflow that was locked.
pub async fn save_workflow(db: &TenantDb<'_>, workflow: &plugin_workflow::Model) -> Result<(), DbErr> {
    let row = workflow.clone().into_active_model().reset_all();
    let update = db.update::<plugin_workflow::Entity>().set(row);
    update.filter(plugin_workflow::Column::Id.eq(workflow.id)).exec(db.conn()).await?;
    Ok(())
}

fn plugins(db: &TenantDb<'_>) -> Select<plugin::Entity> {
    db.find::<plugin::Entity>().filter(plugin::Column::DeletedAt.is_null())
}

fn workflows(db: &TenantDb<'_>, trigger: Option<PluginTrigger>) -> Select<plugin_workflow::Entity> {
    let select = db.find::<plugin_workflow::Entity>().filter(plugin_workflow::Column::DeletedAt.is_null());
    match trigger {
        Some(trigger) => select.filter(plugin_workflow::Column::Trigger.eq(trigger)),
        None => select,
    }
}
