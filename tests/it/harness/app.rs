//! The service in process.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use chrono::{DateTime, Duration, Utc};
use futures_util::{StreamExt as _, stream::BoxStream};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use waybill::{
    access::Caller,
    app::App,
    config::{AccessConfig, Config},
    events::Place,
    graphql::{self, Endpoint, Item, Request as Operation},
    plugins::Worker,
    seam::{Clock, Ids},
    secret::Keyring,
    store::Database,
};

use super::database::TestDatabase;

/// When every test begins.
const BEGINNING: &str = "2026-03-01T08:00:00Z";

/// How many connections a second process over one store has.
const CONNECTIONS_BESIDE: u32 = 4;

/// A service on a store of its own, with a clock that stands still and ids that count.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) router: Router,
    pub(crate) database: Arc<TestDatabase>,
    stop: CancellationToken,
}

/// What a GraphQL request answered.
#[derive(Clone, Debug)]
pub(crate) struct Reply(pub(crate) Value);

impl TestApp {
    /// A service whose pool has one connection: code that asks for another while a transaction is open hangs.
    pub(crate) async fn start() -> Self {
        Self::start_with(1).await
    }

    /// A service for tests of concurrency.
    pub(crate) async fn start_with(connections: u32) -> Self {
        Self::start_configured(connections, Config::default()).await
    }

    /// A service that is configured in another way; networks and the store are the tests' own.
    pub(crate) async fn configured(config: Config) -> Self {
        Self::start_configured(1, config).await
    }

    async fn start_configured(connections: u32, config: Config) -> Self {
        let database = TestDatabase::create().await;
        let clock = Clock::manual(BEGINNING.parse::<DateTime<Utc>>().unwrap());
        Self::over_configured(database.into(), connections, clock, Ids::counted(), config).await
    }

    /// A service that wants to know who is calling.
    pub(crate) async fn start_closed(access: AccessConfig) -> Self {
        Self::start_configured(4, Config { access, ..Config::default() }).await
    }

    /// Another process over the store of one that runs: it shares nothing with it but the store, the time and that ids
    /// are unique.
    pub(crate) async fn beside(other: &Self) -> Self {
        let (clock, ids) = (other.app.clock.clone(), other.app.ids.clone());
        Self::over(Arc::clone(&other.database), CONNECTIONS_BESIDE, clock, ids).await
    }

    /// The same for a service that wants to know who is calling.
    pub(crate) async fn closed_beside(other: &Self, access: AccessConfig) -> Self {
        Self::configured_beside(other, Config { access, ..Config::default() }).await
    }

    /// The same for a service that is configured in any other way.
    pub(crate) async fn configured_beside(other: &Self, config: Config) -> Self {
        let (clock, ids) = (other.app.clock.clone(), other.app.ids.clone());
        Self::over_configured(Arc::clone(&other.database), CONNECTIONS_BESIDE, clock, ids, config).await
    }

    /// Tells the other processes of its store what it commits, and hears what they do.
    pub(crate) fn hear_others(&self) {
        let service = self.app.wake.service(self.app.database.clone());
        tokio::spawn(service.run(self.stop.clone()));
    }

    /// Ends what runs beside the requests, as a server does that stops.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// A service over a store that is there already.
    pub(crate) async fn over(
        database: impl Into<Arc<TestDatabase>>,
        connections: u32,
        clock: Clock,
        ids: Ids,
    ) -> Self {
        Self::over_configured(database.into(), connections, clock, ids, Config::default()).await
    }

    async fn over_configured(
        database: Arc<TestDatabase>,
        connections: u32,
        clock: Clock,
        ids: Ids,
        config: Config,
    ) -> Self {
        let store = Database::open(&database.url, Some(connections)).await.unwrap();
        let config = Config { plugin_allow_net: vec!["127.0.0.0/8".parse().unwrap()], ..config };
        let keyring = Keyring::parse("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=").unwrap();
        let app = waybill::serve::assemble(config, store, keyring, clock, ids).unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(app.hub.tail(app.database.clone(), app.wake.clone()).run(stop.clone()));
        let router = waybill::http::router(app.clone());
        Self { app, router, database, stop }
    }

    /// Executes a document without variables.
    pub(crate) async fn run(&self, document: &str) -> Reply {
        self.execute(document, json!({})).await
    }

    /// Executes a document.
    pub(crate) async fn execute(&self, document: &str, variables: Value) -> Reply {
        let body = json!({"query": document, "variables": variables}).to_string();
        let request = Request::post("/graphql")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .unwrap();
        let (status, body) = self.send(request).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        Reply(serde_json::from_str(&body).unwrap())
    }

    /// What executes operations on behalf of any caller, past HTTP, which knows only one of them yet.
    fn endpoint(&self, caller: Caller) -> Endpoint {
        let schema = graphql::schema(&self.app.config);
        Endpoint::new(schema, self.app.clone(), caller, "test")
    }

    /// The answers of a subscription on behalf of any caller, and where it has come to.
    pub(crate) fn subscribe_as(
        &self,
        caller: Caller,
        document: &str,
    ) -> (BoxStream<'static, Value>, Arc<Place>) {
        let (endpoint, place) = self.endpoint(caller).resuming(None);
        let answers =
            endpoint.execute_stream(endpoint.choose(&Operation::new(document))).map(|item| match item {
                Item::Response(response) => serde_json::to_value(response).unwrap(),
                Item::Written(text) => serde_json::from_str(&text).unwrap(),
            });
        (answers.boxed(), place)
    }

