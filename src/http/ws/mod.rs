//! GraphQL over WebSocket, in the protocol `graphql-transport-ws`.
//!
//! The library's own implementation has neither the close codes of the protocol nor an end that a server can bring
//! about, so this one takes its place.

mod init;
mod message;
mod operations;
mod session;
mod socket;

use std::sync::Arc;

use axum::{
    extract::{WebSocketUpgrade, ws::WebSocket},
    response::{IntoResponse as _, Response},
};
use tracing::Instrument as _;

use super::{Edge, RequestId, allowance::Allowance, refusal::Refusal, sockets::Permit};
use session::Session;
use socket::close;

/// The one protocol that is spoken.
const PROTOCOL: &str = "graphql-transport-ws";

/// A socket that waits needs little; large messages grow the buffer while they are read.
const READ_BUFFER_BYTES: usize = 1024;
/// Messages that come together are sent together up to this length.
const WRITE_BUFFER_BYTES: usize = 4096;

/// What a socket is begun with.
struct Opened {
    edge: Arc<Edge>,
    id: RequestId,
    /// The token in the headers of the request for the socket; the first message may show another.
    token: Option<String>,
    allowance: Allowance,
    permit: Permit,
}

/// Makes a request a WebSocket.
pub(super) fn open(
    edge: Arc<Edge>,
    id: RequestId,
    token: Option<&str>,
    allowance: Allowance,
    upgrade: WebSocketUpgrade,
) -> Response {
    let limit = edge.app.config.limits.body_bytes;
    let upgrade = upgrade.protocols([PROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        let message = format!("WebSockets speak {PROTOCOL} here; offer it in sec-websocket-protocol");
        return Refusal::malformed(message).into_response();
    }
    let permit = match edge.sockets.take_unknown(edge.quota) {
        Ok(permit) => permit,
        Err(full) => return Refusal::from(edge.count_refused(full)).into_response(),
    };
    let token = token.map(ToOwned::to_owned);
    let span = tracing::info_span!("socket", request.id = %id);
    let opened = Opened { edge, id, token, allowance, permit };
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_message_size(limit)
        .max_frame_size(limit)
        .on_upgrade(move |socket| run(opened, socket).instrument(span))
}

/// Talks until either side ends it.
async fn run(mut opened: Opened, mut socket: WebSocket) {
    opened.allowance.limit(init::MAX_BYTES);
    let end = match init::identify(&mut opened, &mut socket).await {
        Ok(caller) => Session::new(&opened, caller, &mut socket).run().await,
        Err(end) => end,
    };
    close(&mut socket, end).await;
}
