//! A plugin in one file: it passes orders to places that we serve and rejects all others.
//!
//! Start it with `cargo run --example serviceability`; it listens on <http://127.0.0.1:9000>, or on the port that is
//! given as its argument or in `PORT`. Waybill refuses to call loopback addresses, so tell it that this one is fine:
//! `waybill serve --plugin-allow-net 127.0.0.0/8`. Then create an HTTP plugin with this URL, and a workflow with the
//! trigger `ORDER_INITIATED` and a step that names the plugin. To see what the plugin says without Waybill:
//!
//! ```sh
//! curl -d '{"order":{"destination":{"address":{"postalCode":"10115"}}}}' \
//!     -H 'content-type: application/json' http://127.0.0.1:9000
//! ```
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::error::Error;

use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Where we deliver: postal codes that begin with one of these. Bengaluru has 560, Berlin 10, 12 and 13.
const SERVED_PREFIXES: [&str; 4] = ["560", "10", "12", "13"];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = match std::env::args().nth(1).or_else(|| std::env::var("PORT").ok()) {
        Some(text) => text.parse()?,
        None => 9000,
    };
    let app = Router::new().route("/", post(check)).route("/healthz", get(|| async { "ok" }));
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("serviceability plugin on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

/// Answers one call. Waybill sends `{order, workOrder, event, run}`; this plugin looks at the order only.
///
/// The same call may come twice, after a time-out for instance: `Idempotency-Key` is the same then. A plugin that only
/// looks, like this one, need not care.
async fn check(Json(document): Json<Value>) -> Json<Value> {
    match document.pointer("/order/destination/address/postalCode").and_then(Value::as_str) {
        Some(code) if SERVED_PREFIXES.iter().any(|prefix| code.trim().starts_with(prefix)) => {
            Json(json!({ "verdict": "PASS" }))
        }
        Some(code) => reject(&format!("we do not deliver to the postal code {code}")),
        None => reject("the order's destination has no postal code"),
    }
}

/// A rejection. Its code is for programs and becomes the order's reason code; its message is for people.
fn reject(message: &str) -> Json<Value> {
    Json(json!({
        "verdict": "REJECT",
        "reasons": [{
            "code": "NOT_SERVICEABLE",
            "message": message,
            "path": "destination.address.postalCode",
        }],
    }))
}
