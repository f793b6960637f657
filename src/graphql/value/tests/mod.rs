//! Inputs and outputs, by way of a schema that has nothing but them.

mod contract;

use async_graphql::{EmptyMutation, EmptySubscription, Object, Request, Schema, Variables};
use serde_json::{Value, json};

use super::input::{
    ContainerInput, DeliveryInput, LocationInput, OrderSummaryInput, QualityCheckInput, StopInput,
};
use super::*;
use crate::{
    access::Caller,
    domain::{
        lifecycle, order,
        problem::{Found, Path},
        value,
    },
    graphql::{contact, scalar::Json},
};

struct Query;

/// Values in, values out.
#[Object]
impl Query {
    /// The problems of a new order, or its debug form where there are none.
    async fn create(&self, input: OrderCreateInput) -> Vec<String> {
        let mut found = Found::new();
        let new = input.into_domain(&Path::root(), &mut found);
        found.absorb(order::check(&new));
        shown(found, &new)
    }

    /// The same for an update.
    async fn update(&self, input: OrderUpdateInput) -> Vec<String> {
        let mut found = Found::new();
        let patch = input.into_domain(&Path::root(), &mut found);
        shown(found, &patch)
    }

    /// Containers.
    async fn containers(&self, input: Vec<ContainerInput>) -> Vec<Container> {
        let containers = ContainerInput::into_domain_list(input, &Path::root(), &mut Found::new());
        containers.into_iter().map(Into::into).collect()
    }

    /// A stop.
    async fn pickup(&self, input: StopInput) -> Stop {
        let mut stop = value::Stop::from(input);
        let contact = stop.contact.take().map(|contact| contact::shown(&Caller::local(), contact));
        Stop::of_place(stop, contact)
    }

    /// A delivery.
    async fn delivery(&self, input: DeliveryInput, location: LocationInput) -> Stop {
        Stop::of_delivery(Some(input.into()), None, Some(location.into()))
    }

    /// A summary.
    async fn summary(&self, input: OrderSummaryInput) -> OrderSummary {
        value::Summary::from(input).into()
    }

    /// A quality check.
    async fn check(&self, input: QualityCheckInput) -> QualityCheck {
        value::QualityCheck::from(input).into()
    }

    /// Any JSON.
    async fn json(&self, input: Json) -> Json {
        input
    }

    /// A phase.
    async fn phase(&self) -> Phase {
        lifecycle::Phase::Pending.into()
    }

    /// An outcome.
    async fn outcome(&self) -> Outcome {
        lifecycle::Outcome::PartiallySucceeded.into()
    }

    /// A direction.
    async fn direction(&self) -> Direction {
        lifecycle::Direction::Return.into()
    }

    /// Where a cancellation stands.
    async fn cancellation(&self) -> CancellationStatus {
        lifecycle::CancellationStatus::Returning.into()
    }
}

fn shown(found: Found, input: &impl std::fmt::Debug) -> Vec<String> {
    let Err(problems) = found.or(()) else { return vec![format!("{input:?}")] };
    problems.as_slice().iter().map(|problem| format!("{} {}", problem.code.as_str(), problem.path)).collect()
}

