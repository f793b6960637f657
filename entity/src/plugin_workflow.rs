//! A plugin workflow.

use sea_orm::entity::prelude::*;

use crate::{id::PluginWorkflowId, stored::PluginTrigger};

/// A plugin workflow.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "plugin_workflow")]
pub struct Model {
    /// Whose row it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PluginWorkflowId,
    /// Its name.
    pub name: String,
    /// What sets it off.
    pub trigger: PluginTrigger,
    /// A CEL expression; runs are stored only where it is true.
    #[sea_orm(column_type = "Text")]
    pub condition: Option<String>,
    /// Name of its first step.
    pub start: String,
    /// Its steps: a JSON array.
    #[sea_orm(column_type = "Text")]
    pub steps: String,
    /// Whether events set it off.
    pub enabled: bool,
    /// Why its condition had no value the last time that it had none, since it was saved.
    #[sea_orm(column_type = "Text")]
    pub last_error: Option<String>,
    /// When it was deleted; its old runs still show it.
    pub deleted_at: Option<DateTimeUtc>,
    /// Counts its changes.
    pub version: i32,
    /// When it was written first.
    pub created_at: DateTimeUtc,
    /// Who wrote it first.
    pub created_by: String,
    /// When it was written last.
    pub updated_at: DateTimeUtc,
    /// Who wrote it last.
    pub updated_by: String,
}

impl ActiveModelBehavior for ActiveModel {}
