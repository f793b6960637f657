//! Two plugins that run inside the process, on a loopback port of their own, and their workflows.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, anyhow};
use axum::{Json, Router, routing::post};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    client::{Client, Page},
    orders::SERVED_PREFIX,
};
use crate::app::App;

/// Cash on delivery beyond this, in whatever currency, is too good to be true.
const MOST_CASH: f64 = 20_000.0;

/// A plugin of the demo: its name, its path on the server, what it is for.
type Known = (&'static str, &'static str, &'static str);

const SERVICEABILITY: Known =
    ("Demo serviceability", "/serviceability", "Rejects orders to places that nobody serves.");
const FRAUD_SCORE: Known = ("Demo fraud score", "/fraud-score", "Rejects orders that collect too much cash.");
const KNOWN: [Known; 2] = [SERVICEABILITY, FRAUD_SCORE];

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
        let server = axum::serve(listener, router()).with_graceful_shutdown(stopped);
        tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!("the demo's plugins ended: {error}");
            }
        });
        for known in KNOWN {
            let (name, ..) = known;
            let found = registered.nodes.iter().find(|plugin| plugin.name == name);
            let created = match found {
                Some(plugin) => Ok(plugin.id.clone()),
                None => plugins.create(&client, known).await,
            };
            let id = created.with_context(|| format!("cannot create the plugin {name:?}"))?;
            if !workflows.nodes.iter().any(|workflow| workflow.name == name) {
                let created = create_workflow(&client, name, &id).await;
                created.with_context(|| format!("cannot create the workflow {name:?}"))?;
            }
        }
        Ok(plugins)
    }

    /// Where they are.
    pub fn urls(&self) -> Vec<String> {
        KNOWN.iter().map(|(_, path, _)| self.url(path)).collect()
    }

    /// Stops the plugins.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn create(&self, client: &Client, (name, path, description): Known) -> anyhow::Result<String> {
        let input = json!({"name": name, "description": description, "http": {"url": self.url(path)}});
        client.create(CREATE_PLUGIN, json!({"input": input})).await
    }
}

async fn create_workflow(client: &Client, name: &str, plugin_id: &str) -> anyhow::Result<String> {
    let input = json!({
        "name": name,
        "trigger": "ORDER_INITIATED",
        "start": "check",
        "steps": [{"name": "check", "pluginId": plugin_id}],
    });
    client.create(CREATE_WORKFLOW, json!({"input": input})).await
}

/// Listens where the plugins are registered already, or else on a free port: in this version, a plugin's URL does not
/// change.
async fn listen(registered: &[Registered]) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let known = registered.iter().filter(|plugin| KNOWN.iter().any(|(name, ..)| plugin.name == *name));
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

fn router() -> Router {
    Router::new().route(SERVICEABILITY.1, post(serviceability)).route(FRAUD_SCORE.1, post(fraud_score))
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

async fn fraud_score(Json(document): Json<Value>) -> Json<Value> {
    let work_orders = document.pointer("/order/workOrders").and_then(Value::as_array);
    let amounts = work_orders.into_iter().flatten().filter_map(|work_order| {
        work_order.pointer("/collectOnDelivery/amount")?.as_str()?.parse::<f64>().ok()
    });
    let cash: f64 = amounts.sum();
    if cash > MOST_CASH {
        let message = format!("{cash:.2} to collect on delivery is more than {MOST_CASH:.0}");
        reject("FRAUD_SUSPECTED", &message, "workOrders")
    } else {
        pass()
    }
}

fn pass() -> Json<Value> {
    Json(json!({"verdict": "PASS"}))
}

fn reject(code: &str, message: &str, path: &str) -> Json<Value> {
    Json(json!({"verdict": "REJECT", "reasons": [{"code": code, "message": message, "path": path}]}))
}
