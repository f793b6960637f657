//! Orders as clients see them.

use std::sync::{Arc, OnceLock};

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use entity::{id::OrderId, order, stored};
use futures_util::future::{BoxFuture, try_join};
use serde::de::DeserializeOwned;

use super::super::{
    attribute::{Attribute, Holder},
    connection::{OrderEventConnection, PageArgs, PluginRunConnection},
    contact,
    context::ContextExt,
    counted::Counted,
    event,
    flat::{Flat, Look},
    loaders::{GatesOf, LifecycleOf, ObjectionTo, WorkOrdersOf},
    plugin,
    quick::{QuickList, Stored, Writer},
    scalar::{DateTime, Json},
    value::{CancellationStatus, Contact, Location, OrderSummary, Outcome, Phase, WorkOrderFlow},
    work_order::{WorkOrder, WorkOrderWhere},
};
use crate::{
    domain::{
        self,
        lifecycle::{self, BUILT_IN_VERSION, Lifecycle, OrderState, Owner, Situation},
    },
    fault::Fault,
    store::event::Subject,
    usecase::{
        self,
        lifecycle::{Lifecycles, Version},
    },
};

/// An order with what its lifecycle looks at.
pub struct Situated {
    order: Order,
    /// Its work orders, by sequence.
    pub work_orders: Arc<[WorkOrder]>,
    lifecycles: Lifecycles,
}

impl Situated {
    /// What the lifecycle sees of it.
    pub fn look(&self, ctx: &Context<'_>) -> Result<Situation<'_>> {
        let rows = self.work_orders.iter().map(WorkOrder::row);
        usecase::situation(&self.order.row, &rows, &self.lifecycles).map_err(|fault| ctx.fault(fault))
    }
}

/// An order; cheap to clone.
///
/// Every field of an object is resolved by a future that has room for the largest of the object's fields. What waits for
/// the store is therefore boxed: a page has hundreds of fields that do not.
#[derive(Clone, Debug)]
pub struct Order {
    row: Arc<order::Model>,
    /// Its work orders, once they were loaded.
    work_orders: OnceLock<Arc<[WorkOrder]>>,
}

impl From<order::Model> for Order {
    fn from(row: order::Model) -> Self {
        Self { row: Arc::new(row), work_orders: OnceLock::new() }
    }
}

impl Order {
    /// The order's id.
    pub fn key(&self) -> OrderId {
        self.row.id
    }

    /// The row, for what computes from it.
    pub fn row(&self) -> &order::Model {
        &self.row
    }

    /// Takes along work orders that were loaded for the whole list.
    pub fn preload(&mut self, work_orders: Arc<[WorkOrder]>) {
        self.work_orders = work_orders.into();
    }

    /// Its work orders, by sequence.
    pub fn load_work_orders<'a>(&'a self, ctx: &'a Context<'_>) -> BoxFuture<'a, Result<Arc<[WorkOrder]>>> {
        Box::pin(async move {
            if let Some(work_orders) = self.work_orders.get() {
                return Ok(Arc::clone(work_orders));
            }
            let found = ctx.loader()?.load_one(WorkOrdersOf(self.row.id)).await;
            let found = found.map_err(|fault| ctx.load_fault(&fault))?.unwrap_or_default();
            Ok(Arc::clone(self.work_orders.get_or_init(|| found)))
        })
    }

    /// What the lifecycle sees of it, and its work orders.
    pub fn situation<'a>(&'a self, ctx: &'a Context<'_>) -> BoxFuture<'a, Result<Situated>> {
        Box::pin(async move {
            let work_orders = self.load_work_orders(ctx).await?;
            let theirs = work_orders.first().map_or(BUILT_IN_VERSION, |it| it.row().lifecycle_version);
            let order = load_lifecycle(ctx, (Owner::Order, self.row.lifecycle_version));
            let work_order = load_lifecycle(ctx, (Owner::WorkOrder, theirs));
            let (order, work_order) = try_join(order, work_order).await?;
            Ok(Situated { order: self.clone(), work_orders, lifecycles: Lifecycles { order, work_order } })
        })
    }

    /// What plugins have to do with its state.
    fn load_plugins<'a>(
        &'a self,
        ctx: &'a Context<'_>,
        order: &OrderState,
    ) -> BoxFuture<'a, Result<lifecycle::Plugins>> {
        let rejected = order.outcome == Some(lifecycle::Outcome::Rejected);
        let waits = order.phase == lifecycle::Phase::Pending
            || order.cancellation == Some(lifecycle::CancellationStatus::Requested);
        Box::pin(async move {
            let mut plugins = lifecycle::Plugins::default();
            if rejected {
                let found = ctx.loader()?.load_one(ObjectionTo(self.row.id)).await;
                plugins.objection = found.map_err(|fault| ctx.load_fault(&fault))?;
            } else if waits {
                let found = ctx.loader()?.load_one(GatesOf(self.row.id)).await;
                let found = found.map_err(|fault| ctx.load_fault(&fault))?;
                (plugins.open, plugins.held) = found.unwrap_or_default();
            }
            Ok(plugins)
        })
    }
}