fn schema() -> Schema<Query, EmptyMutation, EmptySubscription> {
    Schema::new(Query, EmptyMutation, EmptySubscription)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

/// The response's JSON, as a client gets it.
fn execute(query: &str, variables: &Value) -> String {
    let request = Request::new(query).variables(Variables::from_json(variables.clone()));
    serde_json::to_string(&runtime().block_on(schema().execute(request))).unwrap()
}

/// What the fields `create` and `update` answer.
fn lines(field: &str, input: &Value) -> Vec<String> {
    let kind = if field == "create" { "OrderCreateInput" } else { "OrderUpdateInput" };
    let response =
        execute(&format!("query ($input: {kind}!) {{ {field}(input: $input) }}"), &json!({ "input": input }));
    let response: Value = serde_json::from_str(&response).unwrap();
    serde_json::from_value(response["data"][field].clone()).unwrap_or_else(|_| panic!("{response}"))
}

fn order_input() -> Value {
    json!({
        "clientId": "c1",
        "clientOrderId": "A-1",
        "consignee": { "name": "Ada" },
        "destination": { "facilityId": "hub-1" },
        "workOrders": [{ "type": "DIGITAL_SERVICE" }],
    })
}

#[test]
fn what_is_left_out_or_null_has_its_default() {
    let mut with_nulls = order_input();
    for field in ["readyToProcess", "workOrderFlow", "customAttributes", "summary", "idempotencyKey"] {
        with_nulls[field] = Value::Null;
    }
    with_nulls["workOrders"][0]["containers"] = Value::Null;
    with_nulls["workOrders"][0]["pickupQualityChecks"] = Value::Null;
    for input in [order_input(), with_nulls] {
        let [order] = &lines("create", &input)[..] else { panic!("problems") };
        for part in ["ready_to_process: true", "flow: StartTogether", r#"Document("{}")"#, "containers: []"] {
            assert!(order.contains(part), "{part} in {order}");
        }
    }
}

#[test]
fn an_order_arrives_whole() {
    let mut input = order_input();
    input["type"] = json!("PARCEL");
    input["readyToProcess"] = json!(false);
    input["workOrderFlow"] = json!("SEQUENTIAL");
    input["customAttributes"] = json!({"priority": 1, "none": null});
    input["workOrders"] = json!([{
        "type": "MOVE_CONTAINERS",
        "pickup": { "location": { "facilityId": "p1" } },
        "return": { "location": { "facilityId": "r1" } },
        "containers": [{ "containerId": "k1", "attributes": { "fragile": true } }],
        "pickupQualityChecks": [{ "code": "SEAL" }, { "code": "BOX", "required": false }],
        "collectOnDelivery": { "amount": "49.90", "currency": "EUR" },
        "customAttributes": { "zone": "n" },
    }]);
    let [order] = &lines("create", &input)[..] else { panic!("problems") };
    for part in [
        r#"kind: Some("PARCEL")"#,
        "ready_to_process: false",
        "flow: Sequential",
        r#"Document("{\"priority\":1}")"#,
        r#"facility_id: Some("p1")"#,
        r#"facility_id: Some("r1")"#,
        r#"Document("{\"fragile\":true}")"#,
        r#"QualityCheck { code: "SEAL", description: None, required: true }"#,
        r#"QualityCheck { code: "BOX", description: None, required: false }"#,
        "amount: 49.90",
        r#"Document("{\"zone\":\"n\"}")"#,
    ] {
        assert!(order.contains(part), "{part} in {order}");
    }
}

#[test]
fn problems_of_json_stand_beside_the_others() {
    let mut input = order_input();
    input["clientId"] = json!("");
    input["customAttributes"] = json!([1]);
    input["workOrders"] = json!([
        { "type": "DIGITAL_SERVICE", "customAttributes": { "a": { "$serde_json::private::RawValue": "[1]" } } },
        { "type": "MOVE_CONTAINERS", "containers": [{ "containerId": "k1", "attributes": "x" }] },
    ]);
    assert_eq!(
        lines("create", &input),
        [
            "INVALID customAttributes",
            "INVALID workOrders.0.customAttributes.a",
            "INVALID workOrders.1.containers.0.attributes",
            "REQUIRED clientId",
            "REQUIRED workOrders.1.pickup",
        ]
    );
}

#[test]
fn an_update_tells_absence_from_null() {
    let [patch] = &lines("update", &json!({ "id": "ord_1", "clientName": null, "type": "X" }))[..] else {
        panic!("problems")
    };
    assert_eq!(
        patch,
        "OrderPatch { client_name: Clear, kind: Set(\"X\"), domain: Keep, batch_id: Keep, consignee: None, \
         destination: None, summary: Keep, custom_attributes: None }"
    );
    assert_eq!(
        lines(
            "update",
            &json!({ "id": "1", "consignee": null, "destination": null, "customAttributes": null })
        ),
        ["REQUIRED consignee", "REQUIRED destination", "INVALID customAttributes"]
    );
    let [patch] = &lines("update", &json!({ "id": "1", "customAttributes": { "a": null, "b": 1 } }))[..]
    else {
        panic!("problems")
    };
    assert!(patch.contains(r#"custom_attributes: Some({"a": Null, "b": Number(1)})"#), "{patch}");
}

#[test]
fn values_come_out_as_they_went_in() {
    let stop = json!({
        "contact": { "name": "Ada", "phone": { "countryCode": "+44", "number": "2079460000", "isMobile": null } },
        "location": {
            "address": { "line1": "L1", "city": "Berlin", "postalCode": "10117", "country": "DE" },
            "geo": { "latitude": 52.52, "longitude": 13.4 },
        },
        "slot": { "from": "2026-03-01T10:00:00+01:00", "to": "2026-03-01T12:00:00Z" },
        "serviceTimeSeconds": 60,
    });
    assert_eq!(
        execute(
            "query ($input: StopInput!) { pickup(input: $input) { contact { name phone { countryCode number isMobile } \
             email } location { address { line1 line2 city state postalCode country } facilityId geo { latitude \
             longitude } } slot { from to } promisedAt serviceTimeSeconds instruction } }",
            &json!({ "input": stop })
        ),
        concat!(
            r#"{"data":{"pickup":{"contact":{"name":"Ada","phone":{"countryCode":"+44","number":"2079460000","#,
            r#""isMobile":null},"email":null},"location":{"address":{"line1":"L1","line2":null,"city":"Berlin","#,
            r#""state":null,"postalCode":"10117","country":"DE"},"facilityId":null,"geo":{"latitude":52.52,"#,
            r#""longitude":13.4}},"slot":{"from":"2026-03-01T09:00:00Z","to":"2026-03-01T12:00:00Z"},"#,
            r#""promisedAt":null,"serviceTimeSeconds":60,"instruction":null}}}"#
        )
    );
    assert_eq!(
        execute(
            r#"{ delivery(input: { promisedAt: "2026-03-01T10:00:00.25Z", instruction: "ring" }, location: { facilityId:
            "f" }) { contact { name } location { facilityId } slot { from } promisedAt instruction } }"#,
            &Value::Null
        ),
        concat!(
            r#"{"data":{"delivery":{"contact":null,"location":{"facilityId":"f"},"slot":null,"#,
            r#""promisedAt":"2026-03-01T10:00:00.250Z","instruction":"ring"}}}"#
        )
    );
    assert_eq!(
        execute(
            r#"{ summary(input: { totalItems: 2, totalWeight: { value: 1.5, unit: KILOGRAM }, totalCost: { amount:
            "49.90", currency: "EUR" } }) { invoiceNumber description totalItems totalWeight { value unit } totalCost {
            amount currency } } check(input: { code: "SEAL" }) { code description required } }"#,
            &Value::Null
        ),
        concat!(
            r#"{"data":{"summary":{"invoiceNumber":null,"description":null,"totalItems":2,"totalWeight":{"#,
            r#""value":"1.5","unit":"KILOGRAM"},"totalCost":{"amount":"49.90","currency":"EUR"}},"#,
            r#""check":{"code":"SEAL","description":null,"required":true}}}"#
        )
    );
    assert_eq!(
        execute(
            r#"{ containers(input: [{ containerId: "k1", type: "BOX", attributes: { a: [1, null, X], b: {} } }, {
            containerId: "k2", attributes: null }]) { containerId type weight { value } attributes } }"#,
            &Value::Null
        ),
        concat!(
            r#"{"data":{"containers":[{"containerId":"k1","type":"BOX","weight":null,"#,
            r#""attributes":{"a":[1,null,"X"],"b":{}}},{"containerId":"k2","type":null,"weight":null,"#,
            r#""attributes":null}]}}"#
        )
    );
    assert_eq!(
        execute("{ phase outcome direction cancellation }", &Value::Null),
        concat!(
            r#"{"data":{"phase":"PENDING","outcome":"PARTIALLY_SUCCEEDED","direction":"RETURN","#,
            r#""cancellation":"RETURNING"}}"#
        )
    );
}

#[test]
fn json_of_a_caller_is_never_raw() {
    let object = r#"{"$serde_json::private::RawValue":"{\"forged\":true}"}"#;
    // The server reads variables straight from the text; `Variables::from_json` would take the object for raw JSON.
    let variables = serde_json::from_str(&format!(r#"{{"input":{object}}}"#)).unwrap();
    let request = Request::new("query ($input: JSON!) { json(input: $input) }").variables(variables);
    let response = runtime().block_on(schema().execute(request));
    let response = serde_json::to_string(&response).unwrap();
    assert_eq!(response, format!(r#"{{"data":{{"json":{object}}}}}"#));
}
