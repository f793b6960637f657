//! What callers write to filter and sort work orders.

use async_graphql::{Enum, InputObject};
use entity::work_order::{Column, Entity};

use super::super::filter::{
    AttributeFilter, DateTimeFilter, DirectionFilter, IdFilter, Nested, OrderIds, OutcomeFilter, PhaseFilter,
    Reading, Sort, SortDirection, StringFilter, Where, WorkOrderIds, WorkOrderTypeFilter,
};
use crate::{
    domain::{attribute::Owner, problem::Path},
    store::list::Filter,
};

/// Which work orders: those for which everything that is given holds. Filters nest up to 5 deep, and their lists hold
/// up to 100 members.
#[derive(Clone, Debug, InputObject)]
pub struct WorkOrderWhere {
    /// All of these hold; an empty list always does.
    and: Option<Vec<WorkOrderWhere>>,
    /// One of these holds; of an empty list none does.
    or: Option<Vec<WorkOrderWhere>>,
    /// This does not hold.
    not: Option<Box<WorkOrderWhere>>,
    /// By the work order's id.
    id: Option<IdFilter>,
    /// By the id of its order.
    order_id: Option<IdFilter>,
    /// By what it does.
    #[graphql(name = "type")]
    kind: Option<WorkOrderTypeFilter>,
    /// By which way it leads.
    direction: Option<DirectionFilter>,
    /// By the state of its lifecycle.
    status: Option<StringFilter>,
    /// By the coarse stage of that state.
    phase: Option<PhaseFilter>,
    /// By how it ended.
    outcome: Option<OutcomeFilter>,
    /// By when it was registered.
    created_at: Option<DateTimeFilter>,
    /// By when it changed last.
    updated_at: Option<DateTimeFilter>,
    /// By a custom attribute of the work order.
    attribute: Option<AttributeFilter>,
}

impl Where for WorkOrderWhere {
    type Table = Entity;

    fn read(self, at: &Path, depth: usize, reading: &mut Reading) -> Filter<Entity> {
        let Self {
            and,
            or,
            not,
            id,
            order_id,
            kind,
            direction,
            status,
            phase,
            outcome,
            created_at,
            updated_at,
            attribute,
        } = self;
        let mut all = reading.column(Column::Id, ("id", id.map(WorkOrderIds)), at);
        all.extend(reading.column(Column::OrderId, ("orderId", order_id.map(OrderIds)), at));
        all.extend(reading.column(Column::Kind, ("type", kind), at));
        all.extend(reading.column(Column::Direction, ("direction", direction), at));
        all.extend(reading.column(Column::Status, ("status", status), at));
        all.extend(reading.column(Column::Phase, ("phase", phase), at));
        all.extend(reading.column(Column::Outcome, ("outcome", outcome), at));
        all.extend(reading.column(Column::CreatedAt, ("createdAt", created_at), at));
        all.extend(reading.column(Column::UpdatedAt, ("updatedAt", updated_at), at));
        all.extend(reading.attribute(Owner::WorkOrder, attribute, at));
        all.extend(reading.nested(Nested { and, or, not }, at, depth));
        Filter::All(all)
    }
}

/// By what work orders are sorted: exactly one of `field` and `attribute`. The id breaks ties, so that pages never
/// overlap.
#[derive(Clone, Debug, InputObject)]
pub struct WorkOrderOrder {
    /// A field.
    field: Option<WorkOrderSortField>,
    /// Name of a custom attribute of work orders, which must be indexed.
    attribute: Option<String>,
    /// In which direction.
    #[graphql(default_with = "Some(SortDirection::Asc)")]
    direction: Option<SortDirection>,
}

/// A field that work orders can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum WorkOrderSortField {
    /// When it was registered.
    CreatedAt,
    /// When it changed last.
    UpdatedAt,
    /// The name of its state, by code point.
    Status,
}

impl Sort for WorkOrderOrder {
    type Table = Entity;
    const OWNER: Owner = Owner::WorkOrder;

    fn parts(self) -> (Option<Column>, Option<String>, Option<SortDirection>) {
        let column = self.field.map(|field| match field {
            WorkOrderSortField::CreatedAt => Column::CreatedAt,
            WorkOrderSortField::UpdatedAt => Column::UpdatedAt,
            WorkOrderSortField::Status => Column::Status,
        });
        (column, self.attribute, self.direction)
    }
}
