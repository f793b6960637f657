//! A dry run: one plugin is asked about one order, and nothing comes of it. Nothing is stored, and no event is recorded.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use entity::{
    id::{EventId, OrderId, PluginId, PluginRunId, PluginWorkflowId},
    order, plugin, plugin_run,
    stored::{PluginRunStatus, PluginTrigger},
};
use serde_json::{Map, Value, json};

use super::{
    call::{begin, meaning, payload, prepare},
    document::{Material, RunInfo, run_json},
    expression,
};
use crate::{
    access::{
        Caller, Granted,
        right::{ConfigWrite, PiiRead},
    },
    app::App,
    domain::{
        plugin::{Answer, HttpMethod},
        problem::{Found, Path, Problem},
    },
    fault::Fault,
    outbound::{Request, SendError, status},
    secret::Secret,
    store::{self, Reader},
    trace::Trace,
    usecase::{self, plugin::StoredHttp},
};

/// The name of the step in a dry run.
const STEP: &str = "test";
/// What stands in the place of a callback token: nobody waits for an answer that comes later.
const NO_TOKEN: &str = "none-in-a-dry-run";
/// What stands in the place of a secret.
const BLOTTED: &str = "***";

/// What a dry run showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// What was sent or evaluated, secrets blotted out; nothing where it could not be made.
    pub request: Option<Value>,
    /// HTTP status of the answer, if one came.
    pub status_code: Option<u16>,
    /// The answer: JSON, or text where it is none; the value of an expression.
    pub response: Option<Value>,
    /// What it would have meant.
    pub answer: Answer,
}

/// Asks a plugin about an order as a run set off by its ORDER_CREATED would; disabled plugins too.
pub async fn try_out(
    app: &App,
    caller: Granted<'_, (ConfigWrite, PiiRead)>,
    plugin_id: PluginId,
    order_id: OrderId,
) -> Result<Trial, usecase::Error> {
    let reader = app.reader(&caller);
    let plugin = store::plugin::by_id(&reader.db(), plugin_id).await?;
    let order = store::order::by_id(&reader.db(), order_id).await?;
    let mut found = Found::new();
    if plugin.is_none() {
        let path = Path::root().field("pluginId");
        found.push(Problem::not_found(&path, format!("there is no plugin {plugin_id}")));
    }
    if order.is_none() {
        let path = Path::root().field("orderId");
        found.push(Problem::not_found(&path, format!("there is no order {order_id}")));
    }
    found.or(())?;
    let (Some(plugin), Some(order)) = (plugin, order) else {
        return Err(Fault::broken("what was found is gone").into());
    };
    let now = app.clock.now();
    let run = run(app, &caller, &order, now);
    let callback_url = format!("{}/plugin-callbacks/{}", app.config.public_url(), run.id);
    let info = RunInfo {
        run: &run,
        workflow_id: run.workflow_id,
        step: STEP,
        deadline: now,
        callback_url: &callback_url,
        callback_token: &Secret::new(NO_TOKEN.to_owned()),
    };
    Ok(match &plugin.expression {
        Some(text) => {
            let material = material(&reader, &caller, order, &info).await?;
            evaluate(app, text.clone(), material).await?
        }
        None => call(app, &caller, &reader, &plugin, order, info).await?,
    })
}

async fn evaluate(app: &App, text: String, material: Material) -> Result<Trial, Fault> {
    let (tenant, contacts) = (material.tenant.clone(), app.contacts.clone());
    let computed = app.compute.run(&tenant, move || {
        let document = material.document(&contacts)?;
        let value = expression::evaluate(&text, &document);
        let request = Some(json!({"expression": text, "document": document}));
        let response = value.as_ref().ok().cloned();
        let answer = value.map_or_else(|error| Answer::Fail { error }, |value| expression::meaning(&value));
        Ok(Trial { request, status_code: None, response, answer })
    });
    computed.await?
}

async fn call(
    app: &App,
    caller: &Caller,
    reader: &Reader,
    plugin: &plugin::Model,
    order: order::Model,
    mut info: RunInfo<'_>,
) -> Result<Trial, Fault> {
    let http: StoredHttp = serde_json::from_str(plugin.http.as_deref().unwrap_or("null"))?;
    let now = info.deadline;
    info.deadline = now + chrono::Duration::milliseconds(i64::from(http.callback_timeout_ms));
    let http = Arc::new(http);
    let material = material(reader, caller, order, &info).await?;
    let payload = match payload(app, &http, material, info.run.trigger).await? {
        Ok(payload) => payload,
        Err(error) => {
            let answer = Answer::Fail { error: error.to_string().into() };
            return Ok(Trial { request: None, status_code: None, response: None, answer });
        }
    };
    let mut span = begin(app, plugin, &http, &info);
    let request = prepare(app, plugin, &http, &info, payload, &span, now)?;
    let shown = shown(&http, &request);
    let sent = app.outbound.send(request).await;
    span.answered(status(&sent));
    let response = match &sent {
        Ok(response) | Err(SendError::TooLarge(response)) => Some(response),
        Err(_) => None,
    };
    Ok(Trial {
        request: Some(shown),
        status_code: response.map(|response| response.status),
        response: response.map(|response| json_or_text(&response.body)),
        answer: meaning(app, &sent),
    })
}

/// A run that is not stored, of a workflow that there is not.
fn run(app: &App, caller: &Caller, order: &order::Model, now: DateTime<Utc>) -> plugin_run::Model {
    plugin_run::Model {
        tenant_id: caller.tenant.to_string(),
        id: PluginRunId(app.ids.uuid()),
        workflow_id: PluginWorkflowId(app.ids.uuid()),
        order_id: order.id,
        work_order_id: None,
        event_id: EventId(app.ids.uuid()),
        trigger: PluginTrigger::OrderInitiated,
        status: PluginRunStatus::Running,
        steps: "[]".to_owned(),
        step: Some(STEP.to_owned()),
        step_number: 1,
        attempts: 1,
        depth: 1,
        due_at: None,
        lease: None,
        lane: None,
        created_at: now,
        started_at: Some(now),
        finished_at: None,
        trace_parent: caller.trace.as_ref().map(Trace::parent),
        trace_state: caller.trace.as_ref().and_then(Trace::state),
    }
}

/// What the plugin's document is made of: the order as it is, and the event that it was born with, as long as the log has
/// it.
async fn material(
    reader: &Reader,
    caller: &Caller,
    order: order::Model,
    info: &RunInfo<'_>,
) -> Result<Material, Fault> {
    Ok(Material {
        tenant: caller.tenant.clone(),
        work_orders: store::work_order::of_order(&reader.db(), order.id).await?,
        own: None,
        event: store::event::first_of(&reader.db(), order.id).await?,
        run: run_json(info),
        order,
    })
}

/// The request as it goes out. Header values that the plugin was saved with are secrets.
fn shown(http: &StoredHttp, request: &Request) -> Value {
    let own = |name: &str| http.headers.iter().any(|header| header.name == name);
    let headers: Map<String, Value> = request
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), json!(if own(name) { BLOTTED } else { value.expose() })))
        .collect();
    let method = match http.method {
        HttpMethod::Get => "GET",
        HttpMethod::Post => "POST",
        HttpMethod::Put => "PUT",
    };
    let query: Map<String, Value> =
        request.query.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let body = (!request.body.is_empty()).then(|| json_or_text(&request.body));
    json!({
        "method": method,
        "url": request.url,
        "query": query,
        "headers": headers,
        "body": body,
        "timeoutMs": u64::try_from(request.timeout.as_millis()).unwrap_or(u64::MAX),
    })
}

fn json_or_text(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(bytes)))
}
