//! The answer to the first use of an idempotency key.

use sea_orm::entity::prelude::*;

use crate::id::EventId;

/// The answer to the first use of an idempotency key.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_key")]
pub struct Model {
    /// Whose row it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    /// The key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// The mutation that used it.
    pub operation: String,
    /// SHA-256 of what was asked.
    pub input_hash: Vec<u8>,
    /// What the mutation made or changed.
    pub entity_id: Uuid,
    /// The last event that it recorded, if it recorded one.
    pub event_id: Option<EventId>,
    /// When it was used first.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
