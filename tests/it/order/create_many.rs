//! `ordersCreate`: many orders in one transaction, with a result for each.

use serde_json::{Value, json};

use crate::harness::{TestApp, code_and_path, samples, text};

const SELECTION: &str = "created failed results { \
                         order { id clientOrderId version workOrders { id } } cursor idempotentReplay \
                         userErrors { code message path } }";

fn named(name: &str) -> Value {
    samples::with(samples::order(1), "clientOrderId", json!(name))
}

fn keyed(name: &str, key: &str) -> Value {
    samples::with(named(name), "idempotencyKey", json!(key))
}

fn broken() -> Value {
    samples::order(0)
}

/// What became of each order: its reference and `again` for a replay, or the codes and paths of its errors.
fn outcomes(payload: &Value) -> Vec<String> {
    let outcome = |result: &Value| {
        let errors: Vec<_> = result["userErrors"].as_array().unwrap().iter().map(code_and_path).collect();
        if result["order"].is_null() {
            assert_eq!(result["cursor"], Value::Null);
            return errors.join(", ");
        }
        assert_eq!(errors, [""; 0]);
        let again = if result["idempotentReplay"] == json!(true) { " again" } else { "" };
        format!("{}{again}", text(&result["order"]["clientOrderId"]))
    };
    payload["results"].as_array().unwrap().iter().map(outcome).collect()
}

fn counts(payload: &Value) -> (i64, i64) {
    (payload["created"].as_i64().unwrap(), payload["failed"].as_i64().unwrap())
}

#[tokio::test]
async fn results_come_in_the_order_of_the_input() {
    let app = TestApp::start().await;
    let input = json!({"orders": [named("a"), named("b"), samples::with(samples::order(3), "clientOrderId", json!("c"))]});
    let payload = app.mutate("ordersCreate", input, SELECTION).await;
    assert_eq!(outcomes(&payload), ["a", "b", "c"]);
    assert_eq!(counts(&payload), (3, 0));
    assert_eq!(payload["results"][2]["order"]["workOrders"].as_array().unwrap().len(), 3);
    assert_eq!(payload["results"][2]["order"]["version"], json!(3));
    // The cursor of each is that of its own last event.
    let log = app.run("{ orderEvents { nodes { cursor orderId } } }").await.data();
    let log = log["orderEvents"]["nodes"].as_array().unwrap();
    assert_eq!(log.len(), 4 + 4 + 6);
    for result in payload["results"].as_array().unwrap() {
        let last = log.iter().rfind(|event| event["orderId"] == result["order"]["id"]).unwrap();
        assert_eq!(last["cursor"], result["cursor"]);
    }
    assert_eq!(app.check_invariants().await.counts(), [3, 5, 14, 0, 0]);
}

#[tokio::test]
async fn an_empty_list_creates_nothing() {
    let app = TestApp::start().await;
    let payload = app.mutate("ordersCreate", json!({"orders": []}), SELECTION).await;
    assert_eq!(payload, json!({"created": 0, "failed": 0, "results": []}));
}

#[tokio::test]
async fn by_default_the_good_ones_are_created() {
    let app = TestApp::start().await;
    let input =
        json!({"orders": [broken(), named("b"), samples::with(broken(), "clientId", json!("")), named("d")]});
    let payload = app.mutate("ordersCreate", input, SELECTION).await;
    assert_eq!(
        outcomes(&payload),
        [
            "REQUIRED orders.0.workOrders",
            "b",
            "REQUIRED orders.2.clientId, REQUIRED orders.2.workOrders",
            "d"
        ]
    );
    assert_eq!(counts(&payload), (2, 2));
    assert_eq!(app.check_invariants().await.counts(), [2, 2, 8, 0, 0]);
}

#[tokio::test]
async fn reject_all_creates_none_if_one_is_refused() {
    let app = TestApp::start().await;
    app.create(keyed("x", "taken")).await;
    let before = app.stored().await;
    for (refused, expected) in [
        (broken(), "REQUIRED orders.1.workOrders"),
        (keyed("y", "taken"), "IDEMPOTENCY_MISMATCH orders.1.idempotencyKey"),
    ] {
        let input = json!({"orders": [keyed("a", "a"), refused, named("c")], "onError": "REJECT_ALL"});
        let payload = app.mutate("ordersCreate", input, SELECTION).await;
        assert_eq!(outcomes(&payload), ["CONFLICT orders.0", expected, "CONFLICT orders.2"]);
        assert_eq!(counts(&payload), (0, 3));
        assert_eq!(app.stored().await, before);
    }
    let input = json!({"orders": [keyed("a", "a"), named("c")], "onError": "REJECT_ALL"});
    let payload = app.mutate("ordersCreate", input, SELECTION).await;
    assert_eq!(outcomes(&payload), ["a", "c"], "neither was kept from what was refused");
}

