//! `orderCreate`: every field comes back as it was given.

use serde_json::{Value, json};

use crate::harness::{TestApp, samples};

const PLACE: &str =
    "address { line1 line2 city state postalCode country } facilityId geo { latitude longitude }";
const PERSON: &str = "name phone { countryCode number isMobile } email";

/// Everything that an order and its work orders say that came from the input.
fn document() -> String {
    let stop = format!(
        "contact {{ {PERSON} }} location {{ {PLACE} }} slot {{ from to }} promisedAt serviceTimeSeconds instruction"
    );
    format!(
        "query Q($id: ID!) {{ order(id: $id) {{
            clientId clientOrderId clientName type domain batchId readyToProcess workOrderFlow
            consignee {{ {PERSON} }}
            destination {{ {PLACE} }}
            summary {{
                invoiceNumber description totalItems
                totalWeight {{ value unit }} totalCost {{ amount currency }}
            }}
            customAttributes
            workOrders {{
                sequence type direction description
                pickup {{ {stop} }} delivery {{ {stop} }} return {{ {stop} }} returnOf {{ id }}
                containers {{ containerId type description weight {{ value unit }} attributes }}
                pickupQualityChecks {{ code description required }}
                collectOnPickup {{ amount currency }} collectOnDelivery {{ amount currency }}
                customAttributes attempts outcome
            }}
        }} }}"
    )
}

fn person() -> Value {
    json!({
        "name": "Asha \u{200d}Rao 🚚 — \"सीता\"\n",
        "phone": {"countryCode": "+91", "number": "9876543210", "isMobile": true},
        "email": "asha.rao@example.in"
    })
}

fn place() -> Value {
    json!({
        "address": {
            "line1": "12 MG Road", "line2": "2. Etage \\ Tür 7", "city": "बेंगलुरु", "state": "KA",
            "postalCode": "560 001", "country": "IN"
        },
        "facilityId": "HUB/7",
        "geo": {"latitude": 12.971_598_7, "longitude": -77.0}
    })
}

fn stop() -> Value {
    json!({
        "contact": person(),
        "location": place(),
        "slot": {"from": "2026-03-02T10:00:00+05:30", "to": "2026-03-02T12:00:00.123456789Z"},
        "serviceTimeSeconds": 0,
        "instruction": "Ring twice; \u{202e}ask for Noor"
    })
}

/// The same stop as it comes out: instants in UTC and to the microsecond.
fn stop_out() -> Value {
    let slot = json!({"from": "2026-03-02T04:30:00Z", "to": "2026-03-02T12:00:00.123456Z"});
    let stop = samples::with(stop(), "slot", slot);
    samples::with(stop, "promisedAt", Value::Null)
}

fn move_containers() -> Value {
    json!({
        "type": "MOVE_CONTAINERS",
        "description": "Two boxes",
        "pickup": stop(),
        "delivery": {
            "slot": {"from": "2026-03-03T10:00:00Z", "to": "2026-03-03T12:00:00Z"},
            "promisedAt": "2026-03-03T23:59:60Z",
            "serviceTimeSeconds": 604_800,
            "instruction": "2nd floor"
        },
        "return": {"location": {"facilityId": "RETURNS-1"}},
        "containers": [
            {
                "containerId": "BOX-1", "type": "BOX", "description": "glass",
                "weight": {"value": "12.500", "unit": "KILOGRAM"},
                "attributes": {"fragile": true, "$serde": [1, {"deep": null}]}
            },
            {"containerId": "BOX-2", "weight": {"value": 0, "unit": "GRAM"}}
        ],
        "pickupQualityChecks": [{"code": "SEAL", "description": "intact", "required": false}, {"code": "IMEI"}],
        "collectOnPickup": {"amount": "0.00", "currency": "JPY"},
        "collectOnDelivery": {"amount": "49.90", "currency": "INR"},
        "customAttributes": {"lane": "B", "score": 0.1}
    })
}

