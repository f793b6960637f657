//! The ways by which an operation comes to the server.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
};

use axum::{
    body::Body,
    http::{
        Request,
        header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
    },
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::harness::{Socket, TestApp, sse::EventStream};

/// A transport, or a way to name a document on one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Transport {
    /// A body with a document.
    Post,
    /// A URL with a document.
    Get,
    /// A list of requests, the others of which are harmless.
    Batch,
    /// A body with the hash of a document that somebody sent before.
    Persisted,
    /// A body with the id of a document that the operator trusts.
    Trusted,
    /// A stream that is opened by POST.
    Stream,
    /// A stream that is opened by GET, as browsers do.
    BrowserStream,
    /// `graphql-transport-ws`.
    Socket,
}

impl Transport {
    pub(super) const ALL: [Self; 8] = [
        Self::Post,
        Self::Get,
        Self::Batch,
        Self::Persisted,
        Self::Trusted,
        Self::Stream,
        Self::BrowserStream,
        Self::Socket,
    ];

    /// Whether operations of that root are executed by it.
    pub(super) fn carries(self, root: &str) -> bool {
        match self {
            Self::Get => root == "Query",
            Self::BrowserStream => root != "Mutation",
            _ => true,
        }
    }

    /// Whether it answers subscriptions.
    pub(super) const fn streams(self) -> bool {
        matches!(self, Self::Stream | Self::BrowserStream | Self::Socket)
    }
}

/// What is asked, and by whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask<'a> {
    pub(super) credentials: &'a str,
    pub(super) text: &'a str,
    pub(super) variables: &'a Value,
    pub(super) operation_name: Option<&'a str>,
}

impl Ask<'_> {
    fn body(&self) -> Value {
        let mut body = json!({"query": self.text, "variables": self.variables});
        if let Some(name) = self.operation_name {
            body["operationName"] = json!(name);
        }
        body
    }

    fn parameters(&self) -> String {
        let mut parameters = url::form_urlencoded::Serializer::new(String::new());
        parameters.append_pair("query", self.text).append_pair("variables", &self.variables.to_string());
        if let Some(name) = self.operation_name {
            parameters.append_pair("operationName", name);
        }
        parameters.finish()
    }
}

/// A client of one transport.
pub(super) struct Door<'a> {
    app: &'a TestApp,
    transport: Transport,
    address: Option<SocketAddr>,
    /// A socket for each caller.
    sockets: HashMap<String, Socket>,
    /// The documents that were sent with their hash.
    sent: HashSet<String>,
    asked: u64,
}

impl<'a> Door<'a> {
    pub(super) async fn new(app: &'a TestApp, transport: Transport) -> Self {
        let address = if transport == Transport::Socket { Some(app.listen().await) } else { None };
        Self { app, transport, address, sockets: HashMap::new(), sent: HashSet::new(), asked: 0 }
    }

    /// The answer to an operation; the first one of a subscription.
    pub(super) async fn ask(&mut self, ask: Ask<'_>) -> Value {
        match self.transport {
            Transport::Post => self.post(ask, &ask.body()).await,
            Transport::Get => {
                let request = Request::get(format!("/graphql?{}", ask.parameters()));
                self.send(request.header(AUTHORIZATION, bearer(ask)).body(Body::empty()).unwrap()).await
            }
            Transport::Batch => {
                let other = json!({"query": "{ viewer { tenantId } }"});
                let mut answers = self.post(ask, &json!([other, ask.body(), other])).await;
                for other in [0, 2] {
                    assert_eq!(answers[other].get("errors"), None, "{answers:#}");
                }
                answers[1].take()
            }
            Transport::Persisted => {
                let mut body = ask.body();
                let hash = hash(ask.text);
                body["extensions"] = json!({"persistedQuery": {"version": 1, "sha256Hash": hash}});
                if !self.sent.insert(hash) {
                    body.as_object_mut().unwrap().remove("query");
                }
                self.post(ask, &body).await
            }
            Transport::Trusted => {
                let mut body = ask.body();
                body["documentId"] = json!(hash(ask.text));
                body.as_object_mut().unwrap().remove("query");
                self.post(ask, &body).await
            }
            Transport::Stream => {
                let request = Request::post("/graphql").header(CONTENT_TYPE, "application/json");
                self.stream(ask, request, ask.body().to_string().into()).await
            }
            Transport::BrowserStream => {
                let request = Request::get(format!("/graphql?{}", ask.parameters()));
                self.stream(ask, request, Body::empty()).await
            }
            Transport::Socket => self.talk(ask).await,
        }
    }

    async fn post(&self, ask: Ask<'_>, body: &Value) -> Value {
        let request = Request::post("/graphql")
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, bearer(ask))
            .body(body.to_string().into());
        self.send(request.unwrap()).await
    }

    async fn send(&self, request: Request<Body>) -> Value {
        let (_, body) = self.app.send(request).await;
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
    }

    /// What a stream says first; an empty answer if it ends without a word.
    async fn stream(&self, ask: Ask<'_>, request: axum::http::request::Builder, body: Body) -> Value {
        let request = request.header(ACCEPT, "text/event-stream").header(AUTHORIZATION, bearer(ask));
        let mut stream = EventStream::of(self.app, request.body(body).unwrap()).await;
        match stream.shown().await {
            Some(shown) if shown.kind == "next" => serde_json::from_str(&shown.data).unwrap(),
            _ => json!({}),
        }
    }

    /// What is said on the caller's socket first; an empty answer if the operation ends without a word.
    async fn talk(&mut self, ask: Ask<'_>) -> Value {
        self.asked += 1;
        let id = self.asked.to_string();
        if !self.sockets.contains_key(ask.credentials) {
            let mut socket = Socket::connect(self.address.unwrap()).await;
            let payload = json!({"authorization": bearer(ask)});
            socket.say(json!({"type": "connection_init", "payload": payload})).await;
            assert_eq!(socket.hear().await, json!({"type": "connection_ack"}));
            self.sockets.insert(ask.credentials.to_owned(), socket);
        }
        let socket = self.sockets.get_mut(ask.credentials).unwrap();
        socket.say(json!({"type": "subscribe", "id": id, "payload": ask.body()})).await;
        let mut answer = json!({});
        loop {
            let mut message = socket.hear().await;
            if message["id"] != json!(id) {
                // It is about a subscription that was given up.
                continue;
            }
            match message["type"].as_str() {
                Some("next") => answer = message["payload"].take(),
                Some("error") => return json!({"errors": message["payload"]}),
                Some("complete") => return answer,
                _ => panic!("unknown message {message:#}"),
            }
            if ask.text.contains("subscription") {
                socket.say(json!({"type": "complete", "id": id})).await;
                return answer;
            }
        }
    }
}

fn bearer(ask: Ask<'_>) -> String {
    format!("Bearer {}", ask.credentials)
}

/// What a document is called where it is not sent.
pub(super) fn hash(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
