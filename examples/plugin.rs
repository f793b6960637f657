//! A plugin in Rust: `SECRET=whsec_… cargo run --example plugin 9003`
use std::{env, error::Error};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use serde_json::{Value, json};
use waybill::outbound::SigningSecret;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = SigningSecret::parse(&env::var("SECRET")?)?;
    let port: u16 = env::args().nth(1).ok_or("say on which port")?.parse()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    Ok(axum::serve(listener, Router::new().route("/", post(check)).with_state(secret)).await?)
}

async fn check(
    State(secret): State<SigningSecret>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Json<Value>) {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let expected = secret.sign(header("webhook-id"), header("webhook-timestamp").parse().unwrap_or(0), &body);
    if !header("webhook-signature").split(' ').any(|given| given == expected) {
        return (StatusCode::UNAUTHORIZED, Json(json!({})));
    }
    let document: Value = serde_json::from_slice(&body).unwrap_or_default();
    let code = document.pointer("/order/destination/address/postalCode").and_then(Value::as_str);
    let reject = json!({"verdict": "REJECT", "reasons": [{"code": "NOT_SERVICEABLE", "message": "nobody goes there"}]});
    let served = code.is_some_and(|code| code.starts_with("560"));
    (StatusCode::OK, Json(if served { json!({"verdict": "PASS"}) } else { reject }))
}
