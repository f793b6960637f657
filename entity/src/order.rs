//! An order.

use sea_orm::entity::prelude::*;

use crate::{
    id::OrderId,
    stored::{Outcome, Phase, WorkOrderFlow},
};

/// An order.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "platform_order")]
pub struct Model {
    /// Whose row it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrderId,
    /// Whose order it is.
    pub client_id: String,
    /// The client's own reference.
    pub client_order_id: String,
    /// The client's name.
    pub client_name: Option<String>,
    /// The tenant's own kind of order.
    #[sea_orm(column_name = "type")]
    pub kind: Option<String>,
    /// The tenant's own field of business.
    pub domain: Option<String>,
    /// The batch that it came with.
    pub batch_id: Option<String>,
    /// Whether START may follow VALIDATE.
    pub ready_to_process: bool,
    /// How its work orders depend on each other.
    pub flow: WorkOrderFlow,
    /// Who it is for: a contact as JSON.
    #[sea_orm(column_type = "Text")]
    pub consignee: String,
    /// Where it leads: a location as JSON.
    #[sea_orm(column_type = "Text")]
    pub destination: String,
    /// What the client says of the whole, as JSON.
    #[sea_orm(column_type = "Text")]
    pub summary: Option<String>,
    /// Values of the tenant's attributes: a JSON object.
    #[sea_orm(column_type = "Text")]
    pub custom_attributes: String,
    /// Name of its state.
    pub status: String,
    /// The state's phase.
    pub phase: Phase,
    /// How it ended, once settled.
    pub outcome: Option<Outcome>,
    /// The request to cancel it, as JSON.
    #[sea_orm(column_type = "Text")]
    pub cancellation: Option<String>,
    /// The version of the lifecycle that it was born with.
    pub lifecycle_version: i32,
    /// Counts the events about it.
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
