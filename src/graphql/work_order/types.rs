//! Work orders as clients see them.

use std::sync::{Arc, OnceLock};

use async_graphql::{Context, ID, Object, Result};
use entity::{id::WorkOrderId, stored, work_order};
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;

use super::{
    super::{
        attribute::{Attribute, Holder},
        connection::{OrderEventConnection, PageArgs},
        contact,
        context::ContextExt,
        counted::Counted,
        event, filter,
        flat::{Flat, Look},
        order::{AvailableTransition, Order, Situated, parse_document},
        quick::{Stored, Writer},
        scalar::{DateTime, Json},
        value::{Container, Direction, Money, Outcome, Phase, QualityCheck, Stop, WorkOrderType},
    },
    filter::WorkOrderWhere,
};
use crate::{
    domain::{self, lifecycle, value},
    fault::Fault,
    store::{event::Subject, list::Member},
};

/// A work order; cheap to clone. What waits for the store is boxed, as with [`Order`].
#[derive(Clone, Debug)]
pub struct WorkOrder {
    row: Arc<work_order::Model>,
    /// Its order, once it was loaded.
    order: OnceLock<Order>,
}

impl From<work_order::Model> for WorkOrder {
    fn from(row: work_order::Model) -> Self {
        Self { row: Arc::new(row), order: OnceLock::new() }
    }
}

impl WorkOrder {
    /// The row, for what computes from it.
    pub fn row(&self) -> &work_order::Model {
        &self.row
    }

    /// Those that pass a filter.
    pub async fn those(ctx: &Context<'_>, all: &[Self], filter: WorkOrderWhere) -> Result<Vec<Self>> {
        let filter = filter::filter(ctx, filter).await?;
        let mut those = Vec::new();
        for work_order in all {
            let member = Member::work_order(&work_order.row).map_err(|fault| ctx.fault(fault))?;
            if filter.matches(&member) {
                those.push(work_order.clone());
            }
        }
        Ok(those)
    }

    fn load_order<'a>(&'a self, ctx: &'a Context<'_>) -> BoxFuture<'a, Result<&'a Order>> {
        Box::pin(async move {
            if let Some(order) = self.order.get() {
                return Ok(order);
            }
            let found = ctx.loader()?.load_one(self.row.order_id).await;
            let found = found.map_err(|fault| ctx.load_fault(&fault))?;
            let found = found.ok_or_else(|| ctx.fault(Fault::broken("a work order without an order")))?;
            Ok(self.order.get_or_init(|| found))
        })
    }

    fn load_situation<'a>(&'a self, ctx: &'a Context<'_>) -> BoxFuture<'a, Result<Situated>> {
        Box::pin(async move { self.load_order(ctx).await?.situation(ctx).await })
    }

    fn is_return(&self) -> bool {
        lifecycle::Direction::from(self.row.direction) == lifecycle::Direction::Return
    }

    fn stop(&self, ctx: &Context<'_>, kept: Option<&str>) -> Result<Option<Stop>> {
        kept.map(|kept| contact::stop(ctx, &self.row, kept)).transpose()
    }
}

fn list<T: DeserializeOwned, U: From<T>>(ctx: &Context<'_>, text: &str) -> Result<Counted<U>> {
    Ok(Counted(parse_document::<Vec<T>>(ctx, text)?.into_iter().map(Into::into).collect()))
}

