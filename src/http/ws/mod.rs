//! GraphQL over WebSocket, in the protocol `graphql-transport-ws`.
//!
//! The library's own implementation has neither the close codes of the protocol nor an end that a server can bring
//! about, so this one takes its place.

mod message;
mod operations;
mod session;

use std::sync::Arc;

use axum::{
    extract::WebSocketUpgrade,
    response::{IntoResponse as _, Response},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

use super::{Edge, RequestId, refusal::Refusal};
use session::Session;

/// The one protocol that is spoken.
const PROTOCOL: &str = "graphql-transport-ws";

/// A socket that waits needs little; large messages grow the buffer while they are read.
const READ_BUFFER_BYTES: usize = 1024;
/// Messages that come together are sent together up to this length.
const WRITE_BUFFER_BYTES: usize = 4096;

/// Every open socket and stream of a server, so that it can end them.
#[derive(Clone, Debug, Default)]
pub struct Sockets {
    stopping: CancellationToken,
    open: TaskTracker,
}

impl Sockets {
    /// Sockets that close once the server is `stopping`.
    pub fn new(stopping: CancellationToken) -> Self {
        Self { stopping, open: TaskTracker::new() }
    }

    /// Waits until the last one is closed.
    pub async fn ended(&self) {
        self.open.close();
        self.open.wait().await;
    }

    /// Ends once the server is stopping.
    pub(super) async fn stopping(&self) {
        self.stopping.cancelled().await;
    }

    /// Runs something that the server waits for when it stops.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.open.spawn(task));
    }

    /// How many are open.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// Whether the server is stopping.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }
}

/// Makes a request a WebSocket.
pub(super) fn open(
    edge: Arc<Edge>,
    id: RequestId,
    token: Option<&str>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let limit = edge.app.config.limits.body_bytes;
    let upgrade = upgrade.protocols([PROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        let message = format!("WebSockets speak {PROTOCOL} here; offer it in sec-websocket-protocol");
        return Refusal::malformed(message).into_response();
    }
    if let Err(refusal) = edge.room() {
        return refusal.into_response();
    }
    // Held from now on, so that nobody takes the sockets for ended while this one is being opened.
    let open = edge.sockets.open.token();
    let token = token.map(ToOwned::to_owned);
    let span = tracing::info_span!("socket", request.id = %id);
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_message_size(limit)
        .max_frame_size(limit)
        .on_upgrade(move |socket| {
            async move {
                Session::new(edge, id, token, socket).run().await;
                drop(open);
            }
            .instrument(span)
        })
}
