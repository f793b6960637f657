//! Work orders of standing orders as callers write them.

use async_graphql::{ID, InputObject, InputType, MaybeUndefined};

use super::{
    super::scalar::Json,
    Direction,
    input::{ContainerInput, DeliveryInput, MoneyInput, QualityCheckInput, StopInput},
    order_input::{OrderWorkOrderInput, attribute_patch, to_patch},
};
use crate::domain::{
    order::{Patch, WorkOrderPatch},
    problem::{Found, Path},
};

/// A work order to be added to a standing order.
#[derive(Clone, Debug, InputObject)]
pub struct WorkOrderCreateInput {
    /// The order. It must not be settled, and has up to 100 work orders.
    pub order_id: ID,
    /// Which way the work order leads.
    #[graphql(default_with = "Some(Direction::Forward)")]
    pub direction: Option<Direction>,
    /// For a RETURN: the work order whose goods come back. It leads to that one's `return` or `pickup`, unless it has a
    /// `return` of its own.
    pub return_of: Option<ID>,
    /// Refuses the change with `VersionConflict` where the order stands at another version.
    pub expected_order_version: Option<i32>,
    /// Makes a repetition harmless: 1 to 255 characters.
    pub idempotency_key: Option<String>,
    /// The work order. A RETURN without containers brings back those of `returnOf`.
    pub work_order: OrderWorkOrderInput,
}

/// A change to a work order. What is left out stays; null clears an optional field, and empties a list.
#[derive(Clone, Debug, InputObject)]
pub struct WorkOrderUpdateInput {
    /// The work order.
    pub id: ID,
    /// Refuses the change with `VersionConflict` where the work order stands at another version.
    pub expected_version: Option<i32>,
    /// Makes a repetition harmless: 1 to 255 characters.
    pub idempotency_key: Option<String>,
    /// What it is, in up to 2,000 characters.
    pub description: MaybeUndefined<String>,
    /// Where goods are fetched; changes only while the work order is PENDING.
    pub pickup: MaybeUndefined<StopInput>,
    /// The work at the order's destination; changes until the work order is SETTLED.
    pub delivery: MaybeUndefined<DeliveryInput>,
    /// Where goods go back to, or where a RETURN leads; changes until the work order is SETTLED.
    #[graphql(name = "return")]
    pub return_to: MaybeUndefined<StopInput>,
    /// The goods: up to 500; they change until the work order is SETTLED.
    pub containers: MaybeUndefined<Vec<ContainerInput>>,
    /// What to check before goods are taken: up to 100; changes only while the work order is PENDING.
    pub pickup_quality_checks: MaybeUndefined<Vec<QualityCheckInput>>,
    /// Money to collect at the pickup; changes only while the work order is PENDING.
    pub collect_on_pickup: MaybeUndefined<MoneyInput>,
    /// Money to collect at the destination; changes until the work order is SETTLED.
    pub collect_on_delivery: MaybeUndefined<MoneyInput>,
    /// Attributes to set, as one JSON object. It is merged key by key, one level deep: null removes a key.
    pub custom_attributes: MaybeUndefined<Json>,
}

impl WorkOrderUpdateInput {
    /// The same value for two inputs if and only if they ask for the same: what is left out is not in it, while null is.
    pub fn canonical(&self) -> async_graphql::Value {
        let left_out = [
            ("description", self.description.is_undefined()),
            ("pickup", self.pickup.is_undefined()),
            ("delivery", self.delivery.is_undefined()),
            ("return", self.return_to.is_undefined()),
            ("containers", self.containers.is_undefined()),
            ("pickupQualityChecks", self.pickup_quality_checks.is_undefined()),
            ("collectOnPickup", self.collect_on_pickup.is_undefined()),
            ("collectOnDelivery", self.collect_on_delivery.is_undefined()),
            ("customAttributes", self.custom_attributes.is_undefined()),
        ];
        let mut value = self.to_value();
        if let async_graphql::Value::Object(fields) = &mut value {
            fields.retain(|name, _| !left_out.contains(&(name.as_str(), true)));
        }
        value
    }

    /// The domain's patch, which knows nothing of `id`, `expected_version` and `idempotency_key`: read them before.
    pub fn into_domain(self, at: &Path, found: &mut Found) -> WorkOrderPatch {
        let Self {
            id: _,
            expected_version: _,
            idempotency_key: _,
            description,
            pickup,
            delivery,
            return_to,
            containers,
            pickup_quality_checks,
            collect_on_pickup,
            collect_on_delivery,
            custom_attributes,
        } = self;
        let containers = match containers {
            MaybeUndefined::Undefined => Patch::Keep,
            MaybeUndefined::Null => Patch::Clear,
            MaybeUndefined::Value(list) => Patch::Set(ContainerInput::into_domain_list(list, at, found)),
        };
        let pickup_quality_checks = match pickup_quality_checks {
            MaybeUndefined::Undefined => Patch::Keep,
            MaybeUndefined::Null => Patch::Clear,
            MaybeUndefined::Value(list) => Patch::Set(list.into_iter().map(Into::into).collect()),
        };
        WorkOrderPatch {
            description: to_patch(description),
            pickup: to_patch(pickup),
            delivery: to_patch(delivery),
            return_to: to_patch(return_to),
            containers,
            pickup_quality_checks,
            collect_on_pickup: to_patch(collect_on_pickup),
            collect_on_delivery: to_patch(collect_on_delivery),
            custom_attributes: attribute_patch(custom_attributes, at, found),
        }
    }
}
