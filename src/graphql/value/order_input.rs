//! Orders and their work orders as callers write them.

use async_graphql::{ID, InputObject, InputType, MaybeUndefined};
use serde_json::{Map, Value};

use super::{
    super::scalar::Json,
    WorkOrderFlow, WorkOrderType,
    input::{
        ContactInput, ContainerInput, DeliveryInput, LocationInput, MoneyInput, OrderSummaryInput,
        QualityCheckInput, StopInput,
    },
};
use crate::domain::{
    order::{NewOrder, NewWorkOrder, OrderPatch, Patch},
    problem::{Found, Path, Problem},
    value::Document,
};

/// An order to be created, with its work orders: all or nothing.
#[derive(Clone, Debug, InputObject)]
pub struct OrderCreateInput {
    /// Makes a repetition harmless: 1 to 255 characters. The same key with the same input gives the same result and
    /// creates nothing; with another input it is refused with `IDEMPOTENCY_MISMATCH`.
    pub idempotency_key: Option<String>,
    /// Whose order it is.
    pub client_id: String,
    /// The client's own reference; need not be unique.
    pub client_order_id: String,
    /// The client's name.
    pub client_name: Option<String>,
    /// The tenant's own kind of order, such as PARCEL.
    #[graphql(name = "type")]
    pub kind: Option<String>,
    /// The tenant's own field of business.
    pub domain: Option<String>,
    /// The batch that it came with.
    pub batch_id: Option<String>,
    /// Whether work may begin as soon as intake is through; false waits for `orderRelease`.
    #[graphql(default_with = "Some(true)")]
    pub ready_to_process: Option<bool>,
    /// How its work orders depend on each other.
    #[graphql(default_with = "Some(WorkOrderFlow::StartTogether)")]
    pub work_order_flow: Option<WorkOrderFlow>,
    /// Who the order is for.
    pub consignee: ContactInput,
    /// The one address that every instruction but a return leads to.
    pub destination: LocationInput,
    /// What the client says of the whole.
    pub summary: Option<OrderSummaryInput>,
    /// Values of the tenant's attributes, as one JSON object of up to 32 KiB and depth 8.
    pub custom_attributes: Option<Json>,
    /// 1 to 100 work orders, in sequence.
    pub work_orders: Vec<OrderWorkOrderInput>,
}

/// A work order to be created.
#[derive(Clone, Debug, InputObject)]
pub struct OrderWorkOrderInput {
    /// What it does.
    #[graphql(name = "type")]
    pub kind: WorkOrderType,
    /// What it is, in up to 2,000 characters.
    pub description: Option<String>,
    /// Where goods are fetched; needed for `MOVE_CONTAINERS`, and only there.
    pub pickup: Option<StopInput>,
    /// The work at the order's destination.
    pub delivery: Option<DeliveryInput>,
    /// Where goods go back to if it fails or is cancelled; the pickup if left out.
    #[graphql(name = "return")]
    pub return_to: Option<StopInput>,
    /// The goods: up to 500.
    pub containers: Option<Vec<ContainerInput>>,
    /// What to check before goods are taken: up to 100.
    pub pickup_quality_checks: Option<Vec<QualityCheckInput>>,
    /// Money to collect at the pickup.
    pub collect_on_pickup: Option<MoneyInput>,
    /// Money to collect at the destination.
    pub collect_on_delivery: Option<MoneyInput>,
    /// Values of the tenant's attributes, as one JSON object of up to 32 KiB and depth 8.
    pub custom_attributes: Option<Json>,
}

/// A change to an order. What is left out stays; null clears an optional field.
#[derive(Clone, Debug, InputObject)]
pub struct OrderUpdateInput {
    /// The order.
    pub id: ID,
    /// Refuses the change with `VersionConflict` where the order stands at another version.
    pub expected_version: Option<i32>,
    /// Makes a repetition harmless: 1 to 255 characters.
    pub idempotency_key: Option<String>,
    /// The client's name.
    pub client_name: MaybeUndefined<String>,
    /// The tenant's own kind of order.
    #[graphql(name = "type")]
    pub kind: MaybeUndefined<String>,
    /// The tenant's own field of business.
    pub domain: MaybeUndefined<String>,
    /// The batch that it came with.
    pub batch_id: MaybeUndefined<String>,
    /// Who the order is for; changes only while the order is PENDING, and cannot be cleared.
    pub consignee: MaybeUndefined<ContactInput>,
    /// The address that it leads to; changes only while the order is PENDING, and cannot be cleared.
    pub destination: MaybeUndefined<LocationInput>,
    /// What the client says of the whole.
    pub summary: MaybeUndefined<OrderSummaryInput>,
    /// Attributes to set, as one JSON object. It is merged key by key, one level deep: null removes a key.
    pub custom_attributes: MaybeUndefined<Json>,
}

