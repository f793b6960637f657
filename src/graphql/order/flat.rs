//! Orders of which only columns are asked, and of their work orders.

use std::collections::HashMap;

use async_graphql::SelectionField;
use entity::{
    id::OrderId,
    order::{Column, Entity},
};
use sea_orm::DbErr;

use super::{
    super::{
        flat::{ListShape, Shape},
        quick::Writer,
        work_order::WorkOrder,
    },
    Order,
};
use crate::store::{
    self, PageRequest, Part, TenantDb,
    list::{List, Place},
};

/// What is asked of an order.
struct OrderShape {
    order: Shape<Order>,
    work_orders: Option<Shape<WorkOrder>>,
}

/// Work orders by their order, each order's by sequence.
type WorkOrders = HashMap<OrderId, Vec<Part>>;

/// What `field` asks of an order, as text; none where it asks for more than columns.
pub async fn order(
    field: &SelectionField<'_>,
    db: &TenantDb<'_>,
    id: OrderId,
) -> Option<Result<Option<Writer>, DbErr>> {
    let shape = OrderShape::of(field)?;
    Some(shape.read(db, id).await)
}

/// What `field` asks of a page of orders, as text; none where it asks for more than columns.
pub async fn page(
    field: &SelectionField<'_>,
    db: &TenantDb<'_>,
    list: &List<Entity>,
    request: &PageRequest<Place>,
) -> Option<Result<Writer, DbErr>> {
    let shape = ListShape::of(field.selection_set(), "Order", OrderShape::of)?;
    Some(read_page(&shape, db, list, request).await)
}

async fn read_page(
    shape: &ListShape<OrderShape>,
    db: &TenantDb<'_>,
    list: &List<Entity>,
    request: &PageRequest<Place>,
) -> Result<Writer, DbErr> {
    let columns = shape.member().map_or(&[Column::Id][..], |member| member.order.columns());
    let page = store::list::page_parts(db, list, columns, request).await?;
    let work_orders = match shape.member() {
        Some(member) => member.read_work_orders(db, &page.rows).await?,
        None => WorkOrders::new(),
    };
    let cursors = list.cursors();
    let cursor = |row: &Part| Ok(cursors.encode(&list.place(row, columns.len())?));
    let out = Writer::within(db.budget());
    shape.write(&page, cursor, |member, row, out| member.write(row, &work_orders, out), out)
}

/// The id, which is read first.
fn id(row: &Part) -> Result<OrderId, DbErr> {
    Ok(OrderId(row.uuid(0)?.unwrap_or_default()))
}

impl OrderShape {
    fn of(field: &SelectionField<'_>) -> Option<Self> {
        let mut work_orders = None;
        let order = Shape::of(field.selection_set(), &[Column::Id], |field| {
            let is_first = field.name() == "workOrders" && work_orders.is_none();
            // Which of them is not for columns to say.
            let is_all = field.arguments().is_ok_and(|arguments| arguments.is_empty());
            work_orders =
                (is_first && is_all).then(|| Shape::of(field.selection_set(), &[], |_| false)).flatten();
            work_orders.is_some()
        })?;
        Some(Self { order, work_orders })
    }

    async fn read(&self, db: &TenantDb<'_>, id: OrderId) -> Result<Option<Writer>, DbErr> {
        let Some(row) = store::order::part_by_id(db, self.order.columns(), id).await? else {
            return Ok(None);
        };
        let work_orders = self.read_work_orders(db, std::slice::from_ref(&row)).await?;
        let mut out = Writer::within(db.budget());
        self.write(&row, &work_orders, &mut out)?;
        Ok(Some(out))
    }

    async fn read_work_orders(&self, db: &TenantDb<'_>, orders: &[Part]) -> Result<WorkOrders, DbErr> {
        let Some(shape) = self.work_orders.as_ref().filter(|_| !orders.is_empty()) else {
            return Ok(WorkOrders::new());
        };
        let ids: Vec<_> = orders.iter().map(id).collect::<Result<_, _>>()?;
        store::work_order::parts_of_orders(db, shape.columns(), &ids).await
    }

    fn write(&self, row: &Part, work_orders: &WorkOrders, out: &mut Writer) -> Result<(), DbErr> {
        self.order.write(row, out, |out| {
            let Some(shape) = &self.work_orders else { return Ok(()) };
            let members = work_orders.get(&id(row)?).map_or(&[][..], Vec::as_slice);
            out.list(members, |row, out| shape.write(row, out, |_| Ok(())))
        })
    }
}
