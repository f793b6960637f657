//! Four plugins, three of them on a loopback port of the process, and the workflow that asks them one after the other.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    client::{Client, Page},
    orders::SERVED_PREFIX,
};
use crate::{
    app::App,
    usecase::plugin::{CallbackToken, call_back},
};

/// Cash on delivery beyond this, in whatever currency, is too good to be true.
const MOST_CASH: f64 = 20_000.0;
/// How long it takes to look more closely.
const CLOSER_LOOK: Duration = Duration::from_millis(100);
/// The workflow's name.
const WORKFLOW: &str = "Demo intake";

/// A plugin of the demo.
struct Known {
    name: &'static str,
    description: &'static str,
    /// The step that asks it.
    step: &'static str,
    made: Made,
}

/// What it is made of.
enum Made {
    /// An endpoint on the demo's own server, at this path.
    At(&'static str),
    Expression(&'static str),
}

const SERVICEABILITY: &str = "/serviceability";
const ZONES: &str = "/zones";
const FRAUD: &str = "/fraud-check";

/// In the order in which they are asked.
const KNOWN: [Known; 4] = [
    Known {
        name: "Demo serviceability",
        description: "Rejects orders to places that nobody serves.",
        step: "serviceability",
        made: Made::At(SERVICEABILITY),
    },
    Known {
        name: "Demo zones",
        description: "Enriches orders with the zone of their destination.",
        step: "zone",
        made: Made::At(ZONES),
    },
    Known {
        name: "Demo promise",
        description: "Computes until when an order is to be done: a day for EXPRESS, three days for others.",
        step: "promise",
        made: Made::Expression(
            "{'verdict': 'ENRICH', 'patch': {'customAttributes': {'dueBy': timestamp(order.createdAt) + \
             duration(order.customAttributes.priority == 'EXPRESS' ? '24h' : '72h')}}}",
        ),
    },
    Known {
        name: "Demo fraud check",
        description: "Rejects orders that collect too much cash, and takes its time with those that collect any.",
        step: "fraud",
        made: Made::At(FRAUD),
    },
];

const LIST_PLUGINS: &str = "{ result: plugins(first: 100) { nodes { id name http { url } } } }";
const LIST_WORKFLOWS: &str = "{ result: pluginWorkflows(first: 100) { nodes { name } } }";
const CREATE_PLUGIN: &str = "mutation($input: PluginCreateInput!) {
    result: pluginCreate(input: $input) { entity: plugin { id } userErrors { message } }
}";
const CREATE_WORKFLOW: &str = "mutation($input: PluginWorkflowCreateInput!) {
    result: pluginWorkflowCreate(input: $input) { entity: pluginWorkflow { id } userErrors { message } }
}";

/// The running plugins.
#[derive(Debug)]
pub struct Plugins {
    address: SocketAddr,
    stop: CancellationToken,
}

/// A plugin as it is registered.
#[derive(Deserialize)]
struct Registered {
    id: String,
    name: String,
    http: Option<Http>,
}

#[derive(Deserialize)]
struct Http {
    url: String,
}

/// A workflow as it is registered.
#[derive(Deserialize)]
struct Workflow {
    name: String,
}

impl Plugins {
    /// Starts the plugins, and registers them and their workflows where that was not done by an earlier demo on the
    /// same database.
    pub async fn start(app: &App) -> anyhow::Result<Self> {
        let client = Client::new(app.clone());
        let registered: Page<Registered> = client.ask(LIST_PLUGINS, json!({})).await?;
        let workflows: Page<Workflow> = client.ask(LIST_WORKFLOWS, json!({})).await?;
        let (listener, address) = listen(&registered.nodes).await?;
        let plugins = Self { address, stop: CancellationToken::new() };
        let stopped = plugins.stop.clone().cancelled_owned();
        let server = axum::serve(listener, router(app.clone())).with_graceful_shutdown(stopped);
        tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!("the demo's plugins ended: {error}");
            }
        });
        let mut ids = Vec::with_capacity(KNOWN.len());
        for known in &KNOWN {
            let found = registered.nodes.iter().find(|plugin| plugin.name == known.name);
            let created = match found {
                Some(plugin) => Ok(plugin.id.clone()),
                None => plugins.create(&client, known).await,
            };
            ids.push(created.with_context(|| format!("cannot create the plugin {:?}", known.name))?);
        }
        if !workflows.nodes.iter().any(|workflow| workflow.name == WORKFLOW) {
            let created = create_workflow(&client, &ids).await;
            created.with_context(|| format!("cannot create the workflow {WORKFLOW:?}"))?;
        }
        Ok(plugins)
    }

    /// Where they are, those that are somewhere.
    pub fn urls(&self) -> Vec<String> {
        let paths = KNOWN.iter().filter_map(|known| match known.made {
            Made::At(path) => Some(path),
            Made::Expression(_) => None,
        });
        paths.map(|path| self.url(path)).collect()
    }

    /// Stops the plugins.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn create(&self, client: &Client, known: &Known) -> anyhow::Result<String> {
        let (name, description) = (known.name, known.description);
        let input = match known.made {
            Made::At(path) => {
                json!({"name": name, "description": description, "http": {"url": self.url(path)}})
            }
            Made::Expression(text) => json!({"name": name, "description": description, "expression": text}),
        };
        client.create(CREATE_PLUGIN, json!({"input": input})).await
    }
}

