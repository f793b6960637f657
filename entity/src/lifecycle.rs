//! A tenant's lifecycle.

use sea_orm::entity::prelude::*;

use crate::stored::LifecycleOwner;

/// A version of a tenant's lifecycle; never changed once written. The newest is in force.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "lifecycle")]
pub struct Model {
    /// Whose row it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    /// What it is the lifecycle of.
    #[sea_orm(primary_key, auto_increment = false)]
    pub owner: LifecycleOwner,
    /// Counts the tenant's lifecycles of this kind; 1 is built in and has no row.
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i32,
    /// Its states, transitions and rules, as JSON.
    #[sea_orm(column_type = "Text")]
    pub definition: String,
    /// When it was written.
    pub created_at: DateTimeUtc,
    /// Who wrote it.
    pub created_by: String,
}

impl ActiveModelBehavior for ActiveModel {}