/// A version of a lifecycle; one that this process does not know yet is read together with the others of the level.
async fn load_lifecycle(ctx: &Context<'_>, version: Version) -> Result<Arc<Lifecycle>> {
    if let Some(known) = ctx.app()?.lifecycles.get(&ctx.caller()?.tenant, version) {
        return Ok(known);
    }
    let found = ctx.loader()?.load_one(LifecycleOf(version)).await.map_err(|fault| ctx.load_fault(&fault))?;
    found.ok_or_else(|| ctx.fault(Fault::broken("a lifecycle that an order was born with is not there")))
}

/// Reads a document of a row.
pub fn parse_document<T: DeserializeOwned>(ctx: &Context<'_>, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| ctx.fault(Fault::from(error)))
}

impl Stored for Order {
    fn write_field(&self, name: &str, out: &mut Writer) -> bool {
        let row = &self.row;
        match name {
            "id" => out.plain(&row.id.to_string()),
            "clientId" => out.value(&row.client_id),
            "clientName" => out.value(&row.client_name),
            "clientOrderId" => out.value(&row.client_order_id),
            "type" => out.value(&row.kind),
            "domain" => out.value(&row.domain),
            "batchId" => out.value(&row.batch_id),
            "readyToProcess" => out.value(&row.ready_to_process),
            "workOrderFlow" => out.plain(row.flow.as_str()),
            "status" => out.value(&row.status),
            "phase" => out.plain(row.phase.as_str()),
            "outcome" => out.value(&row.outcome.map(stored::Outcome::as_str)),
            "customAttributes" => out.json(&row.custom_attributes),
            "lifecycleVersion" => out.value(&row.lifecycle_version),
            "version" => out.value(&row.version),
            "createdAt" => out.scalar(&DateTime(row.created_at)),
            "createdBy" => out.value(&row.created_by),
            "updatedAt" => out.scalar(&DateTime(row.updated_at)),
            "updatedBy" => out.value(&row.updated_by),
            _ => return false,
        }
        true
    }
}

impl Flat for Order {
    const TYPE: &'static str = "Order";
    type Column = order::Column;

    fn column(field: &str) -> Option<(order::Column, Look)> {
        use order::Column;
        Some(match field {
            "id" => (Column::Id, Look::Id(OrderId::PREFIX)),
            "clientId" => (Column::ClientId, Look::Text),
            "clientName" => (Column::ClientName, Look::Text),
            "clientOrderId" => (Column::ClientOrderId, Look::Text),
            "type" => (Column::Kind, Look::Text),
            "domain" => (Column::Domain, Look::Text),
            "batchId" => (Column::BatchId, Look::Text),
            "readyToProcess" => (Column::ReadyToProcess, Look::Flag),
            "workOrderFlow" => (Column::Flow, Look::Name),
            "status" => (Column::Status, Look::Text),
            "phase" => (Column::Phase, Look::Name),
            "outcome" => (Column::Outcome, Look::Name),
            "customAttributes" => (Column::CustomAttributes, Look::Json),
            "lifecycleVersion" => (Column::LifecycleVersion, Look::Int),
            "version" => (Column::Version, Look::Int),
            "createdAt" => (Column::CreatedAt, Look::Instant),
            "createdBy" => (Column::CreatedBy, Look::Text),
            "updatedAt" => (Column::UpdatedAt, Look::Instant),
            "updatedBy" => (Column::UpdatedBy, Look::Text),
            _ => return None,
        })
    }
}