#[tokio::test]
async fn every_field_of_an_order_comes_back_as_it_was_given() {
    let app = TestApp::start().await;
    let attributes =
        [("uni", "STRING"), ("n", "NUMBER"), ("big", "NUMBER"), ("list", "ARRAY"), ("no", "BOOLEAN")];
    app.define("ORDER", &attributes).await;
    app.define("WORK_ORDER", &[("lane", "STRING"), ("score", "NUMBER")]).await;
    let own = json!({
        "clientId": "acme", "clientOrderId": "A-1001", "clientName": "Acme Ltd. ⚙", "type": "PARCEL",
        "domain": "retail", "batchId": "b-7", "readyToProcess": true, "workOrderFlow": "SEQUENTIAL",
        "consignee": person(),
        "destination": place(),
        "summary": {
            "invoiceNumber": "INV-1", "description": "Gläser", "totalItems": 0,
            "totalWeight": {"value": "1.20", "unit": "TONNE"},
            "totalCost": {"amount": "1234567890123456789012345.678", "currency": "EUR"}
        },
        "customAttributes": {
            "uni": "🚀", "n": -0.5, "big": 18_446_744_073_709_551_615_u64, "list": [null, "", {}], "no": false
        }
    });
    let input = samples::with(own.clone(), "workOrders", json!([move_containers()]));
    let (id, _) = app.create(input).await;
    let order = app.execute(&document(), json!({"id": id})).await.data()["order"].clone();

    for (field, given) in own.as_object().unwrap() {
        assert_eq!(&order[field], given, "{field}");
    }
    let given = move_containers();
    let expected = json!([{
        "sequence": 1, "type": "MOVE_CONTAINERS", "direction": "FORWARD", "description": "Two boxes",
        "pickup": stop_out(),
        "delivery": {
            "contact": person(), "location": place(),
            "slot": {"from": "2026-03-03T10:00:00Z", "to": "2026-03-03T12:00:00Z"},
            "promisedAt": "2026-03-04T00:00:00Z",
            "serviceTimeSeconds": 604_800, "instruction": "2nd floor"
        },
        "return": {
            "contact": null,
            "location": {"address": null, "facilityId": "RETURNS-1", "geo": null},
            "slot": null, "promisedAt": null, "serviceTimeSeconds": null, "instruction": null
        },
        "returnOf": null,
        "containers": [
            given["containers"][0],
            {
                "containerId": "BOX-2", "type": null, "description": null,
                "weight": {"value": "0", "unit": "GRAM"}, "attributes": null
            }
        ],
        "pickupQualityChecks": [
            {"code": "SEAL", "description": "intact", "required": false},
            {"code": "IMEI", "description": null, "required": true}
        ],
        "collectOnPickup": {"amount": "0.00", "currency": "JPY"},
        "collectOnDelivery": {"amount": "49.90", "currency": "INR"},
        "customAttributes": {"lane": "B", "score": 0.1}, "attempts": 0, "outcome": null
    }]);
    assert_eq!(order["workOrders"], expected, "{:#}", order["workOrders"]);
}

#[tokio::test]
async fn what_is_left_out_is_null_or_its_default() {
    let app = TestApp::start().await;
    app.define("ORDER", &[("gone", "STRING")]).await;
    let mut input = samples::order(0);
    input["consignee"] = json!({"name": "A", "phone": null, "email": null});
    input["destination"] = json!({"facilityId": "S-1"});
    input["summary"] = Value::Null;
    input["customAttributes"] = json!({"gone": null});
    input["workOrders"] =
        json!([{"type": "PHYSICAL_SERVICE"}, {"type": "DIGITAL_SERVICE", "containers": null}]);
    let (id, _) = app.create(input).await;
    let order = app.execute(&document(), json!({"id": id})).await.data()["order"].clone();

    let place = json!({"address": null, "facilityId": "S-1", "geo": null});
    let person = json!({"name": "A", "phone": null, "email": null});
    for field in ["clientName", "type", "domain", "batchId", "summary"] {
        assert_eq!(order[field], Value::Null, "{field}");
    }
    assert_eq!(order["readyToProcess"], json!(true));
    assert_eq!(order["workOrderFlow"], json!("START_TOGETHER"));
    assert_eq!(order["consignee"], person);
    assert_eq!(order["destination"], place);
    assert_eq!(order["customAttributes"], json!({}));
    let [service, digital] = [&order["workOrders"][0], &order["workOrders"][1]];
    assert_eq!(service["delivery"]["location"], place);
    assert_eq!(service["delivery"]["contact"], person);
    assert_eq!(service["pickup"], Value::Null);
    for field in ["pickup", "delivery", "return", "collectOnPickup", "collectOnDelivery", "description"] {
        assert_eq!(digital[field], Value::Null, "{field}");
    }
    for field in ["containers", "pickupQualityChecks"] {
        assert_eq!(digital[field], json!([]), "{field}");
    }
    assert_eq!(digital["customAttributes"], json!({}));
    assert_eq!(digital["sequence"], json!(2));
}

#[tokio::test]
async fn texts_may_be_as_long_as_documented_counted_in_characters() {
    let app = TestApp::start().await;
    app.define("ORDER", &[("text", "STRING")]).await;
    let name = "ü".repeat(255);
    let instruction = "🚚".repeat(2_000);
    let mut input = samples::with(samples::order(1), "clientOrderId", json!(name));
    input["workOrders"][0]["pickup"]["instruction"] = json!(instruction);
    input["customAttributes"] = json!({"text": "x".repeat(32 * 1024 - r#"{"text":""}"#.len())});
    let (id, _) = app.create(input.clone()).await;
    let order = app.execute(&document(), json!({"id": id})).await.data()["order"].clone();
    assert_eq!(order["clientOrderId"], json!(name));
    assert_eq!(order["workOrders"][0]["pickup"]["instruction"], json!(instruction));
    assert_eq!(order["customAttributes"], input["customAttributes"]);
}

#[tokio::test]
async fn an_order_may_have_a_hundred_work_orders_numbered_as_they_came() {
    let app = TestApp::start().await;
    let mut input = samples::order(100);
    for index in 0..100 {
        input["workOrders"][index]["description"] = json!(format!("number {}", index + 1));
    }
    let (id, ids) = app.create(input).await;
    assert_eq!(ids.len(), 100);
    let order = app.execute(&document(), json!({"id": id})).await.data()["order"].clone();
    for (index, work_order) in order["workOrders"].as_array().unwrap().iter().enumerate() {
        assert_eq!(work_order["sequence"], json!(index + 1));
        assert_eq!(work_order["description"], json!(format!("number {}", index + 1)));
    }
    assert_eq!(app.check_invariants().await.counts(), [1, 100, 103, 0, 0]);
}
