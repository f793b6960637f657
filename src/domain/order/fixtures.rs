//! Sound orders, for tests.

use super::{
    super::{
        lifecycle::{Flow, WorkOrderType},
        value::{
            Document,
            fixtures::{contact, container, location, stop},
        },
    },
    NewOrder, NewWorkOrder,
};

pub(super) fn order() -> NewOrder {
    NewOrder {
        idempotency_key: None,
        client_id: "client-1".into(),
        client_order_id: "A-1".into(),
        client_name: None,
        kind: Some("PARCEL".into()),
        domain: None,
        batch_id: None,
        ready_to_process: true,
        flow: Flow::StartTogether,
        consignee: contact(),
        destination: location(),
        summary: None,
        custom_attributes: Document::empty(),
        work_orders: vec![work_order(WorkOrderType::MoveContainers)],
    }
}

pub(super) fn work_order(kind: WorkOrderType) -> NewWorkOrder {
    NewWorkOrder {
        kind,
        description: None,
        pickup: (kind == WorkOrderType::MoveContainers).then(stop),
        delivery: None,
        return_to: None,
        containers: vec![container("c1")],
        pickup_quality_checks: Vec::new(),
        collect_on_pickup: None,
        collect_on_delivery: None,
        custom_attributes: Document::empty(),
    }
}
