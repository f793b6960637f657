//! The time of a WebSocket before its caller is known: little is read, and not for long.

use std::{sync::Arc, time::Duration};

use axum::extract::ws::{Message, WebSocket, close_code};
use tokio::time::timeout;

use super::{
    Opened,
    message::{ClientMessage, ServerMessage},
    socket::{End, code, say, unreadable},
};
use crate::{
    access::{Denied, Session},
    http::access::token_in,
    metrics::Transport,
};

/// The most bytes that a client may send before its `connection_init` was taken. A token has at most 8 KiB.
pub(super) const MAX_BYTES: usize = 16 * 1024;
/// How long a client may take until its `connection_init` is acknowledged, whatever else it sends meanwhile.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// Waits for the client to say who is calling, and acknowledges it.
pub(super) async fn identify(opened: &mut Opened, socket: &mut WebSocket) -> Result<Session, End> {
    let edge = Arc::clone(&opened.edge);
    let identified = tokio::select! {
        () = edge.sockets.stopping() => return Err(End::Close(close_code::AWAY, "The server is stopping")),
        identified = timeout(INIT_TIMEOUT, hear(opened, socket)) => identified,
    };
    let identified =
        identified.unwrap_or(Err(End::Close(code::INIT_TIMEOUT, "Connection initialisation timeout")));
    if matches!(identified, Err(End::Close(code, _)) if code != close_code::AGAIN) {
        edge.app.metrics.unauthenticated(Transport::WebSocket);
    }
    identified
}

async fn hear(opened: &mut Opened, socket: &mut WebSocket) -> Result<Session, End> {
    loop {
        let text = match socket.recv().await {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(Message::Binary(_))) => return Err(End::Close(code::BAD_REQUEST, "Messages are text")),
            Some(Err(error)) => return Err(unreadable(&error)),
            Some(Ok(Message::Close(_))) | None => return Err(End::Gone),
        };
        match ClientMessage::read(&text) {
            Ok(ClientMessage::ConnectionInit { payload }) => {
                let token = payload.and_then(|payload| token_in(payload.get())).or(opened.token.take());
                let session = admit(opened, token.as_deref()).await?;
                say(socket, &ServerMessage::ConnectionAck).await?;
                return Ok(session);
            }
            Ok(ClientMessage::Ping { payload }) => {
                say(socket, &ServerMessage::Pong { payload: payload.as_deref() }).await?;
            }
            Ok(ClientMessage::Pong | ClientMessage::Complete { .. }) => {}
            Ok(ClientMessage::Subscribe { .. }) => {
                return Err(End::Close(code::UNAUTHORIZED, "Unauthorized"));
            }
            Err(reason) => return Err(End::Close(code::BAD_REQUEST, reason)),
        }
    }
}

/// Lets a caller in, who may send as much as any from now on.
async fn admit(opened: &mut Opened, token: Option<&str>) -> Result<Session, End> {
    let edge = &opened.edge;
    let session = edge.app.access.admit(token).await.map_err(|denied| refusal(&denied))?;
    opened.permit.identify(&session.caller, edge.quota).map_err(|full| {
        let message = edge.count_refused(full).message();
        End::Close(close_code::AGAIN, message)
    })?;
    opened.allowance.lift();
    Ok(session)
}

/// How a conversation ends before it has begun.
fn refusal(denied: &Denied) -> End {
    match denied {
        Denied::Missing => {
            End::Close(code::FORBIDDEN, "Say who is calling: {\"authorization\": \"Bearer ...\"}")
        }
        Denied::Invalid(reason) => End::Close(code::FORBIDDEN, reason),
        Denied::Fault(fault) => {
            tracing::warn!(error = %fault, "cannot tell who is calling");
            End::Close(close_code::AGAIN, "The server cannot tell now who is calling")
        }
    }
}