/// A set of instructions of one client for one customer address, kept with the work orders that carry it out.
#[Object]
impl Order {
    /// Its id, `ord_…`.
    pub async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// Whose order it is. Does not change.
    async fn client_id(&self) -> &str {
        &self.row.client_id
    }

    /// The client's name.
    async fn client_name(&self) -> Option<&str> {
        self.row.client_name.as_deref()
    }

    /// The client's own reference; need not be unique. Does not change.
    async fn client_order_id(&self) -> &str {
        &self.row.client_order_id
    }

    /// The tenant's own kind of order, such as `PARCEL`.
    #[graphql(name = "type")]
    async fn kind(&self) -> Option<&str> {
        self.row.kind.as_deref()
    }

    /// The tenant's own field of business.
    async fn domain(&self) -> Option<&str> {
        self.row.domain.as_deref()
    }

    /// The batch that it came with.
    async fn batch_id(&self) -> Option<&str> {
        self.row.batch_id.as_deref()
    }

    /// Whether work may begin; false until `orderRelease` if it came in so.
    async fn ready_to_process(&self) -> bool {
        self.row.ready_to_process
    }

    /// How its work orders depend on each other.
    async fn work_order_flow(&self) -> WorkOrderFlow {
        lifecycle::Flow::from(self.row.flow).into()
    }

    /// Who it is for; masked without the scope `pii:read`.
    async fn consignee(&self, ctx: &Context<'_>) -> Result<Contact> {
        contact::consignee(ctx, &self.row).map(Into::into)
    }

    /// The one address that every instruction but a return leads to.
    async fn destination(&self, ctx: &Context<'_>) -> Result<Location> {
        parse_document::<domain::value::Location>(ctx, &self.row.destination).map(Into::into)
    }

    /// What the client says of the whole.
    async fn summary(&self, ctx: &Context<'_>) -> Result<Option<OrderSummary>> {
        let summary = self.row.summary.as_deref();
        summary.map(|text| parse_document::<domain::value::Summary>(ctx, text).map(Into::into)).transpose()
    }

    /// The state of its lifecycle that it is in.
    async fn status(&self) -> &str {
        &self.row.status
    }

    /// The coarse stage of that state.
    async fn phase(&self) -> Phase {
        lifecycle::Phase::from(self.row.phase).into()
    }

    /// How it ended, once SETTLED.
    async fn outcome(&self) -> Option<Outcome> {
        self.row.outcome.map(|outcome| lifecycle::Outcome::from(outcome).into())
    }

    /// Why it is in this state and what it waits for, in one sentence.
    async fn status_explanation(&self, ctx: &Context<'_>) -> Result<String> {
        let situated = self.situation(ctx).await?;
        let situation = situated.look(ctx)?;
        let plugins = self.load_plugins(ctx, &situation.order).await?;
        let name = |sequence| {
            let named = situated.work_orders.iter().map(WorkOrder::row).find(|row| row.sequence == sequence);
            named.map_or_else(|| format!("work order {sequence}"), |row| row.id.to_string())
        };
        Ok(lifecycle::explain(&situation, &plugins, name))
    }

    /// Every transition out of its state, with what blocks it.
    async fn available_transitions(&self, ctx: &Context<'_>) -> Result<Counted<AvailableTransition>> {
        let situated = self.situation(ctx).await?;
        let available = lifecycle::available_for_order(&situated.look(ctx)?);
        Ok(Counted(available.into_iter().map(Into::into).collect()))
    }

    /// The request to cancel it, if there was one.
    async fn cancellation(&self, ctx: &Context<'_>) -> Result<Option<Cancellation>> {
        let cancellation = self.row.cancellation.as_deref();
        cancellation
            .map(|text| parse_document::<domain::order::Cancellation>(ctx, text).map(Into::into))
            .transpose()
    }

