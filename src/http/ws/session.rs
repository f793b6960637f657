//! One conversation over a WebSocket.

use std::{pin::pin, sync::Arc, time::Duration};

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::{FutureExt as _, SinkExt as _};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

use super::{
    message::{ClientMessage, ServerMessage},
    operations::{Operations, Step},
};
use crate::{
    access::{self as callers, Denied},
    graphql::Code,
    http::{Edge, RequestId, access, operation},
};

/// How long a client may take for its first word.
const INIT_WITHIN: Duration = Duration::from_secs(10);
/// How often a client is asked for a sign of life.
const PING_EVERY: Duration = Duration::from_secs(20);
/// After so many unanswered questions it is taken for gone.
const SILENT_PINGS: u32 = 2;
/// How long a client may take to make room for a message.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// How long a client may take to agree to the end.
const CLOSE_WITHIN: Duration = Duration::from_secs(3);
/// Operations that run at once on one socket.
const MOST_OPERATIONS: usize = 200;

/// The close codes of the protocol.
mod code {
    pub(super) const BAD_REQUEST: u16 = 4400;
    pub(super) const UNAUTHORIZED: u16 = 4401;
    pub(super) const FORBIDDEN: u16 = 4403;
    pub(super) const INIT_TIMEOUT: u16 = 4408;
    pub(super) const ID_IN_USE: u16 = 4409;
    pub(super) const TOO_MANY_INITS: u16 = 4429;
}

/// How a conversation ends.
enum End {
    /// The server says goodbye.
    Close(u16, &'static str),
    /// The client did, or is not there any more.
    Gone,
}

/// One conversation.
pub(super) struct Session {
    edge: Arc<Edge>,
    id: RequestId,
    socket: WebSocket,
    operations: Operations,
    /// What the request for the socket showed; the first message may show something else.
    token: Option<String>,
    /// Who is calling, once the conversation has begun.
    caller: Option<callers::Session>,
    is_stopping: bool,
    /// Operations so far: each has the id of the socket and its number in the log.
    begun: u64,
    /// Questions for a sign of life since the client was last heard.
    unanswered: u32,
}

impl Session {
    pub(super) fn new(edge: Arc<Edge>, id: RequestId, token: Option<String>, socket: WebSocket) -> Self {
        Self {
            edge,
            id,
            socket,
            operations: Operations::default(),
            token,
            caller: None,
            is_stopping: false,
            begun: 0,
            unanswered: 0,
        }
    }

    /// Talks until either side ends it.
    pub(super) async fn run(mut self) {
        let end = match self.talk().await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        // Whatever still runs ends here, before the goodbye.
        self.operations = Operations::default();
        if let End::Close(code, reason) = end {
            tracing::debug!(code, reason, "closing a socket");
            let goodbye = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
            if self.send(goodbye).await.is_err() {
                return;
            }
        }
        // The connection may only be dropped once the client has answered: otherwise the goodbye may be lost.
        let farewell = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        let _ = timeout(CLOSE_WITHIN, farewell).await;
    }

