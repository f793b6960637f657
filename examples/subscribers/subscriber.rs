//! One subscriber on a connection of its own.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context as _, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::{net::TcpStream, sync::watch};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, client::IntoClientRequest as _, http::HeaderValue, protocol::WebSocketConfig},
};

use crate::measure::micros;

type Socket = WebSocketStream<TcpStream>;

/// Lets all subscribers listen, cuts all of them off, and counts what they heard.
#[derive(Clone)]
pub(crate) struct Gate {
    is_open: Arc<watch::Sender<bool>>,
    heard: Arc<AtomicUsize>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { is_open: Arc::new(watch::Sender::new(true)), heard: Arc::default() }
    }
}

impl Gate {
    pub(crate) fn open(&self) {
        self.is_open.send_replace(true);
    }

    pub(crate) fn cut(&self) {
        self.is_open.send_replace(false);
    }

    /// Events that all subscribers heard together.
    pub(crate) fn heard(&self) -> usize {
        self.heard.load(Ordering::Relaxed)
    }
}

/// An event that was heard; times in microseconds since 1970.
#[derive(Clone)]
pub(crate) struct Heard {
    pub(crate) cursor: Box<str>,
    pub(crate) recorded_at: i64,
    pub(crate) at: i64,
}

/// One subscriber.
#[derive(Clone)]
pub(crate) struct Subscriber {
    begin: Arc<str>,
    pub(crate) heard: Vec<Heard>,
}

impl Subscriber {
    /// A subscriber to what comes after a cursor.
    pub(crate) fn after(cursor: &str) -> Self {
        Self { begin: cursor.into(), heard: Vec::new() }
    }

    /// Opens a connection and subscribes to what comes after the last event that was heard.
    pub(crate) async fn connect(&self, address: &str) -> Result<Socket> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut request = format!("ws://{address}/graphql").into_client_request()?;
        request
            .headers_mut()
            .insert("sec-websocket-protocol", HeaderValue::from_static("graphql-transport-ws"));
        let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
        let (mut socket, _) = client_async_with_config(request, stream, Some(config)).await?;
        let after = self.heard.last().map_or(&*self.begin, |heard| &*heard.cursor);
        let query = "subscription($after: String) { \
                     orderEvents(after: $after) { cursor orderId type toStatus recordedAt } }";
        let payload = json!({"query": query, "variables": {"after": after}});
        for message in
            [json!({"type": "connection_init"}), json!({"type": "subscribe", "id": "1", "payload": payload})]
        {
            socket.send(Message::text(message.to_string())).await?;
        }
        match socket.next().await {
            Some(Ok(Message::Text(text))) if text.contains("connection_ack") => Ok(socket),
            other => bail!("the conversation did not begin: {other:?}"),
        }
    }

    /// Listens until the gate is closed, and then hangs up.
    pub(crate) async fn listen(mut self, mut socket: Socket, gate: Gate) -> Result<Self> {
        let mut is_open = gate.is_open.subscribe();
        loop {
            let message = tokio::select! {
                _ = is_open.wait_for(|is_open| !is_open) => return Ok(self),
                message = socket.next() => message.context("the server hung up")??,
            };
            if let Message::Text(text) = message {
                let at = micros();
                self.heard.push(Heard {
                    cursor: field(&text, "cursor")?.into(),
                    recorded_at: field(&text, "recordedAt")?
                        .parse::<chrono::DateTime<chrono::Utc>>()?
                        .timestamp_micros(),
                    at,
                });
                gate.heard.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// The value of a field whose text needs no escaping. To parse it all would cost more than the server spends on it.
fn field<'a>(text: &'a str, name: &str) -> Result<&'a str> {
    let value = text.split_once(&format!("\"{name}\":\"")).and_then(|(_, rest)| rest.split_once('"'));
    Ok(value.with_context(|| format!("no {name} in {text}"))?.0)
}
