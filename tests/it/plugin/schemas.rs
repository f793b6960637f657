//! The JSON Schemas of the documentation describe what is really sent and understood.

use chrono::Utc;
use regex::Regex;
use serde_json::{Value, json};
use waybill::domain::plugin::{Answer, Attempt, judge};

use super::{plugin, workflow};
use crate::harness::{
    PluginServer, TestApp,
    samples::{order, with},
};

const REQUEST: &str = include_str!("../../../docs/schemas/plugin-request.schema.json");
const ANSWER: &str = include_str!("../../../docs/schemas/plugin-answer.schema.json");

/// What keeps a value from being as a schema says. Knows the keywords that these schemas use, and no other.
fn violations(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    let wrong = |what: &Value| vec![format!("{at}: {value} is not {what}")];
    for (keyword, rule) in schema.as_object().unwrap() {
        found.extend(match keyword.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" | "format" | "required" => Vec::new(),
            "$ref" => {
                let target = root.pointer(rule.as_str().unwrap().strip_prefix('#').unwrap()).unwrap();
                violations(root, target, value, at)
            }
            "type" => {
                let named = |name: &Value| match name.as_str().unwrap() {
                    "null" => value.is_null(),
                    "string" => value.is_string(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "number" => value.is_number(),
                    "boolean" => value.is_boolean(),
                    "array" => value.is_array(),
                    "object" => value.is_object(),
                    other => panic!("unknown type {other}"),
                };
                let names = rule.as_array().map_or_else(|| std::slice::from_ref(rule), Vec::as_slice);
                if names.iter().any(named) { Vec::new() } else { wrong(rule) }
            }
            "enum" if rule.as_array().unwrap().contains(value) => Vec::new(),
            "pattern" => match value.as_str() {
                Some(text) if !Regex::new(rule.as_str().unwrap()).unwrap().is_match(text) => wrong(rule),
                _ => Vec::new(),
            },
            "minimum" if value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()) => Vec::new(),
            "maxLength"
                if value
                    .as_str()
                    .is_none_or(|text| text.chars().count() as u64 <= rule.as_u64().unwrap()) =>
            {
                Vec::new()
            }
            "minItems" if value.as_array().is_none_or(|list| list.len() as u64 >= rule.as_u64().unwrap()) => {
                Vec::new()
            }
            "items" => {
                let members = value.as_array().map(Vec::as_slice).unwrap_or_default();
                let each = |(index, member)| violations(root, rule, member, &format!("{at}/{index}"));
                members.iter().enumerate().flat_map(each).collect()
            }
            "properties" => {
                let Some(members) = value.as_object() else { continue };
                let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
                let missing = required.filter(|name| !members.contains_key(name.as_str().unwrap()));
                let missing: Vec<_> = missing.map(|name| format!("{at}: {name} is missing")).collect();
                let each = |(name, member): (&String, &Value)| match rule.get(name) {
                    Some(rule) => violations(root, rule, member, &format!("{at}/{name}")),
                    // A schema is open to what later versions add, but what there is now is described.
                    None if schema.get("required").is_some() && at.split('/').count() < 3 => {
                        vec![format!("{at}/{name} is not described")]
                    }
                    None => Vec::new(),
                };
                members.iter().flat_map(each).chain(missing).collect()
            }
            "anyOf" => {
                let any = rule.as_array().unwrap().iter().any(|rule| match rule.get("required") {
                    Some(names) => names
                        .as_array()
                        .unwrap()
                        .iter()
                        .all(|name| value.get(name.as_str().unwrap()).is_some()),
                    None => violations(root, rule, value, at).is_empty(),
                });
                if any { Vec::new() } else { wrong(rule) }
            }
            "enum" | "minimum" | "maxLength" | "minItems" => wrong(rule),
            other => panic!("the schema uses the keyword {other}, which this test does not know"),
        });
    }
    found
}

#[tokio::test]
async fn real_requests_are_as_the_schema_says() {
    let schema: Value = serde_json::from_str(REQUEST).unwrap();
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let (plugin_id, _) = plugin(&app, "checker", json!({"url": server.url})).await;
    workflow(&app, "checker", &plugin_id, "REJECT").await;
    let mut full = with(order(2), "clientName", json!("ACME"));
    full["summary"] =
        json!({"invoiceNumber": "I-1", "totalItems": 2, "totalCost": {"amount": "49.90", "currency": "INR"}});
    full["consignee"]["email"] = json!("asha@example.org");
    full["destination"]["geo"] = json!({"latitude": 12.97, "longitude": 77.59});
    full["workOrders"][0]["collectOnDelivery"] = json!({"amount": "49.90", "currency": "INR"});
    full["workOrders"][1] = json!({"type": "DIGITAL_SERVICE", "description": "KYC"});
    for input in [order(1), full] {
        app.create(input).await;
        assert_eq!(app.settle().await, 1);
    }
    let calls = server.calls();
    assert_eq!(calls.len(), 2);
    for call in calls {
        assert_eq!(violations(&schema, &schema, &call.body, ""), Vec::<String>::new(), "{:#}", call.body);
        // And the schema does say something.
        let mut broken = call.body.clone();
        broken["order"]["version"] = json!("1");
        broken["run"].as_object_mut().unwrap().remove("step");
        assert_eq!(
            violations(&schema, &schema, &broken, ""),
            ["/order/version: \"1\" is not \"integer\"", "/run: \"step\" is missing"]
        );
    }
}

#[test]
fn answers_that_the_schema_describes_are_understood_and_others_are_not() {
    let schema: Value = serde_json::from_str(ANSWER).unwrap();
    let reasons = json!([{"code": "A", "message": "b", "path": "c"}, {"message": "d"}, {"code": "E"}]);
    for (answer, described) in [
        (json!({}), true),
        (json!({"verdict": null}), true),
        (json!({"verdict": "PASS"}), true),
        (json!({"verdict": "REJECT"}), true),
        (json!({"verdict": "REJECT", "reasons": reasons}), true),
        (json!({"verdict": "PASS", "more": {"of": "ours"}}), true),
        (json!({"verdict": "ENRICH", "patch": {"clientName": "ACME"}}), true),
        (json!({"verdict": "ENRICH", "patch": 1}), false),
        (json!({"verdict": "DEFER"}), true),
        (json!({"verdict": "MAYBE"}), false),
        (json!({"verdict": 1}), false),
        (json!({"verdict": {}}), false),
    ] {
        let body = answer.to_string();
        let judged =
            judge(&Attempt::Response { status: 200, body: body.as_bytes(), retry_after: None }, Utc::now());
        assert_eq!(violations(&schema, &schema, &answer, "").is_empty(), described, "{answer}");
        assert_eq!(!matches!(judged, Answer::Fail { .. }), described, "{answer}: {judged:?}");
    }
    for reason in [json!({}), json!({"path": "x"}), json!({"code": 1}), json!({"code": "x".repeat(65)})] {
        assert!(!violations(&schema, &schema, &json!({"reasons": [reason]}), "").is_empty(), "{reason}");
    }
}