    async fn talk(&mut self) -> Result<std::convert::Infallible, End> {
        let mut stopping = pin!(self.edge.sockets.stopping.clone().cancelled_owned());
        let mut too_late = pin!(sleep(INIT_WITHIN));
        let mut recheck = access::rechecks(&self.edge);
        let mut ping = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut stopping, if !self.is_stopping => {
                    self.is_stopping = true;
                    // A subscription resumes elsewhere; a mutation is better brought to its end.
                    self.operations.end_endless();
                }
                () = &mut too_late, if self.caller.is_none() => {
                    return Err(End::Close(code::INIT_TIMEOUT, "Connection initialisation timeout"));
                }
                _ = ping.tick() => self.ping().await?,
                () = recheck.next(), if self.caller.is_some() => self.recheck().await?,
                message = self.socket.recv() => self.hear(message).await?,
                Some(step) = self.operations.next() => self.tell(step).await?,
            }
            if self.is_stopping && self.operations.len() == 0 {
                return Err(End::Close(close_code::AWAY, "The server is stopping"));
            }
        }
    }

    async fn hear(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        self.unanswered = 0;
        match message {
            Some(Ok(Message::Text(text))) => match ClientMessage::read(&text) {
                Ok(message) => self.answer(message).await,
                Err(reason) => Err(End::Close(code::BAD_REQUEST, reason)),
            },
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
            Some(Ok(Message::Binary(_))) => Err(End::Close(code::BAD_REQUEST, "Messages are text")),
            Some(Err(error)) => Err(unreadable(&error)),
            Some(Ok(Message::Close(_))) | None => Err(End::Gone),
        }
    }

    async fn answer(&mut self, message: ClientMessage) -> Result<(), End> {
        match message {
            ClientMessage::ConnectionInit { .. } if self.caller.is_some() => {
                Err(End::Close(code::TOO_MANY_INITS, "Too many initialisation requests"))
            }
            ClientMessage::ConnectionInit { payload } => {
                let shown = payload.and_then(|payload| access::token_in(payload.get())).or(self.token.take());
                let admitted = self.edge.app.access.admit(shown.as_deref()).await;
                self.caller = Some(admitted.map_err(|denied| refusal(&denied))?);
                self.say(&ServerMessage::ConnectionAck).await
            }
            ClientMessage::Subscribe { id, .. } if self.operations.contains(&id) => {
                Err(End::Close(code::ID_IN_USE, "An operation with this id is running"))
            }
            // The client hears nothing of it but the close that is coming.
            ClientMessage::Subscribe { .. } if self.is_stopping => Ok(()),
            ClientMessage::Subscribe { id, .. } if self.operations.len() >= MOST_OPERATIONS => {
                let message =
                    format!("{MOST_OPERATIONS} operations run on this socket; end one, or open another");
                self.refuse(&id, Code::QueryTooComplex, message).await
            }
            ClientMessage::Subscribe { id, payload } => self.begin(&id, payload.get()).await,
            ClientMessage::Complete { id } => {
                self.operations.end(&id);
                Ok(())
            }
            ClientMessage::Ping { payload } => {
                self.say(&ServerMessage::Pong { payload: payload.as_deref() }).await
            }
            ClientMessage::Pong => Ok(()),
        }
    }

    /// Begins an operation.
    async fn begin(&mut self, id: &str, payload: &str) -> Result<(), End> {
        let Some(caller) = &self.caller else {
            return Err(End::Close(code::UNAUTHORIZED, "Unauthorized"));
        };
        self.begun += 1;
        let endpoint = self.edge.endpoint_on_socket(caller, &format!("{}.{}", self.id, self.begun));
        if let Err(too_fast) = self.edge.rates.take(endpoint.caller(), 1) {
            return self.refuse(id, Code::RateLimited, too_fast.message()).await;
        }
        match operation::read(&self.edge.schema, payload.as_bytes()) {
            Ok(request) => {
                self.operations.begin(id, request, endpoint, self.edge.app.config.limits.request_timeout());
                Ok(())
            }
            Err(unusable) => {
                let errors = unusable.response("the payload").errors;
                self.say(&ServerMessage::Error { id, payload: &errors }).await
            }
        }
    }

    /// Ends the conversation once its caller's right has ended.
    async fn recheck(&mut self) -> Result<(), End> {
        let Some(caller) = &self.caller else { return Ok(()) };
        if self.edge.app.access.still_admits(caller).await {
            return Ok(());
        }
        Err(End::Close(code::FORBIDDEN, "The token has expired, or was revoked"))
    }

    async fn ping(&mut self) -> Result<(), End> {
        if self.unanswered >= SILENT_PINGS {
            return Err(End::Gone);
        }
        self.unanswered += 1;
        self.send(Message::Ping(Vec::new().into())).await
    }

    async fn refuse(&mut self, id: &str, code: Code, message: String) -> Result<(), End> {
        self.say(&ServerMessage::Error { id, payload: &[code.server_error(message)] }).await
    }

    async fn say(&mut self, message: &ServerMessage<'_>) -> Result<(), End> {
        let text = message.write().map_err(|error| {
            tracing::error!(%error, "a message cannot be written");
            End::Close(close_code::ERROR, "Internal error")
        })?;
        self.send(Message::Text(text.into())).await
    }

    /// Sends a step and what is ready after it, all at once as far as they are short.
    async fn tell(&mut self, step: Step) -> Result<(), End> {
        let mut length = 0;
        let mut next = Some(step);
        while let Some(step) = next {
            length += step.text.len();
            in_time(self.socket.feed(Message::Text(step.text.into()))).await?;
            let is_short = length < super::WRITE_BUFFER_BYTES;
            next = if is_short { self.operations.next().now_or_never().flatten() } else { None };
        }
        in_time(self.socket.flush()).await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        in_time(self.socket.send(message)).await
    }
}

/// What becomes of a conversation when what the client sent cannot be read. The library below tells what it was in words
/// only.
fn unreadable(error: &axum::Error) -> End {
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

/// What the client must make room for in time.
async fn in_time(sent: impl Future<Output = Result<(), axum::Error>>) -> Result<(), End> {
    match timeout(SEND_WITHIN, sent).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(End::Gone),
    }
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