impl Stored for WorkOrder {
    fn write_field(&self, name: &str, out: &mut Writer) -> bool {
        let row = &self.row;
        match name {
            "id" => out.plain(&row.id.to_string()),
            "sequence" => out.value(&row.sequence),
            "type" => out.plain(row.kind.as_str()),
            "direction" => out.plain(row.direction.as_str()),
            "description" => out.value(&row.description),
            "status" => out.value(&row.status),
            "phase" => out.plain(row.phase.as_str()),
            "outcome" => out.value(&row.outcome.map(stored::Outcome::as_str)),
            "attempts" => out.value(&row.attempts),
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

impl Flat for WorkOrder {
    const TYPE: &'static str = "WorkOrder";
    type Column = work_order::Column;

    fn column(field: &str) -> Option<(work_order::Column, Look)> {
        use work_order::Column;
        Some(match field {
            "id" => (Column::Id, Look::Id(WorkOrderId::PREFIX)),
            "sequence" => (Column::Sequence, Look::Int),
            "type" => (Column::Kind, Look::Name),
            "direction" => (Column::Direction, Look::Name),
            "description" => (Column::Description, Look::Text),
            "status" => (Column::Status, Look::Text),
            "phase" => (Column::Phase, Look::Name),
            "outcome" => (Column::Outcome, Look::Name),
            "attempts" => (Column::Attempts, Look::Int),
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

/// A piece of the work that carries an order out.
#[Object]
impl WorkOrder {
    /// Its id, `wo_…`.
    pub async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// Its order.
    async fn order(&self, ctx: &Context<'_>) -> Result<Order> {
        self.load_order(ctx).await.cloned()
    }

    /// Its number within the order, from 1.
    async fn sequence(&self) -> i32 {
        self.row.sequence
    }

    /// What it does.
    #[graphql(name = "type")]
    async fn kind(&self) -> WorkOrderType {
        lifecycle::WorkOrderType::from(self.row.kind).into()
    }

    /// Which way it leads.
    async fn direction(&self) -> Direction {
        lifecycle::Direction::from(self.row.direction).into()
    }

    /// For a RETURN: the work order whose goods come back.
    async fn return_of(&self, ctx: &Context<'_>) -> Result<Option<WorkOrder>> {
        let Some(id) = self.row.return_of else { return Ok(None) };
        Box::pin(ctx.loader()?.load_one(id)).await.map_err(|fault| ctx.load_fault(&fault))
    }

    /// What it is, in words.
    async fn description(&self) -> Option<&str> {
        self.row.description.as_deref()
    }

    /// Where goods are fetched; for a RETURN, the order's destination.
    async fn pickup(&self, ctx: &Context<'_>) -> Result<Option<Stop>> {
        if !self.is_return() || self.row.pickup.is_some() {
            return self.stop(ctx, self.row.pickup.as_deref());
        }
        let order = self.load_order(ctx).await?;
        let contact = contact::consignee(ctx, order.row())?;
        let location: value::Location = parse_document(ctx, &order.row().destination)?;
        Ok(Some(Stop::of_delivery(None, Some(contact), Some(location))))
    }

    /// Where goods go back to if it fails or is cancelled; the pickup if null.
    #[graphql(name = "return")]
    async fn return_to(&self, ctx: &Context<'_>) -> Result<Option<Stop>> {
        if self.is_return() {
            return Ok(None);
        }
        self.stop(ctx, self.row.return_to.as_deref())
    }

    /// Where it leads: the order's destination, or the return address for a RETURN. Null for a DIGITAL_SERVICE, which
    /// has no place, unless something is said about its delivery.
    async fn delivery(&self, ctx: &Context<'_>) -> Result<Option<Stop>> {
        let delivery = self.row.delivery.as_deref();
        let delivery: Option<value::Delivery> = delivery.map(|text| parse_document(ctx, text)).transpose()?;
        if self.is_return() {
            let place = self.stop(ctx, self.row.return_to.as_deref())?;
            return Ok(place.map(|place| place.promising(delivery)));
        }
        if lifecycle::WorkOrderType::from(self.row.kind) == lifecycle::WorkOrderType::DigitalService {
            return Ok(delivery.map(|delivery| Stop::of_delivery(Some(delivery), None, None)));
        }
        let order = self.load_order(ctx).await?;
        let contact = contact::consignee(ctx, order.row())?;
        let location: value::Location = parse_document(ctx, &order.row().destination)?;
        Ok(Some(Stop::of_delivery(delivery, Some(contact), Some(location))))
    }

    /// The goods.
    async fn containers(&self, ctx: &Context<'_>) -> Result<Counted<Container>> {
        list::<domain::value::Container, _>(ctx, &self.row.containers)
    }

    /// What to check before goods are taken.
    async fn pickup_quality_checks(&self, ctx: &Context<'_>) -> Result<Counted<QualityCheck>> {
        list::<domain::value::QualityCheck, _>(ctx, &self.row.pickup_quality_checks)
    }

    /// Money to collect at the pickup.
    async fn collect_on_pickup(&self, ctx: &Context<'_>) -> Result<Option<Money>> {
        let money = self.row.collect_on_pickup.as_deref();
        money.map(|text| parse_document::<value::Money>(ctx, text).map(Into::into)).transpose()
    }

    /// Money to collect at the destination.
    async fn collect_on_delivery(&self, ctx: &Context<'_>) -> Result<Option<Money>> {
        let money = self.row.collect_on_delivery.as_deref();
        money.map(|text| parse_document::<value::Money>(ctx, text).map(Into::into)).transpose()
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

    /// How often ATTEMPT_FAILED happened.
    async fn attempts(&self) -> i32 {
        self.row.attempts
    }

    /// The work orders that must settle before it may start, where the order's flow is SEQUENTIAL.
    async fn blocked_by(&self, ctx: &Context<'_>) -> Result<Counted<WorkOrder>> {
        let situated = self.load_situation(ctx).await?;
        let sequences = lifecycle::blocked_by(&situated.look(ctx)?, self.row.sequence);
        let blocking =
            situated.work_orders.iter().filter(|sibling| sequences.contains(&sibling.row.sequence));
        Ok(Counted(blocking.cloned().collect()))
    }

    /// Every transition out of its state, with what blocks it.
    async fn available_transitions(&self, ctx: &Context<'_>) -> Result<Counted<AvailableTransition>> {
        let situated = self.load_situation(ctx).await?;
        let available = lifecycle::available_for_work_order(&situated.look(ctx)?, self.row.sequence);
        Ok(Counted(available.into_iter().map(Into::into).collect()))
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

    /// Its history, oldest first.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning: 1 to 100, 20 if left out.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<OrderEventConnection> {
        event::history(ctx, Subject::WorkOrder(self.row.id), PageArgs { first, after, last, before }).await
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