    /// Values of the tenant's attributes as typed nodes, by name.
    async fn attributes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these, up to 100; all, if left out.")] keys: Option<Vec<String>>,
    ) -> Result<Counted<Attribute>> {
        Box::pin(Holder::from(&*self.row).all(ctx, keys)).await.map(Counted)
    }

    /// The value of one of the tenant's attributes; null if there is none.
    async fn attribute(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The attribute's name.")] key: String,
    ) -> Result<Option<Attribute>> {
        Box::pin(Holder::from(&*self.row).one(ctx, &key)).await
    }

    /// Values of the tenant's attributes, as one object.
    async fn custom_attributes(&self) -> Json {
        Json::Text(self.row.custom_attributes.clone())
    }

    /// Its work orders, by sequence; 1 to 100, and returns beyond that.
    async fn work_orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "where", desc = "Which of them; all, if left out.")] filter: Option<WorkOrderWhere>,
    ) -> Result<QuickList<WorkOrder>> {
        let work_orders = self.load_work_orders(ctx).await?;
        match filter {
            None => Ok(QuickList(work_orders.to_vec())),
            Some(filter) => Box::pin(WorkOrder::those(ctx, &work_orders, filter)).await.map(QuickList),
        }
    }

    /// Its history and that of its work orders, oldest first.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning: 1 to 100, 20 if left out.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<OrderEventConnection> {
        event::history(ctx, Subject::Order(self.row.id), PageArgs { first, after, last, before }).await
    }

    /// The plugin runs about it, newest first.
    async fn plugin_runs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning: 1 to 100, 20 if left out.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<PluginRunConnection> {
        plugin::runs_of(ctx, self.row.id, PageArgs { first, after, last, before }).await
    }

    /// The version of the lifecycle that it was born with.
    async fn lifecycle_version(&self) -> i32 {
        self.row.lifecycle_version
    }

    /// Counts the events about it; 1 when it was created.
    async fn version(&self) -> i32 {
        self.row.version
    }

    /// When it was registered.
    async fn created_at(&self) -> DateTime {
        self.row.created_at.into()
    }

    /// Who registered it.
    async fn created_by(&self) -> &str {
        &self.row.created_by
    }

    /// When it changed last.
    async fn updated_at(&self) -> DateTime {
        self.row.updated_at.into()
    }

    /// Who changed it last.
    async fn updated_by(&self) -> &str {
        &self.row.updated_by
    }
}

/// A request to cancel an order, and the answer.
#[derive(Clone, Debug, SimpleObject)]
pub struct Cancellation {
    /// Where it stands.
    status: CancellationStatus,
    /// When it was asked for.
    requested_at: DateTime,
    /// Who asked.
    requested_by: String,
    /// Why, as a code.
    reason_code: Option<String>,
    /// Why, in words.
    note: Option<String>,
    /// When it was answered for good.
    settled_at: Option<DateTime>,
    /// Why it was refused, as a code.
    failure_reason_code: Option<String>,
}

impl From<domain::order::Cancellation> for Cancellation {
    fn from(cancellation: domain::order::Cancellation) -> Self {
        Self {
            status: cancellation.status.into(),
            requested_at: cancellation.requested_at.into(),
            requested_by: cancellation.requested_by,
            reason_code: cancellation.reason_code,
            note: cancellation.note,
            settled_at: cancellation.settled_at.map(Into::into),
            failure_reason_code: cancellation.failure_reason_code,
        }
    }
}

/// A transition out of the present state.
#[derive(Clone, Debug, SimpleObject)]
pub struct AvailableTransition {
    /// The event that fires it.
    event: String,
    /// The code that reports know it by.
    code: Option<String>,
    /// The state that it leads to.
    to: String,
    /// Whether a caller may fire it now.
    allowed: bool,
    /// What stands in its way, a sentence each.
    blocked_by: Vec<String>,
}

impl From<lifecycle::Available> for AvailableTransition {
    fn from(available: lifecycle::Available) -> Self {
        let lifecycle::Available { event, code, to, allowed, blocked_by } = available;
        Self { event, code, to, allowed, blocked_by }
    }
}
