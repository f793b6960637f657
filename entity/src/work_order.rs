//! A work order.

use sea_orm::entity::prelude::*;

use crate::{
    id::{OrderId, WorkOrderId},
    stored::{Direction, Outcome, Phase, WorkOrderType},
};

/// A work order.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "work_order")]
pub struct Model {
    /// Whose row it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WorkOrderId,
    /// Its order.
    pub order_id: OrderId,
    /// Its number within the order, from 1.
    pub sequence: i32,
    /// What it does.
    #[sea_orm(column_name = "type")]
    pub kind: WorkOrderType,
    /// Which way it leads.
    pub direction: Direction,
    /// For a return: the work order whose goods come back.
    pub return_of: Option<WorkOrderId>,
    /// What it is, in words.
    pub description: Option<String>,
    /// Where goods are fetched: a stop as JSON.
    #[sea_orm(column_type = "Text")]
    pub pickup: Option<String>,
    /// The work at the order's destination, as JSON.
    #[sea_orm(column_type = "Text")]
    pub delivery: Option<String>,
    /// Where goods go back to: a stop as JSON.
    #[sea_orm(column_type = "Text")]
    pub return_to: Option<String>,
    /// The goods: a JSON array.
    #[sea_orm(column_type = "Text")]
    pub containers: String,
    /// What to check before goods are taken: a JSON array.
    #[sea_orm(column_type = "Text")]
    pub pickup_quality_checks: String,
    /// Money to collect at the pickup, as JSON.
    #[sea_orm(column_type = "Text")]
    pub collect_on_pickup: Option<String>,
    /// Money to collect at the destination, as JSON.
    #[sea_orm(column_type = "Text")]
    pub collect_on_delivery: Option<String>,
    /// Values of the tenant's attributes: a JSON object.
    #[sea_orm(column_type = "Text")]
    pub custom_attributes: String,
    /// Name of its state.
    pub status: String,
    /// The state's phase.
    pub phase: Phase,
    /// How it ended, once settled.
    pub outcome: Option<Outcome>,
    /// How often ATTEMPT_FAILED happened.
    pub attempts: i32,
    /// Whether it was ever ACTIVE.
    pub started: bool,
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
