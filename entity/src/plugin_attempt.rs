//! One call of a plugin.

use sea_orm::entity::prelude::*;

use crate::id::PluginRunId;

/// One call of a plugin.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "plugin_attempt")]
pub struct Model {
    /// Whose row it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    /// The run.
    #[sea_orm(primary_key, auto_increment = false)]
    pub run_id: PluginRunId,
    /// The step within the run.
    #[sea_orm(primary_key, auto_increment = false)]
    pub step_number: i32,
    /// Counts the attempts of the step, from 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i32,
    /// When the call began.
    pub started_at: DateTimeUtc,
    /// How long it took, in milliseconds.
    pub duration_ms: i32,
    /// HTTP status of the answer, if one came.
    pub status_code: Option<i32>,
    /// Why it gave no verdict.
    #[sea_orm(column_type = "Text")]
    pub error: Option<String>,
    /// The first 4 KiB of the answer.
    #[sea_orm(column_type = "Text")]
    pub response_excerpt: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
