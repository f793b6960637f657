//! Inputs that are right; tests change what they are about.

use serde_json::{Value, json};

/// An order of `count` work orders that move one container each.
pub(crate) fn order(count: usize) -> Value {
    json!({
        "clientId": "acme",
        "clientOrderId": "A-1001",
        "consignee": {
            "name": "Asha Rao",
            "phone": {"countryCode": "+91", "number": "9876543210", "isMobile": true}
        },
        "destination": {"address": {
            "line1": "12 MG Road", "city": "Bengaluru", "postalCode": "560001", "country": "IN"
        }},
        "workOrders": (0..count).map(|_| move_containers()).collect::<Vec<_>>()
    })
}

/// A work order that moves one container.
pub(crate) fn move_containers() -> Value {
    json!({
        "type": "MOVE_CONTAINERS",
        "pickup": {"location": {"facilityId": "WH-7"}},
        "containers": [{"containerId": "BOX-1", "weight": {"value": "12.50", "unit": "KILOGRAM"}}]
    })
}

/// The same value with `field` set to `value`.
pub(crate) fn with(mut sample: Value, field: &str, value: Value) -> Value {
    sample[field] = value;
    sample
}
