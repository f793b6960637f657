//! The end of a tenant's event log; its row lock puts commits into an order.

use sea_orm::entity::prelude::*;

/// The end of a tenant's event log; its row lock puts commits into an order.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "event_head")]
pub struct Model {
    /// Whose row it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    /// Position of the newest event.
    pub position: i64,
    /// Events up to this position are not kept any more; 0 where all are.
    pub expired: i64,
}

impl ActiveModelBehavior for ActiveModel {}
