//! GraphQL over Server-Sent Events, as the protocol has it for distinct connections.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{ask, post};
use crate::{
    event::{WATCH, cursor},
    harness::{
        Socket, TestApp,
        samples::{order, with},
        sse::{EventStream, Shown},
        text,
    },
};

/// A browser's request for a stream.
fn browser(document: &str, variables: &Value, last_id: Option<&str>) -> Request<Body> {
    let parameters = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("query", document)
        .append_pair("variables", &variables.to_string())
        .finish();
    let mut request = Request::get(format!("/graphql?{parameters}")).header("accept", "text/event-stream");
    if let Some(id) = last_id {
        request = request.header("last-event-id", id);
    }
    request.body(Body::empty()).unwrap()
}

fn next(data: &Value) -> Shown {
    Shown { kind: "next".to_owned(), id: None, data: data.to_string() }
}

fn complete() -> Shown {
    Shown { kind: "complete".to_owned(), id: None, data: String::new() }
}

#[tokio::test]
async fn an_operation_that_ends_is_one_event_and_the_end() {
    let app = TestApp::start().await;
    let mut stream = EventStream::open(&app, "{ viewer { tenantId } }", json!({}), None).await;
    assert_eq!(stream.headers["cache-control"], "no-store");
    assert_eq!(
        stream.shown().await,
        Some(next(&json!({"data": {"viewer": {"tenantId": "default"}}, "extensions": {"cost": 2}})))
    );
    assert_eq!(stream.shown().await, Some(complete()));
    assert_eq!(stream.shown().await, None);
    let document = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { status } } }";
    let mut stream = EventStream::open(&app, document, json!({"input": order(1)}), None).await;
    let created =
        json!({"data": {"orderCreate": {"order": {"status": "IN_PROGRESS"}}}, "extensions": {"cost": 3}});
    assert_eq!(stream.shown().await, Some(next(&created)));
    assert_eq!(stream.shown().await, Some(complete()));
    assert_eq!(app.check_invariants().await.counts(), [1, 1, 4, 0, 0]);
}

#[tokio::test]
async fn the_id_of_an_event_is_its_cursor_and_wins_over_the_argument() {
    let app = TestApp::start().await;
    app.create(order(1)).await;
    let mut stream = EventStream::open(&app, WATCH, json!({"after": cursor(1)}), None).await;
    let mut heard = stream.events(3).await;
    app.create(order(1)).await;
    heard.extend(stream.events(4).await);
    assert_eq!(heard, crate::event::whole_log(&app).await[1..]);
    let last = stream.last_id.clone().unwrap();
    assert_eq!(last, cursor(8));
    drop(stream);
    app.create(order(1)).await;
    // The browser sends the same URL once more.
    let request = browser(WATCH, &json!({"after": cursor(1)}), Some(&last));
    let mut stream = EventStream::of(&app, request).await;
    assert_eq!(stream.events(4).await, crate::event::whole_log(&app).await[8..]);
}

#[tokio::test]
async fn a_client_that_has_heard_nothing_yet_can_resume_all_the_same() {
    let app = TestApp::start().await;
    app.create(order(1)).await;
    let document = "subscription { orderEvents(where: {clientId: [\"other\"]}) { cursor } }";
    let mut stream = EventStream::of(&app, browser(document, &json!({}), None)).await;
    stream.begun().await;
    assert_eq!(stream.last_id, Some(cursor(4)));
    let last = stream.last_id.clone();
    drop(stream);
    app.create(with(order(1), "clientId", json!("other"))).await;
    let mut stream = EventStream::of(&app, browser(document, &json!({}), last.as_deref())).await;
    let positions: Vec<_> = stream.events(4).await.iter().map(|event| text(&event["cursor"])).collect();
    assert_eq!(positions, (5..=8).map(cursor).collect::<Vec<_>>());
}

