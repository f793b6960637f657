//! Pages of other origins, which a browser on this machine may show, cannot use the server.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite;
use waybill::config::Config;

use super::{VIEWER, ask, post, refusal};
use crate::harness::{Socket, TestApp, samples::order, socket};

const OTHER_ORIGIN: &str = "no access is configured: pages of other origins may not use this server";
const OTHER_NAME: &str = "no access is configured: the server answers only under the names of its own machine, such as \
                          localhost or 127.0.0.1";

#[tokio::test]
async fn a_page_of_another_origin_or_a_foreign_name_is_refused_and_writes_nothing() {
    let app = TestApp::start().await;
    let document = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }";
    let body = json!({"query": document, "variables": {"input": order(1)}}).to_string();
    for (name, value, message) in [
        ("origin", "https://evil.example", OTHER_ORIGIN),
        ("origin", "null", OTHER_ORIGIN),
        ("host", "evil.example:8080", OTHER_NAME),
        ("host", "192.168.0.7", OTHER_NAME),
    ] {
        let answer = post(&app, &[("content-type", "application/json"), (name, value)], body.clone()).await;
        assert_eq!(answer.refusal(), refusal(StatusCode::FORBIDDEN, message), "{name}: {value}");
        let page = ask(&app, Request::get("/").header(name, value).body(Body::empty()).unwrap()).await;
        assert_eq!(page.refusal(), refusal(StatusCode::FORBIDDEN, message), "{name}: {value}");
    }
    assert_eq!(app.stored().await.counts(), [0; 5]);
}

#[tokio::test]
async fn pages_of_this_machine_may_use_it() {
    let app = TestApp::start().await;
    for origin in ["http://localhost:5173", "http://127.0.0.1:8080", "http://[::1]:8080"] {
        let headers = [("content-type", "application/json"), ("origin", origin), ("host", "localhost:8080")];
        let answer = post(&app, &headers, VIEWER).await;
        assert_eq!(answer.status, 200, "{origin}");
        // Only such a page may read the answer, and only because it is of the same origin.
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn a_supervisor_may_ask_for_health_under_any_name() {
    let app = TestApp::start().await;
    for path in ["/healthz", "/readyz"] {
        let request = Request::get(path).header("host", "waybill.internal").body(Body::empty()).unwrap();
        assert_eq!(ask(&app, request).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_gets_no_socket() {
    let app = TestApp::start().await;
    let address = app.listen().await;
    for (name, value) in [("origin", "https://evil.example"), ("host", "evil.example")] {
        let mut request = socket::request(address, Some("graphql-transport-ws"));
        request.headers_mut().insert(name, value.parse().unwrap());
        let stream = TcpStream::connect(address).await.unwrap();
        match Socket::handshake(stream, request).await {
            Err(tungstenite::Error::Http(response)) => assert_eq!(response.status().as_u16(), 403),
            other => panic!("{name}: {other:?}"),
        }
    }
    Socket::open(address).await.is_silent().await;
}

/// The headers of an answer that say what a page may do.
fn allowed(answer: &super::Answer) -> Vec<(&str, &str)> {
    let headers = answer.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    headers.filter(|(name, _)| name.starts_with("access-control-")).collect()
}

#[tokio::test]
async fn a_page_whose_origin_the_operator_named_may_use_it_and_no_other() {
    let origins = ["https://app.example", "http://b.example:81"];
    let cors_origins = origins.map(|origin| origin.parse().unwrap()).to_vec();
    let app = TestApp::configured(Config { cors_origins, ..Config::default() }).await;
    let preflight = |origin: &str| {
        Request::options("/graphql")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type,authorization")
            .body(Body::empty())
            .unwrap()
    };
    for origin in origins {
        let asked = ask(&app, preflight(origin)).await;
        assert_eq!((asked.status, asked.header("access-control-allow-origin")), (200, Some(origin)));
        assert_eq!(asked.header("access-control-allow-methods"), Some("GET,POST"));
        assert!(asked.header("access-control-allow-headers").unwrap().contains("authorization"));
        assert_eq!(asked.header("access-control-allow-credentials"), None);
        let headers = [("content-type", "application/json"), ("origin", origin), ("host", "localhost")];
        let answer = post(&app, &headers, VIEWER).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(origin)));
        // Such a page may not have a browser send what it would send without asking either.
        let headers = [("content-type", "text/plain"), ("origin", origin)];
        assert_eq!(post(&app, &headers, VIEWER).await.status, 415);
    }
    for origin in ["https://evil.example", "https://app.example:8443", "null"] {
        let asked = ask(&app, preflight(origin)).await;
        assert_eq!(asked.header("access-control-allow-origin"), None, "{origin}");
        let headers = [("content-type", "application/json"), ("origin", origin)];
        let answer = post(&app, &headers, VIEWER).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (403, None), "{origin}");
    }
}

#[tokio::test]
async fn without_a_named_origin_no_preflight_is_granted() {
    let app = TestApp::start().await;
    let request = Request::options("/graphql")
        .header("origin", "http://localhost:5173")
        .header("access-control-request-method", "POST")
        .body(Body::empty())
        .unwrap();
    let answer = ask(&app, request).await;
    assert_eq!(allowed(&answer), [], "{:?}", answer.headers);
}
