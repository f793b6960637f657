//! A plugin.

use sea_orm::entity::prelude::*;

use crate::{id::PluginId, stored::PluginKind};

/// A plugin.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "plugin")]
pub struct Model {
    /// Whose row it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PluginId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// What it is for.
    #[sea_orm(column_type = "Text")]
    pub description: Option<String>,
    /// What it is made of.
    pub kind: PluginKind,
    /// For HTTP: the endpoint as JSON, its header values sealed.
    #[sea_orm(column_type = "Text")]
    pub http: Option<String>,
    /// For EXPRESSION: the expression.
    #[sea_orm(column_type = "Text")]
    pub expression: Option<String>,
    /// What its calls are signed with, sealed.
    #[sea_orm(column_type = "Text")]
    pub secret: String,
    /// The secret before that, sealed.
    #[sea_orm(column_type = "Text")]
    pub previous_secret: Option<String>,
    /// Until when calls are signed with that as well.
    pub previous_until: Option<DateTimeUtc>,
    /// Whether it is called.
    pub enabled: bool,
    /// When it was deleted; what it did still shows it.
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
