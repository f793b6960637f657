//! The service on a loopback port, and a client that speaks `graphql-transport-ws` to it.

use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        self, Message,
        client::IntoClientRequest as _,
        handshake::client::{Request, Response},
    },
};
use tokio_util::sync::CancellationToken;

use super::{TestApp, wait::within};

const PROTOCOL: &str = "graphql-transport-ws";

impl TestApp {
    /// Serves on a free port for as long as the test runs, and gives the address.
    pub(crate) async fn listen(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = self.router.clone();
        tokio::spawn(waybill::http::serve(listener, router, CancellationToken::new()));
        address
    }
}

/// A client's end of a socket.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
}

/// What an operation on a socket sends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Word {
    Next(Value),
    Error(Value),
    Complete,
}

impl Socket {
    /// A socket on which nothing was said yet.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (socket, response) = Self::handshake(stream, request(address, Some(PROTOCOL))).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], PROTOCOL);
        socket
    }

    /// A socket on which the conversation has begun.
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let mut socket = Self::connect(address).await;
        socket.begin().await;
        socket
    }

    /// The same with little room for what is not read yet.
    pub(crate) async fn open_narrow(address: SocketAddr) -> Self {
        let narrow = tokio::net::TcpSocket::new_v4().unwrap();
        narrow.set_recv_buffer_size(4096).unwrap();
        let stream = narrow.connect(address).await.unwrap();
        let (mut socket, _) = Self::handshake(stream, request(address, Some(PROTOCOL))).await.unwrap();
        socket.begin().await;
        socket
    }

    /// Asks for a socket in any way.
    pub(crate) async fn handshake(
        stream: TcpStream,
        request: Request,
    ) -> Result<(Self, Response), tungstenite::Error> {
        let (stream, response) = within("the handshake", client_async(request, stream)).await?;
        Ok((Self { stream }, response))
    }

    async fn begin(&mut self) {
        self.say(json!({"type": "connection_init"})).await;
        assert_eq!(self.hear().await, json!({"type": "connection_ack"}));
    }

    /// Sends a message of the protocol.
    pub(crate) async fn say(&mut self, message: Value) {
        self.send(Message::text(message.to_string())).await;
    }

    /// Sends anything.
    pub(crate) async fn send(&mut self, message: Message) {
        self.try_send(message).await.unwrap();
    }

    /// Sends what the server may refuse while it is being sent.
    pub(crate) async fn try_send(&mut self, message: Message) -> Result<(), tungstenite::Error> {
        within("that it was sent", self.stream.send(message)).await
    }

    /// Sends bytes that need not be a frame.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        within("that it was sent", self.stream.get_mut().write_all(bytes)).await.unwrap();
    }

    /// The next message of the protocol.
    pub(crate) async fn hear(&mut self) -> Value {
        // Signs of life do not count: they come for ever.
        let message = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    other => panic!("a message was expected, not {other:?}"),
                }
            }
        };
        within("a message on the socket", message).await
    }

    /// Whatever comes next; nothing once the connection has ended.
    pub(crate) async fn receive(&mut self) -> Option<Result<Message, tungstenite::Error>> {
        within("a message on the socket", self.stream.next()).await
    }

    /// Begins an operation.
    pub(crate) async fn subscribe(&mut self, id: &str, document: &str, variables: Value) {
        let payload = json!({"query": document, "variables": variables});
        self.say(json!({"type": "subscribe", "id": id, "payload": payload})).await;
    }

    /// The next word about the operation, which must be the only one that talks.
    pub(crate) async fn word(&mut self, id: &str) -> Word {
        let message = self.hear().await;
        assert_eq!(message["id"], json!(id), "{message:#}");
        match message["type"].as_str() {
            Some("next") => Word::Next(message["payload"].clone()),
            Some("error") => Word::Error(message["payload"].clone()),
            Some("complete") => Word::Complete,
            _ => panic!("unknown message {message:#}"),
        }
    }

    /// The next event of the subscription, whatever its field is called.
    pub(crate) async fn event(&mut self, id: &str) -> Value {
        let Word::Next(payload) = self.word(id).await else { panic!("the subscription ended") };
        assert_eq!(payload.get("errors"), None, "{payload:#}");
        let fields = payload["data"].as_object().unwrap();
        assert_eq!(fields.len(), 1, "{payload:#}");
        fields.values().next().unwrap().clone()
    }

    /// So many events of the subscription.
    pub(crate) async fn events(&mut self, id: &str, count: usize) -> Vec<Value> {
        let mut events = Vec::with_capacity(count);
        while events.len() < count {
            events.push(self.event(id).await);
        }
        events
    }

    /// Makes sure that nothing was sent but what was heard: the answer to a ping is next.
    pub(crate) async fn is_silent(&mut self) {
        self.say(json!({"type": "ping", "payload": {"still": "there"}})).await;
        assert_eq!(self.hear().await, json!({"type": "pong", "payload": {"still": "there"}}));
    }

    /// Code and reason with which the server closes the socket; whatever it still says before is passed over.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        let goodbye = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Close(Some(frame)))) => {
                        return (frame.code.into(), frame.reason.to_string());
                    }
                    Some(Ok(Message::Close(None)) | Err(_)) | None => panic!("closed without a code"),
                    Some(Ok(_)) => {}
                }
            }
        };
        within("the end of the socket", goodbye).await
    }
}

/// A request for a socket that offers a protocol.
pub(crate) fn request(address: SocketAddr, protocol: Option<&str>) -> Request {
    let mut request = format!("ws://{address}/graphql").into_client_request().unwrap();
    if let Some(protocol) = protocol {
        request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
    }
    request
}
