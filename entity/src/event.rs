//! An event of the log; never changed once written.

use sea_orm::entity::prelude::*;

use crate::{
    id::{EventId, OrderId, PluginRunId, WorkOrderId},
    stored::EventType,
};

/// An event of the log; never changed once written.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    /// Whose row it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    /// Its place in the tenant's log: commit order, without gaps.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    /// Its id.
    pub id: EventId,
    /// What it tells.
    #[sea_orm(column_name = "type")]
    pub kind: EventType,
    /// The order it is about.
    pub order_id: OrderId,
    /// The work order it is about, if it is about one.
    pub work_order_id: Option<WorkOrderId>,
    /// Whose order it is; subscriptions filter on it.
    pub client_id: String,
    /// The state before.
    pub from_status: Option<String>,
    /// The state after.
    pub to_status: Option<String>,
    /// The event of the lifecycle that fired.
    pub transition: Option<String>,
    /// Why, as a code.
    pub reason_code: Option<String>,
    /// Why, in words.
    #[sea_orm(column_type = "Text")]
    pub note: Option<String>,
    /// Who did it.
    pub actor: String,
    /// For updates: `{path: {from, to}}` as JSON.
    #[sea_orm(column_type = "Text")]
    pub changes: Option<String>,
    /// Version of the order or work order after it.
    pub entity_version: i32,
    /// The plugin run that did it, if one did.
    pub plugin_run_id: Option<PluginRunId>,
    /// How many plugin runs led to it, one setting off the next.
    pub depth: i32,
    /// When it happened out there.
    pub occurred_at: DateTimeUtc,
    /// When it was written.
    pub recorded_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
