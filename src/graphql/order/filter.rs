//! What callers write to filter and sort orders.

use async_graphql::{Enum, InputObject};
use entity::order::{Column, Entity};

use super::super::{
    filter::{
        AttributeFilter, BooleanFilter, DateTimeFilter, IdFilter, Nested, OrderIds, OutcomeFilter,
        PhaseFilter, PhoneFilter, Reading, Sort, SortDirection, StringFilter, Where,
    },
    work_order::WorkOrderWhere,
};
use crate::{
    domain::{attribute::Owner, problem::Path},
    store::list::Filter,
};

/// Which orders: those for which everything that is given holds. Filters nest up to 5 deep, and their lists hold up to
/// 100 members.
#[derive(Clone, Debug, InputObject)]
pub struct OrderWhere {
    /// All of these hold; an empty list always does.
    and: Option<Vec<OrderWhere>>,
    /// One of these holds; of an empty list none does.
    or: Option<Vec<OrderWhere>>,
    /// This does not hold.
    not: Option<Box<OrderWhere>>,
    /// By the order's id.
    id: Option<IdFilter>,
    /// By whose order it is.
    client_id: Option<StringFilter>,
    /// By the client's own reference.
    client_order_id: Option<StringFilter>,
    /// By the batch that it came with.
    batch_id: Option<StringFilter>,
    /// By the tenant's own kind of order.
    #[graphql(name = "type")]
    kind: Option<StringFilter>,
    /// By the state of its lifecycle.
    status: Option<StringFilter>,
    /// By the coarse stage of that state.
    phase: Option<PhaseFilter>,
    /// By how it ended.
    outcome: Option<OutcomeFilter>,
    /// By whether work may begin.
    ready_to_process: Option<BooleanFilter>,
    /// By when it was registered.
    created_at: Option<DateTimeFilter>,
    /// By when it changed last.
    updated_at: Option<DateTimeFilter>,
    /// By a custom attribute of the order.
    attribute: Option<AttributeFilter>,
    /// By its work orders.
    work_orders: Option<WorkOrderListFilter>,
    /// By the consignee's phone number. Needs the scope `pii:read`, and is for lists only.
    consignee_phone: Option<PhoneFilter>,
}

impl Where for OrderWhere {
    type Table = Entity;

    fn read(self, at: &Path, depth: usize, reading: &mut Reading) -> Filter<Entity> {
        let Self {
            and,
            or,
            not,
            id,
            client_id,
            client_order_id,
            batch_id,
            kind,
            status,
            phase,
            outcome,
            ready_to_process,
            created_at,
            updated_at,
            attribute,
            work_orders,
            consignee_phone,
        } = self;
        let mut all = reading.column(Column::Id, ("id", id.map(OrderIds)), at);
        all.extend(reading.column(Column::ClientId, ("clientId", client_id), at));
        all.extend(reading.column(Column::ClientOrderId, ("clientOrderId", client_order_id), at));
        all.extend(reading.column(Column::BatchId, ("batchId", batch_id), at));
        all.extend(reading.column(Column::Kind, ("type", kind), at));
        all.extend(reading.column(Column::Status, ("status", status), at));
        all.extend(reading.column(Column::Phase, ("phase", phase), at));
        all.extend(reading.column(Column::Outcome, ("outcome", outcome), at));
        all.extend(reading.column(Column::ReadyToProcess, ("readyToProcess", ready_to_process), at));
        all.extend(reading.column(Column::CreatedAt, ("createdAt", created_at), at));
        all.extend(reading.column(Column::UpdatedAt, ("updatedAt", updated_at), at));
        all.extend(reading.attribute(Owner::Order, attribute, at));
        all.extend(
            work_orders.into_iter().flat_map(|filter| filter.read(&at.field("workOrders"), depth, reading)),
        );
        all.extend(consignee_phone.and_then(|filter| filter.read(&at.field("consigneePhone"), reading)));
        all.extend(reading.nested(Nested { and, or, not }, at, depth));
        Filter::All(all)
    }
}

/// Which orders, by their work orders; of several of these, all have to hold.
#[derive(Clone, Debug, InputObject)]
pub struct WorkOrderListFilter {
    /// At least one of its work orders is such.
    some: Option<WorkOrderWhere>,
    /// Each of its work orders is such.
    every: Option<WorkOrderWhere>,
    /// None of its work orders is such.
    none: Option<WorkOrderWhere>,
}

impl WorkOrderListFilter {
    fn read(self, at: &Path, depth: usize, reading: &mut Reading) -> Vec<Filter<Entity>> {
        let Self { some, every, none } = self;
        let some =
            some.map(|some| Filter::WorkOrder(Box::new(reading.below(some, &at.field("some"), depth))));
        let every = every.map(|every| {
            let other = Filter::Not(Box::new(reading.below(every, &at.field("every"), depth)));
            Filter::Not(Box::new(Filter::WorkOrder(Box::new(other))))
        });
        let none = none.map(|none| {
            let such = reading.below(none, &at.field("none"), depth);
            Filter::Not(Box::new(Filter::WorkOrder(Box::new(such))))
        });
        some.into_iter().chain(every).chain(none).collect()
    }
}

/// By what orders are sorted: exactly one of `field` and `attribute`. The id breaks ties, so that pages never overlap.
#[derive(Clone, Debug, InputObject)]
pub struct OrderOrder {
    /// A field.
    field: Option<OrderSortField>,
    /// Name of a custom attribute of orders, which must be indexed.
    attribute: Option<String>,
    /// In which direction.
    #[graphql(default_with = "Some(SortDirection::Asc)")]
    direction: Option<SortDirection>,
}

/// A field that orders can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum OrderSortField {
    /// When it was registered.
    CreatedAt,
    /// When it changed last.
    UpdatedAt,
    /// The client's own reference, by code point.
    ClientOrderId,
    /// The name of its state, by code point.
    Status,
}

impl Sort for OrderOrder {
    type Table = Entity;
    const OWNER: Owner = Owner::Order;

    fn parts(self) -> (Option<Column>, Option<String>, Option<SortDirection>) {
        let column = self.field.map(|field| match field {
            OrderSortField::CreatedAt => Column::CreatedAt,
            OrderSortField::UpdatedAt => Column::UpdatedAt,
            OrderSortField::ClientOrderId => Column::ClientOrderId,
            OrderSortField::Status => Column::Status,
        });
        (column, self.attribute, self.direction)
    }
}
