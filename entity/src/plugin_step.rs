//! A step of a plugin run that was begun.

use sea_orm::entity::prelude::*;

use crate::{
    id::{PluginId, PluginRunId},
    stored::Verdict,
};

/// A step of a plugin run that was begun.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "plugin_step")]
pub struct Model {
    /// Whose row it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    /// Its run.
    #[sea_orm(primary_key, auto_increment = false)]
    pub run_id: PluginRunId,
    /// Its place in the run, from 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i32,
    /// Its name in the workflow.
    pub step: String,
    /// The plugin that it asks.
    pub plugin_id: PluginId,
    /// What the plugin said.
    pub verdict: Option<Verdict>,
    /// Why: a JSON array.
    #[sea_orm(column_type = "Text")]
    pub reasons: String,
    /// What it changed: a JSON object, without what it says of people.
    #[sea_orm(column_type = "Text")]
    pub patch: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
