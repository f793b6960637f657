//! One conversation over a WebSocket.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use axum::extract::ws::{Message, WebSocket, close_code};
use futures_util::{FutureExt as _, SinkExt as _};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{
    Opened,
    message::{ClientMessage, ServerMessage},
    operations::{Operations, Step},
    socket::{End, code, in_time, say, send, unreadable},
};
use crate::{
    access::Session as Caller,
    graphql::Code,
    http::{Edge, RequestId, access, operation},
};

/// How often a client is asked for a sign of life.
const PING_EVERY: Duration = Duration::from_secs(20);
/// After so many unanswered questions it is taken for gone.
const SILENT_PINGS: u32 = 2;
/// Operations that run at once on one socket.
const MOST_OPERATIONS: usize = 200;

/// One conversation.
pub(super) struct Session<'a> {
    edge: Arc<Edge>,
    id: RequestId,
    socket: &'a mut WebSocket,
    operations: Operations,
    caller: Caller,
    is_stopping: bool,
    /// Operations so far: each has the id of the socket and its number in the log.
    begun: u64,
    /// Questions for a sign of life since the client was last heard.
    unanswered: u32,
}

impl<'a> Session<'a> {
    pub(super) fn new(opened: &Opened, caller: Caller, socket: &'a mut WebSocket) -> Self {
        Self {
            edge: Arc::clone(&opened.edge),
            id: opened.id.clone(),
            socket,
            operations: Operations::default(),
            caller,
            is_stopping: false,
            begun: 0,
            unanswered: 0,
        }
    }

    /// Talks until either side ends it. Whatever still runs then ends.
    pub(super) async fn run(mut self) -> End {
        match self.talk().await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn talk(&mut self) -> Result<Infallible, End> {
        let sockets = self.edge.sockets.clone();
        let mut stopping = pin!(sockets.stopping());
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
                _ = ping.tick() => self.ping().await?,
                () = recheck.next() => self.recheck().await?,
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
            ClientMessage::ConnectionInit { .. } => {
                Err(End::Close(code::TOO_MANY_INITS, "Too many initialisation requests"))
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
                say(self.socket, &ServerMessage::Pong { payload: payload.as_deref() }).await
            }
            ClientMessage::Pong => Ok(()),
        }
    }

    /// Begins an operation.
    async fn begin(&mut self, id: &str, payload: &str) -> Result<(), End> {
        self.begun += 1;
        let endpoint = self.edge.endpoint_on_socket(&self.caller, &format!("{}.{}", self.id, self.begun));
        if let Err(too_fast) = self.edge.rates.take(endpoint.caller(), 1) {
            return self.refuse(id, Code::RateLimited, too_fast.message()).await;
        }
        match operation::read(&self.edge.schema, payload.as_bytes()) {
            Ok(request) => {
                self.operations.begin(id, &request, endpoint, self.edge.app.config.limits.request_timeout());
                Ok(())
            }
            Err(unusable) => {
                let errors = unusable.response("the payload").errors;
                say(self.socket, &ServerMessage::Error { id, payload: &errors }).await
            }
        }
    }

    /// Ends the conversation once its caller's right has ended.
    async fn recheck(&mut self) -> Result<(), End> {
        if self.edge.app.access.still_admits(&self.caller).await {
            return Ok(());
        }
        Err(End::Close(code::FORBIDDEN, "The token has expired, or was revoked"))
    }

    async fn ping(&mut self) -> Result<(), End> {
        if self.unanswered >= SILENT_PINGS {
            return Err(End::Gone);
        }
        self.unanswered += 1;
        send(self.socket, Message::Ping(Vec::new().into())).await
    }

    async fn refuse(&mut self, id: &str, code: Code, message: String) -> Result<(), End> {
        say(self.socket, &ServerMessage::Error { id, payload: &[code.server_error(message)] }).await
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
}
