//! What a platform order is made of when it comes in, and what of it may change later.

mod add;
mod cancellation;
mod edit;
mod edit_work_order;
mod erase;
#[cfg(test)]
mod fixtures;
mod intake;

pub use add::{Addition, check_addition};
pub use cancellation::Cancellation;
pub use edit::{Current, OrderPatch, Patch, Patched, edit, may_change_contact_data};
pub use edit_work_order::{PatchedWorkOrder, WorkOrderPatch, edit_work_order};
pub use erase::{ERASED, Erased};
pub use intake::{MAX_WORK_ORDERS, check, check_at, check_idempotency_key, check_work_order};

use super::{
    lifecycle::{Flow, WorkOrderType},
    value::{Contact, Container, Delivery, Document, Location, Money, QualityCheck, Stop, Summary},
};

/// A platform order as an integration hands it in.
#[derive(Clone, Debug, PartialEq)]
pub struct NewOrder {
    /// Set by the caller to make a repetition harmless; 1 to 255 characters.
    pub idempotency_key: Option<String>,
    /// Whose order it is.
    pub client_id: String,
    /// The client's own reference; need not be unique.
    pub client_order_id: String,
    /// The client's name.
    pub client_name: Option<String>,
    /// The tenant's own kind of order.
    pub kind: Option<String>,
    /// The tenant's own field of business.
    pub domain: Option<String>,
    /// The batch that it came with.
    pub batch_id: Option<String>,
    /// Whether work may begin as soon as intake is through.
    pub ready_to_process: bool,
    /// How its work orders depend on each other.
    pub flow: Flow,
    /// Who the order is for.
    pub consignee: Contact,
    /// The one address that every instruction but a return leads to.
    pub destination: Location,
    /// What the client says of the whole.
    pub summary: Option<Summary>,
    /// Values of the tenant's attributes.
    pub custom_attributes: Document,
    /// 1 to 100, in sequence.
    pub work_orders: Vec<NewWorkOrder>,
}

/// A work order of a [`NewOrder`].
#[derive(Clone, Debug, PartialEq)]
pub struct NewWorkOrder {
    /// What it does.
    pub kind: WorkOrderType,
    /// What it is, in words.
    pub description: Option<String>,
    /// Where goods are fetched; needed to move containers.
    pub pickup: Option<Stop>,
    /// The work at the order's destination.
    pub delivery: Option<Delivery>,
    /// Where goods go back to if it fails or is cancelled; the pickup if left out.
    pub return_to: Option<Stop>,
    /// The goods.
    pub containers: Vec<Container>,
    /// What to check before goods are taken.
    pub pickup_quality_checks: Vec<QualityCheck>,
    /// Money to collect at the pickup.
    pub collect_on_pickup: Option<Money>,
    /// Money to collect at the destination.
    pub collect_on_delivery: Option<Money>,
    /// Values of the tenant's attributes.
    pub custom_attributes: Document,
}
