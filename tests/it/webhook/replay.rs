//! Events are sent once more: from a cursor on, of an order, or those that failed.

use serde_json::{Value, json};

use super::{change, deliveries, sent, standing, start};
use crate::{
    event::cursor,
    harness::{TestApp, samples::order},
};

async fn replay(app: &TestApp, input: Value) -> Value {
    app.mutate("webhookReplay", input, "queued userErrors { code path }").await
}

fn queued(count: i64) -> Value {
    json!({"queued": count, "userErrors": []})
}

#[tokio::test]
async fn everything_after_a_cursor_is_sent_once_more_with_the_same_ids() {
    let (app, server, id) = start().await;
    app.create(order(1)).await;
    app.deliver().await;
    let before = server.calls();
    assert_eq!(replay(&app, json!({"endpointId": id, "afterCursor": cursor(1)})).await, queued(3));
    assert_eq!(app.deliver().await, 3);
    let after = server.calls();
    assert_eq!(sent(&after[4..]), [2, 3, 4]);
    for (first, second) in before[1..].iter().zip(&after[4..]) {
        assert_eq!(first.raw, second.raw);
        assert_eq!(first.headers["webhook-id"], second.headers["webhook-id"]);
    }
    // To the end of the log there is nothing.
    assert_eq!(replay(&app, json!({"endpointId": id, "afterCursor": cursor(4)})).await, queued(0));
    assert_eq!(app.deliver().await, 0);
    // Of the types that the endpoint wants.
    change(&app, &id, "eventTypes", json!(["ORDER_STATUS_CHANGED"])).await;
    assert_eq!(replay(&app, json!({"endpointId": id, "afterCursor": cursor(0)})).await, queued(2));
    assert_eq!(app.deliver().await, 2);
    assert_eq!(sent(&server.calls()[7..]), [3, 4]);
}

#[tokio::test]
async fn an_order_is_sent_once_more_and_others_are_not() {
    let (app, server, id) = start().await;
    app.create(order(1)).await;
    let (second, _) = app.create(order(1)).await;
    app.deliver().await;
    assert_eq!(replay(&app, json!({"endpointId": id, "orderId": second})).await, queued(4));
    app.deliver().await;
    assert_eq!(sent(&server.calls()[8..]), [5, 6, 7, 8]);
    let input = json!({"endpointId": id, "orderId": second, "afterCursor": cursor(7)});
    assert_eq!(replay(&app, input).await, queued(1));
    app.deliver().await;
    assert_eq!(sent(&server.calls()[12..]), [8]);
}

#[tokio::test]
async fn what_failed_is_sent_once_more_and_nothing_else() {
    let (app, server, id) = start().await;
    change(&app, &id, "eventTypes", json!(["ORDER_CREATED", "WORK_ORDER_CREATED"])).await;
    let mut orders = Vec::new();
    for _ in 0..3 {
        orders.push(app.create(order(1)).await.0);
        // Its first event fails for good, and the second is taken.
        for _ in 0..7 {
            server.answer(500, "");
        }
        for _ in 0..8 {
            app.deliver().await;
            app.advance(chrono::Duration::hours(12));
        }
    }
    let (failed, delivered) = ((7, "FAILED"), (1, "DELIVERED"));
    let stand = async || {
        let rows = standing(&app).await;
        rows.into_iter().map(|(_, status, attempts)| (attempts, status)).collect::<Vec<_>>()
    };
    assert_eq!(stand().await, [failed, delivered, failed, delivered, failed, delivered]);
    let before = server.calls().len();
    let about_one = json!({"endpointId": id, "failedOnly": true, "orderId": orders[1]});
    assert_eq!(replay(&app, about_one.clone()).await, queued(1));
    assert_eq!(replay(&app, about_one).await, queued(0));
    assert_eq!(app.deliver().await, 1);
    assert_eq!(sent(&server.calls()[before..]), [5]);
    let after = json!({"endpointId": id, "failedOnly": true, "afterCursor": cursor(5)});
    assert_eq!(replay(&app, after).await, queued(1));
    assert_eq!(app.deliver().await, 1);
    assert_eq!(sent(&server.calls()[before + 1..]), [9]);
    assert_eq!(stand().await, [failed, delivered, delivered, delivered, delivered, delivered]);
}

#[tokio::test]
async fn what_is_pending_is_not_sent_twice_and_comes_after_what_is_older() {
    let (app, server, id) = start().await;
    server.answer(200, "").answer(200, "").answer(500, "");
    let (order_id, _) = app.create(order(1)).await;
    app.deliver().await;
    assert_eq!(
        standing(&app).await,
        [(1, "DELIVERED", 1), (2, "DELIVERED", 1), (3, "PENDING", 1), (4, "PENDING", 0)]
    );
    replay(&app, json!({"endpointId": id, "orderId": order_id})).await;
    assert_eq!(
        standing(&app).await,
        [(1, "PENDING", 0), (2, "PENDING", 0), (3, "PENDING", 1), (4, "PENDING", 0)]
    );
    app.deliver().await;
    assert_eq!(sent(&server.calls()), [1, 2, 3, 1, 2, 3, 4]);
    // The same by a cursor.
    server.answer(500, "");
    replay(&app, json!({"endpointId": id, "afterCursor": cursor(2)})).await;
    app.deliver().await;
    replay(&app, json!({"endpointId": id, "afterCursor": cursor(0)})).await;
    app.deliver().await;
    assert_eq!(sent(&server.calls()[7..]), [3, 1, 2, 3, 4]);
    assert_eq!(deliveries(&app).await.len(), 4);
}

#[tokio::test]
async fn a_replay_of_what_is_not_there_is_refused() {
    let (app, _, id) = start().await;
    let (order_id, _) = app.create(order(1)).await;
    app.deliver().await;
    let before = deliveries(&app).await;
    let foreign = waybill::events::Cursor(1).encode(&waybill::store::Tenant::new("other"));
    let unknown = "01h00000000000000000000000";
    for (input, code, path) in [
        (json!({"endpointId": id}), "REQUIRED", vec![]),
        (json!({"endpointId": id, "failedOnly": false}), "REQUIRED", vec![]),
        (
            json!({"endpointId": format!("whe_{unknown}"), "failedOnly": true}),
            "NOT_FOUND",
            vec!["endpointId"],
        ),
        (json!({"endpointId": order_id, "failedOnly": true}), "INVALID", vec!["endpointId"]),
        (json!({"endpointId": id, "orderId": id}), "INVALID", vec!["orderId"]),
        (json!({"endpointId": id, "orderId": format!("ord_{unknown}")}), "NOT_FOUND", vec!["orderId"]),
        (json!({"endpointId": id, "afterCursor": "x"}), "INVALID", vec!["afterCursor"]),
        (json!({"endpointId": id, "afterCursor": foreign}), "INVALID", vec!["afterCursor"]),
        (json!({"endpointId": id, "afterCursor": cursor(5)}), "INVALID", vec!["afterCursor"]),
    ] {
        let refused = json!({"queued": 0, "userErrors": [{"code": code, "path": path}]});
        assert_eq!(replay(&app, input.clone()).await, refused, "{input}");
    }
    assert_eq!(deliveries(&app).await, before);
    assert_eq!(app.deliver().await, 0);
}
