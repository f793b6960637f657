//! `/healthz` and `/readyz`.

use serde_json::json;
use tokio_util::sync::CancellationToken;
use waybill::http::{Sockets, router_until};

use super::get;
use crate::harness::TestApp;

#[tokio::test]
async fn a_server_with_its_store_is_up_and_ready() {
    let app = TestApp::start().await;
    let up = get(&app, "/healthz").await;
    assert_eq!((up.status, up.json()), (200, json!({"status": "up"})));
    let ready = get(&app, "/readyz").await;
    assert_eq!((ready.status, ready.json()), (200, json!({"status": "ready"})));
}

#[tokio::test]
async fn a_server_without_its_store_is_up_but_not_ready() {
    let app = TestApp::start().await;
    app.app.database.clone().close().await;
    assert_eq!(get(&app, "/healthz").await.status, 200);
    let ready = get(&app, "/readyz").await;
    let expected = json!({"status": "not ready", "reason": "the database does not answer"});
    assert_eq!((ready.status, ready.json()), (503, expected));
}

#[tokio::test]
async fn a_server_that_stops_is_up_but_not_ready() {
    let mut app = TestApp::start().await;
    let stopping = CancellationToken::new();
    app.router = router_until(app.app.clone(), Sockets::new(stopping.clone()));
    assert_eq!(get(&app, "/readyz").await.status, 200);
    stopping.cancel();
    assert_eq!(get(&app, "/healthz").await.status, 200);
    let ready = get(&app, "/readyz").await;
    let expected = json!({"status": "not ready", "reason": "the server is stopping"});
    assert_eq!((ready.status, ready.json()), (503, expected));
}