#[tokio::test]
async fn get_is_for_reading_only() {
    let app = TestApp::start().await;
    let document = "mutation M($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
    let both = format!("query Q {{ viewer {{ tenantId }} }} {document}");
    for (document, name) in [(document, ""), (document, "M"), (both.as_str(), "M")] {
        let parameters = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("query", document)
            .append_pair("operationName", name)
            .append_pair("variables", &json!({"input": order(1)}).to_string())
            .finish();
        let request = Request::get(format!("/graphql?{parameters}")).header("accept", "text/event-stream");
        let mut stream = EventStream::of(&app, request.body(Body::empty()).unwrap()).await;
        let refused = json!({"errors": [{
            "message": "a mutation is sent with POST, never with GET", "extensions": {"code": "BAD_USER_INPUT"}
        }]});
        let shown = stream.shown().await.unwrap();
        assert_eq!(serde_json::from_str::<Value>(&shown.data).unwrap(), refused, "{document} {name}");
        assert_eq!(stream.shown().await, Some(complete()));
    }
    assert_eq!(app.stored().await.counts(), [0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn what_is_refused_is_told_on_the_stream_or_before_it() {
    let app = TestApp::start().await;
    app.create(order(1)).await;
    // By its form: before the stream.
    let headers = [("content-type", "application/json"), ("accept", "text/event-stream")];
    let (status, code, message) = post(&app, &headers, "{}").await.refusal();
    assert_eq!((status, code.as_str()), (400, "BAD_USER_INPUT"), "{message}");
    let request = Request::get("/graphql?variables=%7B%7D").header("accept", "text/event-stream");
    let (status, _, message) = ask(&app, request.body(Body::empty()).unwrap()).await.refusal();
    assert_eq!((status, message.as_str()), (400, "the URL is not usable: it has no parameter \"query\""));
    // By what it asks for: on the stream, because a browser shows nothing else.
    let foreign = waybill::events::Cursor(1).encode(&waybill::store::Tenant::new("other"));
    for (document, last_id, code) in [
        ("{ nonsense", None, "GRAPHQL_PARSE_FAILED"),
        ("subscription { nonsense { id } }", None, "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { orderEvents(after: \"x\") { id } }", None, "BAD_USER_INPUT"),
        ("subscription { orderEvents { id } }", Some("x"), "BAD_USER_INPUT"),
        ("subscription { orderEvents { id } }", Some(foreign.as_str()), "BAD_USER_INPUT"),
        ("subscription { orderEvents { id } }", Some(&cursor(5)), "BAD_USER_INPUT"),
    ] {
        let mut stream = EventStream::open(&app, document, json!({}), last_id).await;
        let shown = stream.shown().await.unwrap();
        let payload: Value = serde_json::from_str(&shown.data).unwrap();
        assert_eq!(payload["errors"][0]["extensions"]["code"], json!(code), "{document} {payload:#}");
        assert_eq!(shown.id, None);
        assert_eq!(stream.shown().await, Some(complete()), "{document}");
        assert_eq!(stream.shown().await, None, "{document}");
    }
}

#[tokio::test]
async fn a_subscriber_sees_nothing_of_another_tenants_order() {
    let app = TestApp::start().await;
    let (mine, _) = app.create(order(1)).await;
    let other = waybill::access::Caller {
        tenant: waybill::store::Tenant::new("other"),
        ..waybill::access::Caller::local()
    };
    let document = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
    let theirs = app.execute_as(other, document, json!({"input": order(1)})).await.data();
    let theirs = text(&theirs["orderCreate"]["order"]["id"]);
    let document = "subscription($id: ID, $after: String) { orderStatusChanged(orderId: $id, after: $after) { cursor } }";
    let mut socket = Socket::open(app.listen().await).await;
    for (name, id) in [("theirs", &theirs), ("mine", &mine)] {
        socket.subscribe(name, document, json!({"id": id, "after": cursor(0)})).await;
    }
    // The same word from the other subscription would fail this, and so would one after it.
    assert_eq!(socket.events("mine", 3).await.len(), 3);
    app.change("orderTransition", json!({"id": mine, "event": "CANCEL"}), "cursor").await;
    assert_eq!(socket.events("mine", 1).await.len(), 1);
    socket.is_silent().await;
}
