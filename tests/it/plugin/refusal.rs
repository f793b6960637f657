//! What a plugin's address may be is checked again at every call.

use serde_json::json;
use waybill::outbound::{AddressRules, Client};

use super::{gate, order_of, plugin, runs, workflow};
use crate::harness::{PluginServer, TestApp, samples::order};

/// Makes the service one whose operator allowed no private network.
pub(super) fn allow_no_private_network(app: &mut TestApp) {
    app.app.outbound = Client::new(AddressRules::default()).unwrap();
    app.router = waybill::http::router(app.app.clone());
}

#[tokio::test]
async fn an_address_that_is_not_allowed_any_more_is_not_called() {
    let mut app = TestApp::start().await;
    let server = PluginServer::start().await;
    gate(&app, "checker", &server).await;
    let (id, _) = app.create(order(1)).await;
    allow_no_private_network(&mut app);
    assert_eq!(app.settle().await, 1);
    assert!(server.calls().is_empty());
    assert_eq!(
        order_of(&app, &id, "status outcome").await,
        json!({"status": "CLOSED", "outcome": "REJECTED"})
    );
    let attempts = runs(&app).await[0]["steps"][0]["attempts"].clone();
    let error = attempts[0]["error"].as_str().unwrap();
    assert!(error.contains("127.0.0.1") && error.contains("may not be called"), "{error}");
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_not_called() {
    let mut app = TestApp::start().await;
    let server = PluginServer::start().await;
    let url = server.url.replace("127.0.0.1", "localhost");
    let (plugin_id, _) = plugin(&app, "checker", json!({"url": url})).await;
    workflow(&app, "checker", &plugin_id, "REJECT").await;
    let (id, _) = app.create(order(1)).await;
    allow_no_private_network(&mut app);
    for _ in 0..20 {
        app.settle().await;
        app.advance(chrono::Duration::minutes(2));
    }
    assert!(server.calls().is_empty());
    assert_eq!(
        order_of(&app, &id, "status outcome").await,
        json!({"status": "CLOSED", "outcome": "REJECTED"})
    );
}
