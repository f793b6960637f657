//! Scopes: what is refused for want of one, and what is masked.

use serde_json::{Value, json};
use waybill::access::Scope;

use super::caller;
use crate::harness::{TestApp, samples, text};

/// Every contact of an order.
pub(super) const CONTACTS: &str = "query Q($id: ID!) { order(id: $id) {
    consignee { ...C } workOrders { pickup { contact { ...C } } delivery { contact { ...C } } return { contact { ...C } } } } }
    fragment C on Contact { name phone { countryCode number isMobile } email }";

/// An order with somebody at every stop.
pub(super) fn peopled() -> Value {
    let mut order = samples::order(1);
    order["consignee"]["email"] = json!("asha@example.com");
    let stop = |name: &str| {
        json!({
            "location": {"facilityId": "WH-7"},
            "contact": {"name": name, "phone": {"countryCode": "+91", "number": "8765432109"}},
        })
    };
    order["workOrders"][0]["pickup"] = stop("Peter Pick");
    order["workOrders"][0]["return"] = stop("Rita Return");
    order
}

#[tokio::test]
async fn an_operation_without_its_scope_is_refused_before_anything_happens() {
    let app = TestApp::start().await;
    let (id, _) = app.create(samples::order(1)).await;
    let before = app.stored().await;
    for (document, scopes, lacking) in [
        (
            "{ orders { nodes { id } } }",
            &[Scope::OrdersWrite, Scope::PiiRead][..],
            "Query.orders needs orders:read",
        ),
        ("{ plugins { nodes { id } } }", &[Scope::OrdersRead], "Query.plugins needs config:read"),
        (
            "mutation { orderTransition(input: {id: \"ID\", event: \"CANCEL\"}) { order { id } } }",
            &[Scope::OrdersRead, Scope::ConfigWrite],
            "Mutation.orderTransition needs orders:write",
        ),
        (
            "mutation { a: orderUpdate(input: {id: \"ID\", clientName: \"X\"}) { order { id } }
                b: webhookEndpointCreate(input: {url: \"http://127.0.0.1:1\"}) { secret } }",
            &[],
            "Mutation.orderUpdate needs orders:write; Mutation.webhookEndpointCreate needs config:write",
        ),
        (
            "{ order(id: \"ID\") { pluginRuns { nodes { workflow { name } } } } }",
            &[Scope::OrdersRead],
            "PluginRun.workflow needs config:read",
        ),
        ("{ ...F } fragment F on Query { eventCursor }", &[], "Query.eventCursor needs orders:read"),
        ("query A { viewer { subject } } query B { eventCursor }", &[], ""),
    ] {
        let document = document.replace("ID", &id);
        let reply = app.execute_as(caller(scopes), &document, json!({})).await;
        let expected = if lacking.is_empty() {
            // Which of the two is for the executor to ask.
            ("GRAPHQL_VALIDATION_FAILED".to_owned(), "Operation name required in request.".to_owned())
        } else {
            ("FORBIDDEN".to_owned(), format!("the caller lacks a scope: {lacking}"))
        };
        assert_eq!(reply.error(), expected, "{document}");
        assert_eq!(reply.0["data"], Value::Null);
    }
    assert_eq!(app.stored().await, before);
}

#[tokio::test]
async fn a_scope_is_enough() {
    let app = TestApp::start().await;
    for (document, scopes) in [
        ("{ viewer { subject scopes } }", &[][..]),
        ("{ __schema { queryType { name } } }", &[]),
        ("{ orders { nodes { id } } orderEvents { nodes { id } } }", &[Scope::OrdersRead]),
        ("{ orders { nodes { id } } plugins { nodes { id } } }", &[Scope::Admin]),
        ("{ lifecycle(owner: ORDER) { version } }", &[Scope::ConfigRead]),
    ] {
        app.execute_as(caller(scopes), document, json!({})).await.data();
    }
    let input = json!({"input": samples::order(1)});
    let create = "mutation M($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
    app.execute_as(caller(&[Scope::OrdersWrite]), create, input).await.data();
    let viewer =
        app.execute_as(caller(&[Scope::PiiRead, Scope::OrdersRead]), "{ viewer { scopes } }", json!({}));
    assert_eq!(viewer.await.data(), json!({"viewer": {"scopes": ["orders:read", "pii:read"]}}));
}

#[tokio::test]
async fn what_is_found_by_its_id_needs_the_scope_of_its_kind() {
    let app = TestApp::start().await;
    let (order, _) = app.create(samples::order(1)).await;
    let definition = app.define_as(json!({"owner": "ORDER", "key": "k", "type": "STRING"})).await;
    let document = "query Q($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    for (id, enough, message) in [
        (&order, Scope::OrdersRead, "what has an id of the form ord_… needs orders:read"),
        (&definition, Scope::ConfigRead, "what has an id of the form atd_… needs config:read"),
    ] {
        let variables = json!({"ids": [id]});
        let found = app.execute_as(caller(&[enough]), document, variables.clone()).await.data();
        assert_eq!(found["nodes"][0]["id"], json!(id));
        let refused = app.execute_as(caller(&[Scope::PiiRead]), document, variables).await;
        assert_eq!(refused.error(), ("FORBIDDEN".to_owned(), format!("the caller lacks a scope: {message}")));
    }
}

#[tokio::test]
async fn contacts_are_masked_without_the_scope() {
    let app = TestApp::start().await;
    let (id, _) = app.create(peopled()).await;
    let variables = json!({"id": id});
    let whole = app.execute(CONTACTS, variables.clone()).await.data()["order"].clone();
    let consignee = json!({
        "name": "Asha Rao", "email": "asha@example.com",
        "phone": {"countryCode": "+91", "number": "9876543210", "isMobile": true},
    });
    assert_eq!(whole["consignee"], consignee);
    assert_eq!(whole["workOrders"][0]["delivery"]["contact"], consignee);
    assert_eq!(whole["workOrders"][0]["pickup"]["contact"]["name"], json!("Peter Pick"));
    assert_eq!(whole["workOrders"][0]["return"]["contact"]["name"], json!("Rita Return"));

    // The same document, which is kept by now.
    let masked =
        app.execute_as(caller(&[Scope::OrdersRead]), CONTACTS, variables).await.data()["order"].clone();
    let stars = |is_mobile: Value| json!({"countryCode": "***", "number": "***", "isMobile": is_mobile});
    let consignee = json!({"name": "***", "email": "***", "phone": stars(json!(true))});
    let other = json!({"contact": {"name": "***", "email": null, "phone": stars(Value::Null)}});
    assert_eq!(
        masked,
        json!({"consignee": consignee, "workOrders": [
            {"pickup": other, "return": other, "delivery": {"contact": consignee}}
        ]})
    );
}

#[tokio::test]
async fn a_document_that_is_kept_is_checked_for_each_caller() {
    let app = TestApp::start().await;
    let document = "query Kept { orders { nodes { id } } }";
    let schema = waybill::graphql::schema(&waybill::config::Config::default());
    for (scopes, allowed) in
        [(&[Scope::OrdersRead][..], true), (&[], false), (&[Scope::Admin], true), (&[], false)]
    {
        let endpoint =
            waybill::graphql::Endpoint::new(schema.clone(), app.app.clone(), caller(scopes), "test");
        let response = endpoint.execute(&waybill::graphql::Request::new(document)).await;
        assert_eq!(response.is_ok(), allowed, "{scopes:?}");
    }
}

#[tokio::test]
async fn history_holds_nothing_personal_for_anybody() {
    let app = TestApp::start().await;
    let (id, work_orders) = app.create(peopled()).await;
    let consignee = json!({"name": "Nadia New", "email": "nadia@example.com"});
    app.mutate("orderUpdate", json!({"id": id, "consignee": consignee}), "userErrors { code }").await;
    let pickup = json!({"location": {"facilityId": "WH-7"}, "contact": {"name": "Paul Other"}});
    app.mutate("workOrderUpdate", json!({"id": work_orders[0], "pickup": pickup}), "userErrors { code }")
        .await;
    let events = app.run("{ orderEvents(first: 100) { nodes { type changes note } } }").await.data();
    let events = text(&json!(events.to_string()));
    assert!(events.contains("ORDER_UPDATED") && events.contains("WORK_ORDER_UPDATED"), "{events}");
    for personal in ["Asha", "Nadia", "Paul", "Peter", "98765", "87654", "example.com"] {
        assert!(!events.contains(personal), "{personal}: {events}");
    }
}
