//! A run of a plugin workflow; open runs are the durable queue of the plugin manager.

use sea_orm::entity::prelude::*;

use crate::{
    id::{EventId, OrderId, PluginRunId, PluginWorkflowId, WorkOrderId},
    stored::{PluginRunStatus, PluginTrigger},
};

/// A run of a plugin workflow; open runs are the durable queue of the plugin manager.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "plugin_run")]
pub struct Model {
    /// Whose row it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PluginRunId,
    /// Its workflow.
    pub workflow_id: PluginWorkflowId,
    /// The order it is about.
    pub order_id: OrderId,
    /// The work order that the event is about, if it is about one.
    pub work_order_id: Option<WorkOrderId>,
    /// The event that set it off.
    pub event_id: EventId,
    /// What set it off.
    pub trigger: PluginTrigger,
    /// Where it stands.
    pub status: PluginRunStatus,
    /// The workflow's steps as they were when it was stored: a JSON array.
    #[sea_orm(column_type = "Text")]
    pub steps: String,
    /// Name of the step that it is at, while it is open; of the step that failed, where it can be retried from there.
    pub step: Option<String>,
    /// Counts the steps that it began, that one included.
    pub step_number: i32,
    /// How often that step was tried.
    pub attempts: i32,
    /// How many plugin runs led to it.
    pub depth: i32,
    /// When it is to be taken up (again); null once it ended. A process that works on it moves this ahead: its lease.
    pub due_at: Option<DateTimeUtc>,
    /// Names the take-up that holds it; another take-up changes it.
    pub lease: Option<Uuid>,
    /// Where it queues while it is open: runs whose step asks the same plugin share a lane, named by the plugin's id.
    pub lane: Option<Uuid>,
    /// When it was stored.
    pub created_at: DateTimeUtc,
    /// When it was first taken up.
    pub started_at: Option<DateTimeUtc>,
    /// When it ended.
    pub finished_at: Option<DateTimeUtc>,
    /// The `traceparent` (W3C Trace Context) of what set it off.
    pub trace_parent: Option<String>,
    /// The `tracestate` that goes with it.
    pub trace_state: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
