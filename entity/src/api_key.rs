//! A key that a program shows to say who it is.

use sea_orm::entity::prelude::*;

use crate::id::ApiKeyId;

/// A key that a program shows to say who it is.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "api_key")]
pub struct Model {
    /// Whose row it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ApiKeyId,
    /// What it is called in the history.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// Names of its scopes: a JSON array.
    #[sea_orm(column_type = "Text")]
    pub scopes: String,
    /// SHA-256 of its text, which is kept nowhere.
    pub hash: Vec<u8>,
    /// When it ceases to be good, if ever.
    pub expires_at: Option<DateTimeUtc>,
    /// When it was revoked.
    pub revoked_at: Option<DateTimeUtc>,
    /// When it was shown last, to within a minute.
    pub last_used_at: Option<DateTimeUtc>,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// By whom.
    pub created_by: String,
}

impl ActiveModelBehavior for ActiveModel {}
