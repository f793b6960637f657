//! What the values look like in the SDL.

use super::{runtime, schema};

/// The members of a definition in the SDL, without descriptions, in one line.
fn members(sdl: &str, head: &str) -> String {
    let mut is_described = false;
    sdl.lines()
        .skip_while(|line| *line != format!("{head} {{"))
        .skip(1)
        .take_while(|line| *line != "}")
        .map(str::trim)
        .filter(|line| {
            let is_mark = *line == "\"\"\"";
            is_described ^= is_mark;
            !is_described && !is_mark
        })
        .collect::<Vec<_>>()
        .join("  ")
}

#[test]
fn the_schema_says_what_the_contract_says() {
    let sdl = schema().sdl();
    for (head, expected) in [
        ("type Contact", "name: String!  phone: Phone  email: String"),
        ("type Phone", "countryCode: String!  number: String!  isMobile: Boolean"),
        ("type Location", "address: Address  facilityId: String  geo: GeoPoint"),
        (
            "type Address",
            "line1: String!  line2: String  city: String!  state: String  postalCode: String  country: String!",
        ),
        ("type GeoPoint", "latitude: Float!  longitude: Float!"),
        (
            "type Stop",
            "contact: Contact  location: Location  slot: TimeSlot  promisedAt: DateTime  serviceTimeSeconds: Int  \
             instruction: String",
        ),
        ("type TimeSlot", "from: DateTime!  to: DateTime!"),
        ("type Money", "amount: Decimal!  currency: String!"),
        ("type Weight", "value: Decimal!  unit: WeightUnit!"),
        (
            "type OrderSummary",
            "invoiceNumber: String  description: String  totalItems: Int  totalWeight: Weight  totalCost: Money",
        ),
        (
            "type Container",
            "containerId: String!  type: String  description: String  weight: Weight  attributes: JSON",
        ),
        ("type QualityCheck", "code: String!  description: String  required: Boolean!"),
        ("input ContactInput", "name: String!  phone: PhoneInput  email: String"),
        ("input PhoneInput", "countryCode: String!  number: String!  isMobile: Boolean"),
        ("input LocationInput", "address: AddressInput  facilityId: String  geo: GeoPointInput"),
        (
            "input AddressInput",
            "line1: String!  line2: String  city: String!  state: String  postalCode: String  country: String!",
        ),
        ("input GeoPointInput", "latitude: Float!  longitude: Float!"),
        (
            "input StopInput",
            "contact: ContactInput  location: LocationInput!  slot: TimeSlotInput  serviceTimeSeconds: Int  \
             instruction: String",
        ),
        (
            "input DeliveryInput",
            "slot: TimeSlotInput  promisedAt: DateTime  serviceTimeSeconds: Int  instruction: String",
        ),
        ("input TimeSlotInput", "from: DateTime!  to: DateTime!"),
        ("input MoneyInput", "amount: Decimal!  currency: String!"),
        ("input WeightInput", "value: Decimal!  unit: WeightUnit!"),
        (
            "input OrderSummaryInput",
            "invoiceNumber: String  description: String  totalItems: Int  totalWeight: WeightInput  \
             totalCost: MoneyInput",
        ),
        (
            "input ContainerInput",
            "containerId: String!  type: String  description: String  weight: WeightInput  attributes: JSON",
        ),
        ("input QualityCheckInput", "code: String!  description: String  required: Boolean = true"),
        (
            "input OrderWorkOrderInput",
            "type: WorkOrderType!  description: String  pickup: StopInput  delivery: DeliveryInput  \
             return: StopInput  containers: [ContainerInput!]  pickupQualityChecks: [QualityCheckInput!]  \
             collectOnPickup: MoneyInput  collectOnDelivery: MoneyInput  customAttributes: JSON",
        ),
        (
            "input OrderCreateInput",
            "idempotencyKey: String  clientId: String!  clientOrderId: String!  clientName: String  type: String  \
             domain: String  batchId: String  readyToProcess: Boolean = true  \
             workOrderFlow: WorkOrderFlow = START_TOGETHER  consignee: ContactInput!  destination: LocationInput!  \
             summary: OrderSummaryInput  customAttributes: JSON  workOrders: [OrderWorkOrderInput!]!",
        ),
        (
            "input OrderUpdateInput",
            "id: ID!  expectedVersion: Int  idempotencyKey: String  clientName: String  type: String  \
             domain: String  batchId: String  consignee: ContactInput  destination: LocationInput  \
             summary: OrderSummaryInput  customAttributes: JSON",
        ),
        ("enum WorkOrderType", "MOVE_CONTAINERS  PHYSICAL_SERVICE  DIGITAL_SERVICE"),
        ("enum WorkOrderFlow", "START_TOGETHER  COMPLETE_TOGETHER  SEQUENTIAL"),
        ("enum Direction", "FORWARD  RETURN"),
        ("enum Phase", "PENDING  ACTIVE  SETTLED"),
        ("enum Outcome", "SUCCEEDED  PARTIALLY_SUCCEEDED  FAILED  CANCELLED  REJECTED"),
        ("enum CancellationStatus", "REQUESTED  RETURNING  COMPLETED  REFUSED"),
        ("enum WeightUnit", "GRAM  KILOGRAM  TONNE"),
    ] {
        assert_eq!(members(&sdl, head), expected, "{head}");
    }
    for scalar in ["scalar DateTime", "scalar Decimal", "scalar JSON"] {
        assert!(sdl.contains(scalar), "{scalar}");
    }
}

#[test]
fn everything_has_a_description() {
    let query = "{ __schema { types { name description fields { name description } inputFields { name description } \
                 enumValues { name description } } } }";
    let response = runtime().block_on(schema().execute(query)).into_result().unwrap();
    let data = response.data.into_json().unwrap();
    for kind in data["__schema"]["types"].as_array().unwrap() {
        let name = kind["name"].as_str().unwrap();
        // Those of the language itself are not ours to describe.
        if name.starts_with("__") || name == "ID" {
            continue;
        }
        assert!(kind["description"].is_string(), "{name}");
        for list in ["fields", "inputFields", "enumValues"] {
            for member in kind[list].as_array().into_iter().flatten() {
                assert!(member["description"].is_string(), "{name}.{}", member["name"]);
            }
        }
    }
}
