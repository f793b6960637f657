//! An address that a tenant's events are sent to.

use sea_orm::entity::prelude::*;

use crate::id::WebhookEndpointId;

/// An address that a tenant's events are sent to.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_endpoint")]
pub struct Model {
    /// Whose row it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookEndpointId,
    /// Where it is.
    #[sea_orm(column_type = "Text")]
    pub url: String,
    /// What it is for.
    #[sea_orm(column_type = "Text")]
    pub description: Option<String>,
    /// The types of events that are sent, as a JSON array; all of them, those of later versions too, if null.
    #[sea_orm(column_type = "Text")]
    pub event_types: Option<String>,
    /// Whether anything is sent.
    pub enabled: bool,
    /// Why the service stopped sending, if it did.
    #[sea_orm(column_type = "Text")]
    pub disabled_reason: Option<String>,
    /// What deliveries are signed with, sealed.
    #[sea_orm(column_type = "Text")]
    pub secret: String,
    /// What they were signed with before the last rotation, sealed.
    #[sea_orm(column_type = "Text")]
    pub previous_secret: Option<String>,
    /// Until when they are signed with that as well.
    pub previous_until: Option<DateTimeUtc>,
    /// Every event up to here has its delivery, if it is to have one.
    pub position: i64,
    /// Since when no delivery succeeded although some were tried.
    pub failing_since: Option<DateTimeUtc>,
    /// When it was deleted; the rows that hang on it are removed afterwards.
    pub deleted_at: Option<DateTimeUtc>,
    /// When it was created.
    pub created_at: DateTimeUtc,
    /// By whom.
    pub created_by: String,
    /// When it was last changed by a caller.
    pub updated_at: DateTimeUtc,
    /// By whom.
    pub updated_by: String,
}

impl ActiveModelBehavior for ActiveModel {}
