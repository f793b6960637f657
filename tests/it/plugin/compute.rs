//! Templates and expressions that take too long: they end, fail their own step, and nobody else waits for them. That they
//! are computed on other threads is tested beside `Compute`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use waybill::{access::Caller, store::Tenant};

use super::{order_of, plugin, runs, workflow};
use crate::harness::{
    PluginServer, TestApp,
    samples::{move_containers, order, with},
    text,
};

/// What another tenant may wait, where nothing is optimised.
const SOON: Duration = Duration::from_secs(1);

/// An order with much in it.
async fn large(app: &TestApp) -> Value {
    app.define("WORK_ORDER", &[("data", "ARRAY")]).await;
    let data: Vec<_> = (0..4_000).map(|number| number % 1_000).collect();
    let full = with(move_containers(), "customAttributes", json!({"data": data}));
    with(order(0), "workOrders", json!(vec![full; 60]))
}

/// Does something while another tenant asks again and again; gives how long it took, and the longest that the other
/// tenant waited.
async fn beside_others<T>(app: &TestApp, work: impl Future<Output = T>) -> (T, Duration, Duration) {
    let other = Caller { tenant: Tenant::new("other"), ..Caller::local() };
    let mut longest = Duration::ZERO;
    let ask = async {
        loop {
            let asked = Instant::now();
            app.execute_as(other.clone(), "{ viewer { tenantId } orders { nodes { id } } }", json!({}))
                .await
                .data();
            longest = longest.max(asked.elapsed());
            tokio::task::yield_now().await;
        }
    };
    let begun = Instant::now();
    let done = tokio::select! {
        done = work => done,
        () = ask => unreachable!(),
    };
    (done, begun.elapsed(), longest)
}

#[tokio::test]
async fn a_template_that_looks_at_too_much_fails_its_step() {
    let app = TestApp::start_with(4).await;
    let server = PluginServer::start().await;
    let template: Vec<_> = (0..60).map(|_| json!({"$expr": "$..*..[?@==11]"})).collect();
    let (id, _) = plugin(&app, "greedy", json!({"url": server.url, "bodyTemplate": template})).await;
    workflow(&app, "greedy", &id, "CONTINUE").await;
    let (order_id, _) = app.create(large(&app).await).await;

    let (worked, took, others) = beside_others(&app, app.settle()).await;
    assert_eq!(worked, 1);
    assert!(took < Duration::from_secs(20) && others < SOON, "{took:?} {others:?}");
    assert_eq!(server.calls().len(), 0);
    let run = runs(&app).await.remove(0);
    let reasons = run["steps"][0]["reasons"].to_string();
    assert_eq!(run["status"], json!("PASSED"), "{run:#}");
    assert!(reasons.contains("its paths look at too much of the document; name members"), "{run:#}");
    assert_eq!(order_of(&app, &order_id, "status").await, json!({"status": "IN_PROGRESS"}));
    // It ended, and is not tried again.
    assert_eq!(app.settle().await, 0);

    let input = json!({"pluginId": id, "orderId": order_id});
    let tried = app.mutate("pluginTest", input, "request verdict error userErrors { message }");
    let (tried, _, others) = beside_others(&app, tried).await;
    assert!(others < SOON, "{others:?}");
    assert_eq!(
        (&tried["request"], &tried["verdict"], &tried["userErrors"]),
        (&Value::Null, &Value::Null, &json!([]))
    );
    assert!(text(&tried["error"]).starts_with("the template takes too long"), "{tried:#}");
}

#[tokio::test]
async fn an_expression_that_takes_too_long_fails_its_step() {
    let app = TestApp::start_with(4).await;
    let heavy =
        "order.workOrders.all(a, order.workOrders.all(b, order.workOrders.all(c, a.id != 'x' || true)))";
    let payload =
        app.change("pluginCreate", json!({"name": "heavy", "expression": heavy}), "plugin { id }").await;
    let id = text(&payload["plugin"]["id"]);
    workflow(&app, "heavy", &id, "HOLD").await;
    let (order_id, _) = app.create(order(100)).await;
    assert_eq!(app.settle().await, 1);
    let run = runs(&app).await.remove(0);
    assert_eq!(run["status"], json!("HELD"), "{run:#}");
    assert_eq!(app.settle().await, 0);
    let input = json!({"pluginId": id, "orderId": order_id});
    let tried = app.mutate("pluginTest", input, "verdict error userErrors { message }").await;
    assert!(text(&tried["error"]).starts_with("the expression takes too long"), "{tried:#}");
}
