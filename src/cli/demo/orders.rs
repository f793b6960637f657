//! Made-up orders: those of `examples/orders`, with other people, places, amounts and times.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::choice::Dice;

/// Postal codes that begin with this are served; those of Bengaluru do.
pub const SERVED_PREFIX: &str = "560";

const EXAMPLES: [&str; 5] = [
    include_str!("../../../examples/orders/cash-on-delivery-parcel.json"),
    include_str!("../../../examples/orders/deliver-then-install.json"),
    include_str!("../../../examples/orders/kyc-visit.json"),
    include_str!("../../../examples/orders/reverse-pickup.json"),
    include_str!("../../../examples/orders/two-pickups-one-address.json"),
];
/// The day of the examples; the demo's is today.
const EXAMPLE_DAY: DateTime<Utc> = match DateTime::from_timestamp(1_796_083_200, 0) {
    Some(day) => day,
    None => DateTime::UNIX_EPOCH,
};

const NAMES: [&str; 10] = [
    "Ananya Iyer",
    "Rahul Deshpande",
    "Fatima Begum",
    "Joseph Mathew",
    "Meera Krishnan",
    "Arjun Hegde",
    "Sunita Patil",
    "Tenzin Dolma",
    "Vikram Singh",
    "Clara D'Mello",
];
/// Places that are served: street, postal code.
const STREETS: [(&str, &str); 8] = [
    ("14, 3rd Main, Malleshwaram", "560003"),
    ("7/2, Bull Temple Road", "560019"),
    ("88, 12th Cross, Indiranagar", "560038"),
    ("5, Wheeler Road, Cox Town", "560005"),
    ("310, 27th Main, HSR Layout", "560102"),
    ("Flat 4C, Sankey Road", "560080"),
    ("61, Jayanagar 4th Block", "560011"),
    ("19, Varthur Main Road", "560066"),
];
/// Places that are not: street, town, state, postal code.
const FAR_AWAY: [(&str, &str, &str, &str); 3] = [
    ("22, Connaught Place", "New Delhi", "Delhi", "110001"),
    ("9, Park Street", "Kolkata", "West Bengal", "700016"),
    ("Houseboat 3, Dal Lake", "Srinagar", "Jammu and Kashmir", "190001"),
];
const IS_FAR_AWAY: f64 = 0.08;
/// Cash on delivery is up to this; what the plugin finds suspicious begins somewhat below.
const MOST_CASH: f64 = 22_000.0;
const CHANNELS: [&str; 3] = ["APP", "WEB", "PARTNER"];
const PRIORITIES: [&str; 3] = ["STANDARD", "STANDARD", "EXPRESS"];

/// An order as a client would send it; `reference` tells it from the others.
pub fn make_up(reference: &str, now: DateTime<Utc>, dice: &mut Dice<'_>) -> serde_json::Result<Value> {
    let mut order: Value = serde_json::from_str(pick(&EXAMPLES, dice()))?;
    shift_times(&mut order, now - EXAMPLE_DAY);
    if let Some(fields) = order.as_object_mut() {
        fields.remove("idempotencyKey");
        fields.insert("clientOrderId".to_owned(), reference.into());
        let attributes = json!({
            "channel": pick(&CHANNELS, dice()),
            "priority": pick(&PRIORITIES, dice()),
            "demo": true,
        });
        fields.insert("customAttributes".to_owned(), attributes);
    }
    // A reverse pickup goes to the shop's own warehouse.
    if order.get("type").and_then(Value::as_str) != Some("REVERSE_PICKUP") {
        set(&mut order, "/consignee/name", pick(&NAMES, dice()).into());
        set(&mut order, "/destination", destination(dice));
    }
    for work_order in order.get_mut("workOrders").and_then(Value::as_array_mut).into_iter().flatten() {
        let amount = format!("{:.2}", 200.0 + dice() * (MOST_CASH - 200.0));
        set(work_order, "/collectOnDelivery/amount", amount.into());
    }
    Ok(order)
}

fn destination(dice: &mut Dice<'_>) -> Value {
    let (line1, city, state, postal_code) = if dice() < IS_FAR_AWAY {
        pick(&FAR_AWAY, dice())
    } else {
        let (line1, postal_code) = pick(&STREETS, dice());
        (line1, "Bengaluru", "Karnataka", postal_code)
    };
    json!({"address": {
        "line1": line1, "city": city, "state": state, "postalCode": postal_code, "country": "IN",
    }})
}

/// One of several, each as likely as the others.
fn pick<T: Copy + Default>(several: &[T], roll: f64) -> T {
    let count = f64::from(u32::try_from(several.len()).unwrap_or(u32::MAX));
    let found = several.iter().zip(1_u32..).find(|(_, end)| roll * count < f64::from(*end));
    found.map(|(one, _)| *one).unwrap_or_default()
}

/// Sets what is there already.
fn set(value: &mut Value, pointer: &str, to: Value) {
    if let Some(place) = value.pointer_mut(pointer) {
        *place = to;
    }
}

/// Moves every point in time.
fn shift_times(value: &mut Value, by: TimeDelta) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                let is_time = matches!(name.as_str(), "from" | "to" | "promisedAt");
                let time = value
                    .as_str()
                    .filter(|_| is_time)
                    .and_then(|text| DateTime::parse_from_rfc3339(text).ok());
                match time.and_then(|time| time.checked_add_signed(by)) {
                    Some(time) => *value = time.to_rfc3339_opts(SecondsFormat::Secs, true).into(),
                    None => shift_times(value, by),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| shift_times(value, by)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-03-01T08:00:00Z".parse().unwrap()
    }

    #[test]
    fn every_example_is_picked_some_time() {
        for (roll, kind) in [
            (0.0, "PARCEL"),
            (0.2, "DELIVERY_AND_INSTALLATION"),
            (0.4, "KYC"),
            (0.6, "REVERSE_PICKUP"),
            (0.99, "FURNITURE"),
        ] {
            let order = make_up("D-1", now(), &mut || roll).unwrap();
            assert_eq!((&order["type"], &order["clientOrderId"]), (&json!(kind), &json!("D-1")), "{roll}");
            assert_eq!(order.get("idempotencyKey"), None);
        }
    }

    #[test]
    fn places_people_and_amounts_vary() {
        let near = make_up("D-1", now(), &mut || 0.1).unwrap();
        assert_eq!(near["destination"]["address"]["city"], "Bengaluru");
        assert_eq!(near["workOrders"][0]["collectOnDelivery"]["amount"], "2380.00");
        let far = make_up("D-1", now(), &mut || 0.0).unwrap();
        assert_eq!(far["destination"]["address"]["postalCode"], "110001");
        assert_ne!(near["consignee"]["name"], far["consignee"]["name"]);
        for (_, postal_code) in STREETS {
            assert!(postal_code.starts_with(SERVED_PREFIX));
        }
    }

    #[test]
    fn times_are_those_of_the_demo() {
        let order = make_up("D-1", now(), &mut || 0.0).unwrap();
        let from = order["workOrders"][0]["pickup"]["slot"]["from"].as_str().unwrap();
        let from = DateTime::parse_from_rfc3339(from).unwrap().to_utc();
        assert!((from - now()).abs() < TimeDelta::days(2), "{from}");
    }
}
