//! Requests that are made of a template.

use serde_json::{Value, json};

use super::{plugin, refused, workflow};
use crate::harness::{Call, PluginServer, TestApp, samples::order};

/// The call that a plugin with a template gets for an order of two work orders, and the order's id.
async fn called(method: &str, template: Value) -> (Call, String) {
    let app = TestApp::start().await;
    let server = PluginServer::start().await;
    let http = json!({"url": format!("{}?key=1", server.url), "method": method, "bodyTemplate": template});
    let (plugin_id, _) = plugin(&app, "checker", http).await;
    workflow(&app, "checker", &plugin_id, "REJECT").await;
    let shown = app.run("{ plugins { nodes { http { bodyTemplate } } } }").await.data();
    assert_eq!(shown["plugins"]["nodes"][0]["http"]["bodyTemplate"], template);
    let (id, _) = app.create(order(2)).await;
    assert_eq!(app.settle().await, 1);
    let mut calls = server.calls();
    assert_eq!(calls.len(), 1);
    (calls.remove(0), id)
}

#[tokio::test]
async fn a_template_makes_the_body() {
    let template = json!({
        "shipment": {"$expr": "$.order.id"},
        "to": {"$expr": "$.order.destination.address.postalCode"},
        "boxes": {"$expr": "$.order.workOrders[*].containers[*].containerId"},
        "reason": {"$expr": "$.event.reasonCode"},
        "source": {"$val": "waybill"},
        "flags": [true, {"$expr": "$.order.readyToProcess"}],
    });
    let (call, id) = called("POST", template).await;
    assert_eq!(
        call.body,
        json!({
            "shipment": id, "to": "560001", "boxes": ["BOX-1", "BOX-1"], "reason": null, "source": "waybill",
            "flags": [true, true],
        })
    );
    assert_eq!(call.query.as_deref(), Some("key=1"));
}

#[tokio::test]
async fn with_get_the_members_of_a_template_are_query_parameters() {
    let template = json!({
        "order": {"$expr": "$.order.id"},
        "sequences": {"$expr": "$.order.workOrders[*].sequence"},
        "version": {"$expr": "$.order.version"},
        "nothing": {"$expr": "$.order.batchId"},
        "city": "a b&c",
    });
    let (call, id) = called("GET", template).await;
    assert_eq!(call.raw.as_ref(), b"");
    let query = call.query.unwrap();
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let pairs: Vec<(&str, &str)> =
        pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut expected =
        [("key", "1"), ("order", id.as_str()), ("sequences", "[1,2]"), ("version", "1"), ("city", "a b&c")];
    expected[1..].sort_unstable();
    let mut sorted = pairs.clone();
    sorted[1..].sort_unstable();
    assert_eq!(sorted, expected);
}

#[tokio::test]
async fn what_is_wrong_with_a_template_is_named_when_it_is_saved() {
    let app = TestApp::start().await;
    let http = |method: &str, template: Value| {
        json!({"name": "checker", "http": {
            "url": "https://plugins.example", "method": method, "bodyTemplate": template,
        }})
    };
    for (input, problems) in [
        (
            http("POST", json!({"a": {"$expr": "order.id"}, "b": [{"$expr": 1}], "c": {"$foo": 1}})),
            vec![
                "INVALID http.bodyTemplate.a.$expr",
                "INVALID http.bodyTemplate.b.0.$expr",
                "INVALID http.bodyTemplate.c.$foo",
            ],
        ),
        (http("GET", json!([1])), vec!["INVALID http.bodyTemplate"]),
        (http("GET", json!({"$expr": "$.order"})), vec!["INVALID http.bodyTemplate"]),
    ] {
        assert_eq!(refused(&app, "pluginCreate", input).await.0, problems);
    }
}
