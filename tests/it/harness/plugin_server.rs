//! A plugin whose answers a test scripts.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
};
use serde_json::Value;
use tokio::sync::Semaphore;

/// An answer of the plugin.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// A call that the plugin got.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) query: Option<String>,
    pub(crate) body: Value,
    pub(crate) raw: Bytes,
}

#[derive(Debug, Default)]
struct Script {
    answers: VecDeque<Answer>,
    /// Takes calls, and never says a word.
    is_stalled: bool,
    /// Calls are answered as they get a permit.
    gate: Option<Arc<Semaphore>>,
    calls: Vec<Call>,
}

/// A plugin on a loopback port. Without a scripted answer it passes.
#[derive(Clone, Debug)]
pub(crate) struct PluginServer {
    pub(crate) url: String,
    script: Arc<Mutex<Script>>,
}

impl PluginServer {
    /// Listens on a free port.
    pub(crate) async fn start() -> Self {
        let script = Arc::<Mutex<Script>>::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/check", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&script));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, script }
    }

    /// The next call that has no answer yet gets this one.
    pub(crate) fn answer(&self, status: u16, body: impl Into<String>) -> &Self {
        self.answer_with(status, Vec::new(), body)
    }

    /// The same with headers.
    pub(crate) fn answer_with(
        &self,
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: impl Into<String>,
    ) -> &Self {
        let answer = Answer { status, headers, body: body.into() };
        self.script.lock().unwrap().answers.push_back(answer);
        self
    }

    /// From now on no call is answered.
    pub(crate) fn stall(&self) {
        self.script.lock().unwrap().is_stalled = true;
    }

    /// From now on each call waits for a permit.
    pub(crate) fn hold(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        self.script.lock().unwrap().gate = Some(Arc::clone(&gate));
        gate
    }

    /// The calls so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.script.lock().unwrap().calls.clone()
    }
}

async fn answer(
    State(script): State<Arc<Mutex<Script>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    raw: Bytes,
) -> (StatusCode, HeaderMap, String) {
    let (answer, is_stalled, gate) = {
        let mut script = script.lock().unwrap();
        let body = serde_json::from_slice(&raw).unwrap_or(Value::Null);
        script.calls.push(Call { method, headers, query: uri.query().map(ToOwned::to_owned), body, raw });
        (script.answers.pop_front(), script.is_stalled, script.gate.clone())
    };
    if is_stalled {
        std::future::pending::<()>().await;
    }
    if let Some(gate) = gate {
        gate.acquire().await.unwrap().forget();
    }
    let Some(answer) = answer else {
        return (StatusCode::OK, HeaderMap::new(), r#"{"verdict":"PASS"}"#.to_owned());
    };
    let headers =
        answer.headers.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    (StatusCode::from_u16(answer.status).unwrap(), headers.collect(), answer.body)
}
