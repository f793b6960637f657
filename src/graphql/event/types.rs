//! Events as clients see them.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};
use entity::{
    event,
    id::{OrderId, WorkOrderId},
    stored::EventType,
};

use super::{
    super::{
        context::ContextExt,
        error::Code,
        id,
        order::Order,
        quick::{Stored, Writer},
        scalar::{DateTime, Json},
        work_order::WorkOrder,
    },
    column::Column,
};
use crate::{
    events::Cursor,
    fault::Fault,
    store::{Tenant, event::EventFilter},
};

/// Lists in filters hold up to this many members.
const MAX_LIST: usize = 100;

/// What an event tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "EventType")]
pub enum OrderEventType {
    /// An order was registered.
    OrderCreated,
    /// An order's fields changed.
    OrderUpdated,
    /// An order's state changed.
    OrderStatusChanged,
    /// The request to cancel an order took a new status.
    OrderCancellationChanged,
    /// A work order was added.
    WorkOrderCreated,
    /// A work order's fields changed.
    WorkOrderUpdated,
    /// An event of a work order's lifecycle fired.
    WorkOrderStatusChanged,
    /// A plugin run ended.
    PluginRunFinished,
}

/// Which events. Every field narrows the choice.
#[derive(Clone, Debug, InputObject)]
pub struct OrderEventWhere {
    /// Only of one of these types.
    types: Option<Vec<OrderEventType>>,
    /// Only about this order and its work orders.
    order_id: Option<ID>,
    /// Only about this work order.
    work_order_id: Option<ID>,
    /// Only those that lead to one of these states.
    to_status: Option<Vec<String>>,
    /// Only about orders of one of these clients.
    client_id: Option<Vec<String>>,
}

impl OrderEventWhere {
    /// The filter that it stands for.
    pub fn into_filter(self) -> Result<EventFilter> {
        let Self { types, order_id, work_order_id, to_status, client_id } = self;
        let lengths = [
            types.as_ref().map(Vec::len),
            to_status.as_ref().map(Vec::len),
            client_id.as_ref().map(Vec::len),
        ];
        if lengths.into_iter().flatten().any(|length| length > MAX_LIST) {
            let message = format!("a list in a filter holds at most {MAX_LIST} members");
            return Err(Code::BadUserInput.error(message));
        }
        let names = [to_status.as_ref(), client_id.as_ref()].into_iter().flatten().flatten();
        // PostgreSQL refuses such a text, even to compare with it.
        if names.into_iter().any(|name| name.contains('\0')) {
            return Err(Code::BadUserInput.error("a text in a filter contains a NUL character"));
        }
        Ok(EventFilter {
            kinds: types.map(|types| types.into_iter().map(EventType::from).collect()),
            order_id: id::optional_argument::<OrderId>(order_id.as_ref())?,
            work_order_id: id::optional_argument::<WorkOrderId>(work_order_id.as_ref())?,
            to_status,
            client_id,
        })
    }
}

/// An event; cheap to clone.
#[derive(Clone, Debug)]
pub struct OrderEvent(Arc<event::Model>);

impl Stored for OrderEvent {
    fn write_field(&self, name: &str, out: &mut Writer) -> bool {
        let column = Column::of(name);
        if let Some(column) = column {
            column.write(&self.0, out);
        }
        column.is_some()
    }
}

impl From<event::Model> for OrderEvent {
    fn from(row: event::Model) -> Self {
        Self(Arc::new(row))
    }
}

impl From<Arc<event::Model>> for OrderEvent {
    fn from(row: Arc<event::Model>) -> Self {
        Self(row)
    }
}

/// A fact in the history of an order or work order. Query, subscription and webhook serve the same record.
#[Object]
impl OrderEvent {
    /// Its id, `evt_…`.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Its place in the tenant's log: resume a subscription here.
    async fn cursor(&self) -> String {
        Cursor(self.0.position).encode(&Tenant::new(&self.0.tenant_id))
    }

    /// What it tells.
    #[graphql(name = "type")]
    async fn kind(&self) -> OrderEventType {
        self.0.kind.into()
    }

    /// The order that it is about, as it is now.
    async fn order(&self, ctx: &Context<'_>) -> Result<Order> {
        let found = ctx.loader()?.load_one(self.0.order_id).await;
        let found = found.map_err(|fault| ctx.load_fault(&fault))?;
        found.ok_or_else(|| ctx.fault(Fault::broken("an event without an order")))
    }

    /// Id of the order that it is about.
    async fn order_id(&self) -> ID {
        self.0.order_id.to_string().into()
    }

    /// The work order that it is about, as it is now; null if it is about the order.
    async fn work_order(&self, ctx: &Context<'_>) -> Result<Option<WorkOrder>> {
        let Some(id) = self.0.work_order_id else { return Ok(None) };
        ctx.loader()?.load_one(id).await.map_err(|fault| ctx.load_fault(&fault))
    }

    /// Id of the work order that it is about; null if it is about the order.
    async fn work_order_id(&self) -> Option<ID> {
        self.0.work_order_id.map(|id| id.to_string().into())
    }

    /// The state before.
    async fn from_status(&self) -> Option<&str> {
        self.0.from_status.as_deref()
    }

    /// The state after.
    async fn to_status(&self) -> Option<&str> {
        self.0.to_status.as_deref()
    }

    /// The event of the lifecycle that fired, such as `COMPLETE`.
    async fn transition(&self) -> Option<&str> {
        self.0.transition.as_deref()
    }

    /// Why, as a code.
    async fn reason_code(&self) -> Option<&str> {
        self.0.reason_code.as_deref()
    }

    /// Why, in words.
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    /// Who did it: a user, an API key, a plugin or the service itself.
    async fn actor(&self) -> &str {
        &self.0.actor
    }

    /// For updates: `{path: {from, to}}`. Personal data is not in it.
    async fn changes(&self) -> Option<Json> {
        self.0.changes.clone().map(Json::Text)
    }

    /// Version of the order or work order after it.
    async fn entity_version(&self) -> i32 {
        self.0.entity_version
    }

    /// When it happened out there.
    async fn occurred_at(&self) -> DateTime {
        self.0.occurred_at.into()
    }

    /// When it was written.
    async fn recorded_at(&self) -> DateTime {
        self.0.recorded_at.into()
    }
}
