//! What events are about, for subscribers who want only those about certain orders or work orders.

use std::collections::HashMap;

use entity::{event, id::OrderId, order, work_order};

use super::Record;
use crate::{
    fault::Fault,
    store::{
        self, TenantDb,
        list::{Filter, Member},
    },
};

/// Which orders or work orders events are to be about. They are held against it as they are when the event is handed
/// out.
#[derive(Debug)]
pub enum About {
    /// Such orders.
    Orders(Filter<order::Entity>),
    /// Such work orders.
    WorkOrders(Filter<work_order::Entity>),
}

impl About {
    /// Whether an event is about such a one.
    pub(super) fn passes(&self, event: &event::Model, subject: &Subject) -> Result<bool, Fault> {
        match self {
            Self::Orders(filter) => match &subject.order {
                Some(order) => Ok(filter.matches(&Member::order(order, &subject.work_orders)?)),
                None => Ok(false),
            },
            Self::WorkOrders(filter) => {
                let is_it = |work_order: &&work_order::Model| Some(work_order.id) == event.work_order_id;
                match subject.work_orders.iter().find(is_it) {
                    Some(work_order) => Ok(filter.matches(&Member::work_order(work_order)?)),
                    None => Ok(false),
                }
            }
        }
    }
}

/// The order that an event is about, and its work orders.
#[derive(Clone, Debug, Default)]
pub(super) struct Subject {
    order: Option<order::Model>,
    work_orders: Vec<work_order::Model>,
}

impl Subject {
    /// Reads it.
    pub(super) async fn load(db: &TenantDb<'_>, id: OrderId) -> Result<Self, Fault> {
        let order = store::order::by_id(db, id).await?;
        Ok(Self { order, work_orders: store::work_order::of_order(db, id).await? })
    }

    /// Reads those of many events at once, and leaves each with its event.
    pub(super) async fn load_all(db: &TenantDb<'_>, records: &[Record]) -> Result<(), Fault> {
        let mut ids: Vec<_> = records.iter().map(|record| record.row.order_id).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(());
        }
        let mut subjects: HashMap<OrderId, Self> = HashMap::new();
        for order in store::order::by_ids(db, &ids).await? {
            let id = order.id;
            subjects.entry(id).or_default().order = Some(order);
        }
        for work_order in store::work_order::of_orders(db, &ids).await? {
            subjects.entry(work_order.order_id).or_default().work_orders.push(work_order);
        }
        for record in records {
            record.leave_subject(subjects.get(&record.row.order_id).cloned().unwrap_or_default());
        }
        Ok(())
    }
}