#[tokio::test]
async fn a_thousand_orders_are_taken_and_no_more() {
    let app = TestApp::start().await;
    let orders = |count: usize| json!({"orders": (0..count).map(|index| keyed(&index.to_string(), &index.to_string())).collect::<Vec<_>>()});
    let document = "mutation M($input: OrdersCreateInput!) {
        ordersCreate(input: $input) { created failed results { order { clientOrderId } userErrors { code } } }
    }";
    let reply = app.execute(document, json!({"input": orders(1_001)})).await;
    assert_eq!(
        reply.error(),
        ("BAD_USER_INPUT".into(), "create at most 1000 orders at once, not 1001".into())
    );
    assert_eq!(app.stored().await.counts(), [0, 0, 0, 0, 0]);

    let data = app.execute(document, json!({"input": orders(1_000)})).await.data();
    let payload = &data["ordersCreate"];
    assert_eq!(counts(payload), (1_000, 0));
    for (index, result) in payload["results"].as_array().unwrap().iter().enumerate() {
        assert_eq!(result["order"]["clientOrderId"], json!(index.to_string()));
    }
    assert_eq!(app.check_invariants().await.counts(), [1_000, 1_000, 4_000, 1_000, 0]);
}

#[tokio::test]
async fn keys_make_a_repeated_call_harmless_order_by_order() {
    let app = TestApp::start().await;
    let first = json!({"orders": [keyed("a", "ka"), keyed("b", "kb")]});
    let first = app.mutate("ordersCreate", first, SELECTION).await;
    let again =
        json!({"orders": [keyed("c", "kc"), keyed("b", "kb"), keyed("other", "ka"), keyed("a", "ka")]});
    let again = app.mutate("ordersCreate", again, SELECTION).await;
    // The third takes the key `ka` for another order; the fourth then repeats that key with another input than the
    // third, and is refused as well: within one call the first use of a key counts.
    assert_eq!(
        outcomes(&again),
        [
            "c",
            "b again",
            "IDEMPOTENCY_MISMATCH orders.2.idempotencyKey",
            "IDEMPOTENCY_MISMATCH orders.3.idempotencyKey"
        ]
    );
    assert_eq!(counts(&again), (2, 2));
    assert_eq!(again["results"][1]["order"]["id"], first["results"][1]["order"]["id"]);
    assert_eq!(again["results"][1]["cursor"], first["results"][1]["cursor"]);
    assert_eq!(app.check_invariants().await.counts(), [3, 3, 12, 3, 0]);
}

#[tokio::test]
async fn one_key_twice_in_a_call_creates_one_order() {
    let app = TestApp::start().await;
    let orders = [keyed("a", "k"), keyed("a", "k"), keyed("b", "k"), broken(), keyed("a", "k")];
    let payload = app.mutate("ordersCreate", json!({"orders": orders}), SELECTION).await;
    assert_eq!(
        outcomes(&payload),
        [
            "a",
            "a again",
            "IDEMPOTENCY_MISMATCH orders.2.idempotencyKey",
            "REQUIRED orders.3.workOrders",
            "a again"
        ]
    );
    assert_eq!(counts(&payload), (3, 2));
    assert_eq!(payload["results"][0]["order"]["id"], payload["results"][4]["order"]["id"]);
    assert_eq!(payload["results"][0]["cursor"], payload["results"][4]["cursor"]);
    assert_eq!(app.check_invariants().await.counts(), [1, 1, 4, 1, 0]);
}

#[tokio::test]
async fn refusals_that_were_not_selected_are_top_level_errors() {
    let app = TestApp::start().await;
    let document =
        "mutation M($input: OrdersCreateInput!) { ordersCreate(input: $input) { created failed } }";
    let input = json!({"input": {"orders": [named("a"), broken(), named("c")]}});
    let reply = app.execute(document, input).await;
    assert_eq!(reply.error().0, "REQUIRED");
    assert_eq!(reply.0["errors"][0]["extensions"]["path"], json!(["orders", "1", "workOrders"]));
    assert_eq!(reply.0["data"]["ordersCreate"], json!({"created": 2, "failed": 1}));
}
