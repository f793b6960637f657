//! Sends on a WebSocket, and ends it.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use tokio::time::timeout;

use super::message::ServerMessage;

/// How long a client may take to make room for a message.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to agree to the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// The close codes of the protocol.
pub(super) mod code {
    pub(in super::super) const BAD_REQUEST: u16 = 4400;
    pub(in super::super) const UNAUTHORIZED: u16 = 4401;
    pub(in super::super) const FORBIDDEN: u16 = 4403;
    pub(in super::super) const INIT_TIMEOUT: u16 = 4408;
    pub(in super::super) const ID_IN_USE: u16 = 4409;
    pub(in super::super) const TOO_MANY_INITS: u16 = 4429;
}

/// How a conversation ends.
#[derive(Debug)]
pub(super) enum End {
    /// The server closes the socket.
    Close(u16, &'static str),
    /// The client did, or is not there any more.
    Gone,
}

/// Sends a message of the protocol.
pub(super) async fn say(socket: &mut WebSocket, message: &ServerMessage<'_>) -> Result<(), End> {
    let text = message.write().map_err(|error| {
        tracing::error!(%error, "a message cannot be written");
        End::Close(close_code::ERROR, "Internal error")
    })?;
    send(socket, Message::Text(text.into())).await
}

/// Sends a message.
pub(super) async fn send(socket: &mut WebSocket, message: Message) -> Result<(), End> {
    in_time(socket.send(message)).await
}

/// What the client must make room for in time.
pub(super) async fn in_time(sent: impl Future<Output = Result<(), axum::Error>>) -> Result<(), End> {
    match timeout(SEND_TIMEOUT, sent).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(End::Gone),
    }
}

/// What becomes of a conversation when what the client sent cannot be read. The library below tells what it was in words
/// only.
pub(super) fn unreadable(error: &axum::Error) -> End {
    let error = error.to_string();
    if error.contains("too long") {
        End::Close(close_code::SIZE, "The message is too long")
    } else if error.contains("UTF-8") {
        End::Close(close_code::INVALID, "Text must be UTF-8")
    } else if error.contains("protocol error") {
        End::Close(close_code::PROTOCOL, "Malformed frame")
    } else {
        End::Gone
    }
}

/// Ends a socket.
pub(super) async fn close(socket: &mut WebSocket, end: End) {
    let goodbye = async {
        if let End::Close(code, reason) = end {
            tracing::debug!(code, reason, "closing a socket");
            let frame = CloseFrame { code, reason: reason.into() };
            if socket.send(Message::Close(Some(frame))).await.is_err() {
                return;
            }
        }
        // The connection may only be dropped once the client has answered: otherwise the goodbye may be lost.
        while let Some(Ok(_)) = socket.recv().await {}
    };
    let _ = timeout(CLOSE_TIMEOUT, goodbye).await;
}