    /// Executes a document on behalf of any caller.
    pub(crate) async fn execute_as(&self, caller: Caller, document: &str, variables: Value) -> Reply {
        let endpoint = self.endpoint(caller);
        let operation = Operation::new(document).with_variables(&variables).unwrap();
        Reply(serde_json::to_value(endpoint.execute(&operation).await).unwrap())
    }

    /// Executes a document for whoever shows a token.
    pub(crate) async fn execute_with(
        &self,
        token: &str,
        document: &str,
        variables: Value,
    ) -> (StatusCode, Reply) {
        let body = json!({"query": document, "variables": variables}).to_string();
        let request = Request::post("/graphql")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::from(body))
            .unwrap();
        let (status, body) = self.send(request).await;
        (status, Reply(serde_json::from_str(&body).unwrap()))
    }

    /// Sends any request.
    pub(crate) async fn send(&self, request: Request<Body>) -> (StatusCode, String) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// Executes one mutation with an input, selecting `selection` of its payload, and gives the payload.
    pub(crate) async fn mutate(&self, mutation: &str, input: Value, selection: &str) -> Value {
        let kind = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
        let by_id = ["Archive", "Delete", "Revoke", "Retry"].iter().any(|end| mutation.ends_with(end));
        let kind = match kind.as_str() {
            kind if kind.ends_with("TransitionInput") => "TransitionInput",
            _ if by_id => "IdInput",
            kind => kind,
        };
        let document =
            format!("mutation M($input: {kind}!) {{ payload: {mutation}(input: $input) {{ {selection} }} }}");
        self.execute(&document, json!({"input": input})).await.data()["payload"].clone()
    }

    /// Defines attributes, given as keys and types, of orders or work orders.
    pub(crate) async fn define(&self, owner: &str, attributes: &[(&str, &str)]) {
        for (key, kind) in attributes {
            self.define_as(json!({"owner": owner, "key": key, "type": kind})).await;
        }
    }

    /// Defines an attribute, and gives its id.
    pub(crate) async fn define_as(&self, input: Value) -> String {
        let selection = "attributeDefinition { id } userErrors { code message path }";
        let payload = self.mutate("attributeDefinitionCreate", input, selection).await;
        assert_eq!(payload["userErrors"], json!([]), "{payload}");
        text(&payload["attributeDefinition"]["id"])
    }

    /// Creates an order, and gives its id and those of its work orders.
    pub(crate) async fn create(&self, input: Value) -> (String, Vec<String>) {
        let selection = "order { id workOrders { id } } userErrors { code message path }";
        let payload = self.mutate("orderCreate", input, selection).await;
        assert_eq!(payload["userErrors"], json!([]), "{payload}");
        let order = &payload["order"];
        let work_orders = order["workOrders"].as_array().unwrap();
        let ids = work_orders.iter().map(|work_order| text(&work_order["id"])).collect();
        (text(&order["id"]), ids)
    }

    /// Fires an event on a work order that must go through.
    pub(crate) async fn move_work_order(&self, id: &str, event: &str) {
        let input = json!({"id": id, "event": event});
        let payload = self.mutate("workOrderTransition", input, "userErrors { code message }").await;
        assert_eq!(payload["userErrors"], json!([]), "{event} on {id}");
    }

    /// Works on every plugin run that is due at the present instant, and gives how many that were.
    pub(crate) async fn settle(&self) -> usize {
        Worker::new(self.app.clone()).work_once().await.unwrap()
    }

    /// Sends to webhook endpoints everything that is due at the present instant, and gives how many attempts that were.
    pub(crate) async fn deliver(&self) -> usize {
        waybill::webhooks::Worker::new(self.app.clone()).work_once().await.unwrap()
    }

    /// Moves the clock forward.
    pub(crate) fn advance(&self, by: Duration) {
        self.app.clock.advance(by);
    }

    /// The types of every event, oldest first, with the state that each leads to.
    pub(crate) async fn log(&self) -> Vec<String> {
        let document = "{ orderEvents(first: 100) { nodes { type toStatus } } }";
        let reply = self.run(document).await.data();
        let events = reply["orderEvents"]["nodes"].as_array().unwrap();
        events
            .iter()
            .map(|event| {
                let to = event["toStatus"].as_str().map(|to| format!(" {to}")).unwrap_or_default();
                format!("{}{to}", text(&event["type"]))
            })
            .collect()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Reply {
    /// The data of an answer without errors.
    pub(crate) fn data(self) -> Value {
        assert_eq!(self.0.get("errors"), None, "{:#}", self.0);
        self.0["data"].clone()
    }

    /// Code and message of the only error.
    pub(crate) fn error(&self) -> (String, String) {
        let errors = self.0["errors"].as_array().unwrap_or_else(|| panic!("no errors: {:#}", self.0));
        assert_eq!(errors.len(), 1, "{:#}", self.0);
        (text(&errors[0]["extensions"]["code"]), text(&errors[0]["message"]))
    }
}

/// The text of a JSON string.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no string")).to_owned()
}