/// One step after the other; the first rejection ends it.
async fn create_workflow(client: &Client, plugin_ids: &[String]) -> anyhow::Result<String> {
    let followers = KNOWN.iter().skip(1).map(|known| Some(known.step)).chain([None]);
    let steps = KNOWN.iter().zip(plugin_ids).zip(followers);
    let steps: Vec<_> = steps
        .map(|((known, id), follower)| json!({"name": known.step, "pluginId": id, "onPass": follower}))
        .collect();
    let start = KNOWN.first().map(|known| known.step);
    let input = json!({"name": WORKFLOW, "trigger": "ORDER_INITIATED", "start": start, "steps": steps});
    client.create(CREATE_WORKFLOW, json!({"input": input})).await
}

/// Listens where the plugins are registered already, or else on a free port.
async fn listen(registered: &[Registered]) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let known = registered.iter().filter(|plugin| KNOWN.iter().any(|known| plugin.name == known.name));
    let port =
        known.filter_map(|plugin| plugin.http.as_ref()).find_map(|http| Url::parse(&http.url).ok()?.port());
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0)));
    let listener = TcpListener::bind(wanted).await.map_err(|error| {
        anyhow!(
            "the demo's plugins are registered at {wanted} in this database, but cannot listen there: {error}; stop \
             what does, or take another database"
        )
    })?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn router(app: App) -> Router {
    Router::new()
        .route(SERVICEABILITY, post(serviceability))
        .route(ZONES, post(zones))
        .route(FRAUD, post(fraud_check))
        .with_state(app)
}

async fn serviceability(Json(document): Json<Value>) -> Json<Value> {
    let postal_code = document.pointer("/order/destination/address/postalCode").and_then(Value::as_str);
    match postal_code {
        Some(code) if code.starts_with(SERVED_PREFIX) => pass(),
        Some(code) => reject(
            "NOT_SERVICEABLE",
            &format!("nobody delivers to the postal code {code}"),
            "destination.address.postalCode",
        ),
        None => reject("NOT_SERVICEABLE", "the destination has no postal code", "destination.address"),
    }
}

async fn zones(Json(document): Json<Value>) -> Json<Value> {
    let postal_code = document.pointer("/order/destination/address/postalCode").and_then(Value::as_str);
    let zone: String = postal_code.unwrap_or_default().chars().take(3).collect();
    Json(json!({"verdict": "ENRICH", "patch": {"customAttributes": {"zone": zone}}}))
}

/// Too much cash is rejected at once. Any cash is looked at more closely, and the answer comes later.
async fn fraud_check(State(app): State<App>, Json(document): Json<Value>) -> Response {
    let work_orders = document.pointer("/order/workOrders").and_then(Value::as_array);
    let amounts = work_orders.into_iter().flatten().filter_map(|work_order| {
        work_order.pointer("/collectOnDelivery/amount")?.as_str()?.parse::<f64>().ok()
    });
    let cash: f64 = amounts.sum();
    if cash > MOST_CASH {
        let message = format!("{cash:.2} to collect on delivery is more than {MOST_CASH:.0}");
        return reject("FRAUD_SUSPECTED", &message, "workOrders").into_response();
    }
    if cash <= 0.0 {
        return pass().into_response();
    }
    tokio::spawn(async move {
        tokio::time::sleep(CLOSER_LOOK).await;
        let run = |member: &str| document.pointer(member).and_then(Value::as_str).unwrap_or_default();
        // What a POST to the callback URL does; a plugin elsewhere would send one.
        let opened = CallbackToken::open(&app, run("/run/id"), run("/run/callbackToken"));
        let Some((run_id, token)) = opened else { return };
        let answered = call_back(&app, run_id, &token, br#"{"verdict": "PASS"}"#).await;
        tracing::debug!(?answered, "the demo's fraud check has looked more closely");
    });
    StatusCode::ACCEPTED.into_response()
}

fn pass() -> Json<Value> {
    Json(json!({"verdict": "PASS"}))
}

fn reject(code: &str, message: &str, path: &str) -> Json<Value> {
    Json(json!({"verdict": "REJECT", "reasons": [{"code": code, "message": message, "path": path}]}))
}
