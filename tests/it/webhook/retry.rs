//! What happens when an endpoint does not take an event.

use chrono::Duration;
use serde_json::json;

use super::{change, deliveries, sent, show, standing, start};
use crate::harness::samples::order;

#[tokio::test]
async fn a_delivery_is_tried_for_most_of_a_day_and_then_given_up() {
    let (app, server, id) = start().await;
    change(&app, &id, "eventTypes", json!(["ORDER_CREATED", "WORK_ORDER_CREATED"])).await;
    for _ in 0..7 {
        server.answer(500, "");
    }
    app.create(order(1)).await;
    app.deliver().await;
    for (attempt, wait) in [(1, 5), (2, 300), (3, 1_800), (4, 7_200), (5, 18_000), (6, 36_000)] {
        assert_eq!(standing(&app).await, [(1, "PENDING", attempt), (2, "PENDING", 0)]);
        app.advance(super::seconds(wait - 1));
        assert_eq!(app.deliver().await, 0, "before {wait} s");
        // What is left, and as much more as chance may add.
        app.advance(super::seconds(2 + wait / 10));
        // After the last one, the next event of the order is sent.
        assert_eq!(app.deliver().await, if attempt == 6 { 2 } else { 1 }, "after {wait} s");
    }
    assert_eq!(standing(&app).await, [(1, "FAILED", 7), (2, "DELIVERED", 1)]);
    assert_eq!(sent(&server.calls()), [1, 1, 1, 1, 1, 1, 1, 2]);
    let ids: Vec<_> = server.calls().iter().map(|call| call.headers["webhook-id"].clone()).collect();
    assert!(ids[..7].iter().all(|id| *id == ids[0]) && ids[7] != ids[0]);
    app.advance(Duration::days(2));
    assert_eq!(app.deliver().await, 0);
    assert_eq!(show(&app, &id).await["enabled"], json!(true));
}

#[tokio::test]
async fn whatever_is_no_success_is_tried_again() {
    for (status, body, error) in [
        (301, "", "the endpoint answered 301: redirects are not followed"),
        (400, "", "the endpoint answered 400"),
        (404, "<html>", "the endpoint answered 404"),
        (409, "", "the endpoint answered 409"),
        (429, "", "the endpoint answered 429"),
        (500, "\u{0}garbage", "the endpoint answered 500"),
    ] {
        let (app, server, _) = start().await;
        server.answer_with(status, vec![("location", "http://127.0.0.1:1/".to_owned())], body);
        app.create(order(1)).await;
        assert_eq!(app.deliver().await, 1, "{status}");
        let first = deliveries(&app).await.remove(0);
        let seen = (first.last_status_code, first.last_error.as_deref(), first.attempts);
        assert_eq!(seen, (Some(status.into()), Some(error), 1));
        app.advance(super::seconds(6));
        assert_eq!(app.deliver().await, 4, "{status}");
        assert!(standing(&app).await.iter().all(|(_, status, _)| *status == "DELIVERED"), "{status}");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_or_is_not_to_be_called_is_tried_again() {
    let (app, server, id) = start().await;
    // Nobody listens there any more.
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    change(&app, &id, "url", json!(closed)).await;
    app.create(order(1)).await;
    assert_eq!(app.deliver().await, 1);
    let first = deliveries(&app).await.remove(0);
    let error = "no connection could be made: the host could not be reached";
    assert_eq!((first.last_status_code, first.last_error.as_deref()), (None, Some(error)));
    change(&app, &id, "url", json!(server.url)).await;
    app.advance(super::seconds(6));
    assert_eq!(app.deliver().await, 4);
    assert_eq!(sent(&server.calls()), [1, 2, 3, 4]);
}

#[tokio::test]
async fn an_endpoint_is_not_called_before_it_said() {
    let (app, server, _) = start().await;
    server.answer_with(429, vec![("retry-after", "120".to_owned())], "");
    app.create(order(1)).await;
    app.deliver().await;
    app.advance(super::seconds(119));
    assert_eq!(app.deliver().await, 0);
    app.advance(super::seconds(1));
    assert_eq!(app.deliver().await, 4);
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_disabled_and_goes_on_where_it_stood() {
    let (app, server, id) = start().await;
    server.answer(200, "").answer(410, "");
    app.create(order(1)).await;
    app.deliver().await;
    let shown = show(&app, &id).await;
    assert_eq!(
        (&shown["enabled"], &shown["disabledReason"]),
        (&json!(false), &json!("the endpoint answered 410: it is gone"))
    );
    assert_eq!(
        standing(&app).await,
        [(1, "DELIVERED", 1), (2, "FAILED", 1), (3, "PENDING", 0), (4, "PENDING", 0)]
    );
    app.create(order(1)).await;
    app.advance(Duration::days(1));
    assert_eq!(app.deliver().await, 0);
    let enabled = change(&app, &id, "enabled", json!(true)).await;
    assert_eq!(enabled["webhookEndpoint"]["disabledReason"], json!(null));
    app.deliver().await;
    let mut positions = sent(&server.calls());
    assert_eq!(positions[..2], [1, 2]);
    positions.sort_unstable();
    assert_eq!(positions, [1, 2, 3, 4, 5, 6, 7, 8]);
    let replay = json!({"endpointId": id, "failedOnly": true});
    let payload = app.mutate("webhookReplay", replay, "queued userErrors { code }").await;
    assert_eq!(payload, json!({"queued": 1, "userErrors": []}));
    app.deliver().await;
    assert_eq!(sent(&server.calls()).last(), Some(&2));
    assert!(standing(&app).await.iter().all(|(_, status, _)| *status == "DELIVERED"));
}

#[tokio::test]
async fn an_endpoint_that_failed_for_five_days_is_disabled_and_says_why() {
    let (app, server, id) = start().await;
    for _ in 0..100 {
        server.answer(502, "");
    }
    let mut days = 0;
    while show(&app, &id).await["enabled"] == json!(true) {
        assert!(days < 6, "it is never disabled");
        app.create(order(1)).await;
        app.deliver().await;
        app.advance(Duration::days(1));
        days += 1;
    }
    assert_eq!(days, 6);
    let reason = "no delivery succeeded for 5 days; the last one failed because the endpoint answered 502";
    assert_eq!(show(&app, &id).await["disabledReason"], json!(reason));
}

#[tokio::test]
async fn one_success_is_enough_to_begin_the_five_days_anew() {
    let (app, server, id) = start().await;
    change(&app, &id, "eventTypes", json!(["ORDER_CREATED"])).await;
    for day in 0..12 {
        server.answer(if day % 4 == 3 { 200 } else { 500 }, "");
        app.create(order(1)).await;
        app.deliver().await;
        // Whatever is tried again meanwhile is given this as well.
        app.advance(Duration::days(1));
        assert_eq!(show(&app, &id).await["enabled"], json!(true), "day {day}");
    }
}