impl OrderCreateInput {
    /// The domain's order; what is wrong with its JSON goes to `found`.
    pub fn into_domain(self, at: &Path, found: &mut Found) -> NewOrder {
        let Self {
            idempotency_key,
            client_id,
            client_order_id,
            client_name,
            kind,
            domain,
            batch_id,
            ready_to_process,
            work_order_flow,
            consignee,
            destination,
            summary,
            custom_attributes,
            work_orders,
        } = self;
        let list = at.field("workOrders");
        NewOrder {
            idempotency_key,
            client_id,
            client_order_id,
            client_name,
            kind,
            domain,
            batch_id,
            ready_to_process: ready_to_process.unwrap_or(true),
            flow: work_order_flow.unwrap_or(WorkOrderFlow::StartTogether).into(),
            consignee: consignee.into(),
            destination: destination.into(),
            summary: summary.map(Into::into),
            custom_attributes: attributes(custom_attributes, at, found),
            work_orders: work_orders
                .into_iter()
                .enumerate()
                .map(|(index, work_order)| work_order.into_domain(&list.index(index), found))
                .collect(),
        }
    }
}

impl OrderWorkOrderInput {
    /// The domain's work order; what is wrong with its JSON goes to `found`.
    pub fn into_domain(self, at: &Path, found: &mut Found) -> NewWorkOrder {
        let Self {
            kind,
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
        NewWorkOrder {
            kind: kind.into(),
            description,
            pickup: pickup.map(Into::into),
            delivery: delivery.map(Into::into),
            return_to: return_to.map(Into::into),
            containers: ContainerInput::into_domain_list(containers.unwrap_or_default(), at, found),
            pickup_quality_checks: pickup_quality_checks
                .unwrap_or_default()
                .into_iter()
                .map(Into::into)
                .collect(),
            collect_on_pickup: collect_on_pickup.map(Into::into),
            collect_on_delivery: collect_on_delivery.map(Into::into),
            custom_attributes: attributes(custom_attributes, at, found),
        }
    }
}

impl OrderUpdateInput {
    /// The same value for two inputs if and only if they ask for the same: what is left out is not in it, while null is.
    pub fn canonical(&self) -> async_graphql::Value {
        let left_out = [
            ("clientName", self.client_name.is_undefined()),
            ("type", self.kind.is_undefined()),
            ("domain", self.domain.is_undefined()),
            ("batchId", self.batch_id.is_undefined()),
            ("consignee", self.consignee.is_undefined()),
            ("destination", self.destination.is_undefined()),
            ("summary", self.summary.is_undefined()),
            ("customAttributes", self.custom_attributes.is_undefined()),
        ];
        let mut value = self.to_value();
        if let async_graphql::Value::Object(fields) = &mut value {
            fields.retain(|name, _| !left_out.contains(&(name.as_str(), true)));
        }
        value
    }

    /// The domain's patch, which knows nothing of `id`, `expected_version` and `idempotency_key`: read them before.
    pub fn into_domain(self, at: &Path, found: &mut Found) -> OrderPatch {
        let Self {
            id: _,
            expected_version: _,
            idempotency_key: _,
            client_name,
            kind,
            domain,
            batch_id,
            consignee,
            destination,
            summary,
            custom_attributes,
        } = self;
        OrderPatch {
            client_name: to_patch(client_name),
            kind: to_patch(kind),
            domain: to_patch(domain),
            batch_id: to_patch(batch_id),
            consignee: keep_or_set(consignee, "consignee", at, found),
            destination: keep_or_set(destination, "destination", at, found),
            summary: to_patch(summary),
            custom_attributes: attribute_patch(custom_attributes, at, found),
        }
    }
}

/// In update inputs null clears an optional field, absence leaves it.
pub fn to_patch<T, U: From<T>>(input: MaybeUndefined<T>) -> Patch<U> {
    match input {
        MaybeUndefined::Undefined => Patch::Keep,
        MaybeUndefined::Null => Patch::Clear,
        MaybeUndefined::Value(value) => Patch::Set(value.into()),
    }
}

/// A field that must not be cleared.
fn keep_or_set<T, U: From<T>>(
    input: MaybeUndefined<T>,
    field: &str,
    at: &Path,
    found: &mut Found,
) -> Option<U> {
    match input {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => {
            let message = format!("{field} cannot be cleared; leave it out to keep it as it is");
            found.push(Problem::required(&at.field(field), message));
            None
        }
        MaybeUndefined::Value(value) => Some(value.into()),
    }
}

/// The field `customAttributes` of an update that stands at `at`. Null for the whole is refused: it could mean both
/// that nothing changes and that all of them go.
pub fn attribute_patch(
    input: MaybeUndefined<Json>,
    at: &Path,
    found: &mut Found,
) -> Option<Map<String, Value>> {
    let value = match input {
        MaybeUndefined::Undefined => return None,
        MaybeUndefined::Null => Value::Null,
        MaybeUndefined::Value(json) => json.into_value(),
    };
    if let Value::Object(map) = value {
        Some(map)
    } else {
        let message = "customAttributes must be a JSON object; null for a key in it removes that key";
        found.push(Problem::invalid(&at.field("customAttributes"), message));
        None
    }
}

/// The field `customAttributes` of something new that stands at `at`: null for a key leaves it out, as in an update.
fn attributes(input: Option<Json>, at: &Path, found: &mut Found) -> Document {
    let input = input.map_or(MaybeUndefined::Undefined, |json| match json.into_value() {
        Value::Null => MaybeUndefined::Undefined,
        value => MaybeUndefined::Value(Json::Value(value)),
    });
    attribute_patch(input, at, found)
        .and_then(|map| found.absorb(Document::empty().merged(&map, &at.field("customAttributes"))))
        .unwrap_or_default()
}
