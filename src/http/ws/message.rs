//! The messages of `graphql-transport-ws`.

use std::borrow::Cow;

use async_graphql::{Response, ServerError};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::http::answer::Answer;

/// The longest id of an operation; it is repeated in every message about it.
const MAX_ID_LENGTH: usize = 256;

/// What a client says.
#[derive(Debug)]
pub(super) enum ClientMessage {
    /// Begins the conversation. The payload may say who is calling.
    ConnectionInit { payload: Option<Box<RawValue>> },
    /// Begins an operation; the payload is the request.
    Subscribe { id: String, payload: Box<RawValue> },
    /// Ends an operation.
    Complete { id: String },
    /// Asks for a sign of life.
    Ping { payload: Option<Box<RawValue>> },
    /// Gives one.
    Pong,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    id: Option<String>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

impl ClientMessage {
    /// Reads a message. The error is a reason for closing the socket.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        let message: Envelope<'_> = serde_json::from_str(text).map_err(|_| "Invalid message")?;
        let payload = message.payload.filter(|payload| payload.get() != "null");
        let is_object = payload.is_none_or(|payload| payload.get().starts_with('{'));
        let id = message.id.filter(|id| (1..=MAX_ID_LENGTH).contains(&id.len())).ok_or("Invalid id");
        match message.kind.as_ref() {
            "connection_init" if is_object => {
                Ok(Self::ConnectionInit { payload: payload.map(ToOwned::to_owned) })
            }
            "ping" if is_object => Ok(Self::Ping { payload: payload.map(ToOwned::to_owned) }),
            "pong" if is_object => Ok(Self::Pong),
            "complete" => Ok(Self::Complete { id: id? }),
            "subscribe" => {
                let payload = payload.ok_or("A subscribe message needs a payload")?;
                Ok(Self::Subscribe { id: id?, payload: payload.to_owned() })
            }
            "connection_init" | "ping" | "pong" => Err("The payload must be an object"),
            _ => Err("Unknown message type"),
        }
    }
}

/// What the server says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ServerMessage<'a> {
    /// The conversation has begun.
    ConnectionAck,
    /// A result of an operation.
    Next { id: &'a str, payload: Answer<'a> },
    /// An operation was not executed.
    Error { id: &'a str, payload: &'a [ServerError] },
    /// An operation has ended.
    Complete { id: &'a str },
    /// A sign of life.
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<&'a RawValue>,
    },
}

impl<'a> ServerMessage<'a> {
    /// A result of an operation.
    pub(super) fn next(id: &'a str, response: &'a Response) -> Self {
        Self::Next { id, payload: response.into() }
    }

    /// The text of the message.
    pub(super) fn write(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

/// The message with an answer that is text already, such as [`ServerMessage::next`] writes it.
pub(super) fn next_written(id: &str, payload: &str) -> String {
    let id = serde_json::Value::from(id).to_string();
    [r#"{"type":"next","id":"#, &id, r#","payload":"#, payload, "}"].concat()
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    /// What was understood, in short.
    fn read(text: &str) -> String {
        match ClientMessage::read(text) {
            Ok(ClientMessage::ConnectionInit { .. }) => "init".to_owned(),
            Ok(ClientMessage::Subscribe { id, payload }) => format!("{id}: {payload}"),
            Ok(ClientMessage::Complete { id }) => format!("{id} complete"),
            Ok(ClientMessage::Ping { payload }) => format!("ping {payload:?}"),
            Ok(ClientMessage::Pong) => "pong".to_owned(),
            Err(reason) => format!("closed: {reason}"),
        }
    }

    #[test]
    fn what_a_client_says_is_understood_or_a_reason_to_close() {
        let long = format!(r#"{{"type": "complete", "id": "{}"}}"#, "x".repeat(257));
        for (text, expected) in [
            (r#"{"type": "connection_init"}"#, "init"),
            (r#"{"type": "connection_init", "payload": null}"#, "init"),
            (r#"{"payload": {"a": 1}, "type": "connection_init"}"#, "init"),
            (r#"{"type": "connection_init", "payload": 7}"#, "closed: The payload must be an object"),
            (r#"{"type": "subscribe", "id": "1", "payload": {"query": "{x}"}}"#, r#"1: {"query": "{x}"}"#),
            (r#"{"type": "subscribe", "id": "1", "payload": {}}"#, "1: {}"),
            (r#"{"type": "subscribe", "id": "1"}"#, "closed: A subscribe message needs a payload"),
            (r#"{"type": "subscribe", "payload": {"query": "{x}"}}"#, "closed: Invalid id"),
            (r#"{"type": "subscribe", "id": "", "payload": {"query": "{x}"}}"#, "closed: Invalid id"),
            (r#"{"type": "subscribe", "id": 1, "payload": {"query": "{x}"}}"#, "closed: Invalid message"),
            (r#"{"type": "complete", "id": "1"}"#, "1 complete"),
            (r#"{"type": "complete"}"#, "closed: Invalid id"),
            (&long, "closed: Invalid id"),
            (r#"{"type": "ping"}"#, "ping None"),
            (r#"{"type": "ping", "payload": {"a":1}}"#, r#"ping Some(RawValue({"a":1}))"#),
            (r#"{"type": "pong", "payload": {}}"#, "pong"),
            (r#"{"type": "start", "id": "1", "payload": {"query": "{x}"}}"#, "closed: Unknown message type"),
            (r#"{"id": "1"}"#, "closed: Invalid message"),
            ("[]", "closed: Invalid message"),
            ("", "closed: Invalid message"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_the_server_says_has_the_form_of_the_protocol() {
        let response = Response::new(value!({"a": 1}));
        let refused = Response::from_errors(vec![ServerError::new("no", None)]);
        let raw = RawValue::from_string("{\"a\":1}".to_owned()).unwrap();
        for (message, expected) in [
            (ServerMessage::ConnectionAck, r#"{"type":"connection_ack"}"#),
            (ServerMessage::next("1", &response), r#"{"type":"next","id":"1","payload":{"data":{"a":1}}}"#),
            (
                ServerMessage::Error { id: "1", payload: &refused.errors },
                r#"{"type":"error","id":"1","payload":[{"message":"no"}]}"#,
            ),
            (ServerMessage::Complete { id: "1" }, r#"{"type":"complete","id":"1"}"#),
            (ServerMessage::Pong { payload: None }, r#"{"type":"pong"}"#),
            (ServerMessage::Pong { payload: Some(&raw) }, r#"{"type":"pong","payload":{"a":1}}"#),
        ] {
            assert_eq!(message.write().unwrap(), expected);
        }
        for id in ["1", "a \"b\"\n"] {
            let written = ServerMessage::next(id, &response).write().unwrap();
            assert_eq!(next_written(id, r#"{"data":{"a":1}}"#), written);
        }
    }
}
