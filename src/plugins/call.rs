//! One call of a plugin: the request, and what its answer means.

use std::{sync::Arc, time::Duration};

use chrono::DateTime;
use entity::{
    plugin, plugin_run,
    stored::{PluginRunStatus, PluginTrigger},
};
use futures_util::future::{try_join, try_join3};
use tokio::time::Instant;

use super::{
    document::{Material, RunInfo, run_json},
    expression,
    payload::{self, Payload},
};
use crate::{
    access::Caller,
    app::App,
    domain::plugin::{Answer, Attempt, FailureKind, HttpMethod, RenderError, judge},
    fault::Fault,
    outbound::{Method, Request, Response, SendError, signature_headers, status, trace_headers},
    secret::Secret,
    store,
    trace::{KeyValue, Span},
    usecase::{
        plugin::{
            AttemptRecord, CallbackToken, Settlement, StoredHttp, StoredStep, excerpt, plugin_secret_context,
            sealed_header_context,
        },
        signing::{self, Sealed},
        work::trace_of,
    },
};

/// How many take-ups of a step may be lost with the processes that held them, before the step counts as one that nobody can
/// carry out.
const MAX_LOST: i32 = 3;

/// Asks the plugin of the step that a run is at, as it was taken up. If it ended since, that is seen when its answer is
/// settled.
pub async fn ask(app: &App, caller: &Caller, run: plugin_run::Model) -> Result<Settlement, Fault> {
    let reader = app.reader(caller);
    let run_id = run.id;
    let steps: Vec<StoredStep> = serde_json::from_str(&run.steps)?;
    let step = steps.into_iter().find(|step| Some(&step.name) == run.step.as_ref());
    let step = step.ok_or_else(|| Fault::broken("a plugin run is at a step that it does not have"))?;
    let plugin_id = step.plugin()?;
    let started_at = app.clock.now();
    let mut settlement = Settlement {
        run,
        step,
        plugin_name: String::new(),
        max_attempts: 1,
        deadline: started_at,
        seen: 0,
        attempt: None,
        answer: Answer::Fail { error: "the plugin was deleted".into() },
    };
    let db = reader.db();
    // The end of the log before the order is read: what changes in between is then taken for unknown to the plugin.
    let (plugin, seen) = try_join(store::plugin::by_id(&db, plugin_id), store::event::head(&db)).await?;
    let Some(plugin) = plugin else { return Ok(settlement) };
    settlement.seen = seen;
    settlement.plugin_name.clone_from(&plugin.name);
    let http: Option<StoredHttp> = plugin.http.as_deref().map(serde_json::from_str).transpose()?;
    settlement.max_attempts = http.as_ref().map_or(1, |http| http.max_attempts);
    if settlement.run.attempts > settlement.max_attempts.saturating_add(MAX_LOST) {
        return Err(Fault::broken(
            "a step was taken up too often without an outcome: do processes die over it?",
        ));
    }
    if settlement.run.status == PluginRunStatus::Waiting {
        let error = "the plugin put its answer off, and did not give it by its deadline";
        settlement.answer = Answer::Fail { error: error.into() };
        return Ok(settlement);
    }
    if !plugin.enabled {
        settlement.answer = Answer::Fail { error: "the plugin is disabled".into() };
        return Ok(settlement);
    }
    let put_off = http.as_ref().map_or(0, |http| http.callback_timeout_ms);
    settlement.deadline = started_at + chrono::Duration::milliseconds(i64::from(put_off));
    let run = &settlement.run;
    let token = CallbackToken {
        tenant: caller.tenant.to_string(),
        step_number: run.step_number,
        attempt: run.attempts,
        started_at,
        deadline: settlement.deadline,
        seen,
    };
    let callback_url = format!("{}/plugin-callbacks/{run_id}", app.config.public_url());
    let info = RunInfo {
        run,
        workflow_id: run.workflow_id,
        step: &settlement.step.name,
        deadline: settlement.deadline,
        callback_url: &callback_url,
        callback_token: &token.seal(app, run_id)?,
    };
    let material = material(app, caller, &info).await?;
    let Some(http) = http else {
        let (answer, attempt) = evaluate(app, plugin.expression.unwrap_or_default(), material).await?;
        settlement.answer = answer;
        settlement.attempt = Some(attempt);
        return Ok(settlement);
    };
    let http = Arc::new(http);
    let payload = match payload(app, &http, material, info.run.trigger).await? {
        Ok(payload) => payload,
        Err(error) => {
            settlement.answer = Answer::Fail { error: error.to_string().into() };
            return Ok(settlement);
        }
    };
    let mut span = begin(app, &plugin, &http, &info);
    let request = prepare(app, &plugin, &http, &info, payload, &span, started_at)?;
    let begun = Instant::now();
    let sent = app.outbound.send(request).await;
    let response = match &sent {
        Ok(response) | Err(SendError::TooLarge(response)) => Some(response),
        Err(_) => None,
    };
    span.answered(status(&sent));
    drop(span);
    app.metrics.plugin_attempt(response.map(|response| response.status), begun.elapsed());
    settlement.attempt = Some(AttemptRecord {
        started_at,
        duration: begun.elapsed(),
        status_code: response.map(|response| response.status),
        response_excerpt: response.map(|response| excerpt(&response.body)),
    });
    settlement.answer = meaning(app, &sent);
    Ok(settlement)
}

/// What the value of an expression for a document means, and the record of it.
async fn evaluate(app: &App, text: String, material: Material) -> Result<(Answer, AttemptRecord), Fault> {
    let started_at = app.clock.now();
    let begun = Instant::now();
    let (tenant, contacts) = (material.tenant.clone(), app.contacts.clone());
    let computed = app.compute.run(&tenant, move || {
        let value = expression::evaluate(&text, &material.document(&contacts)?);
        let response_excerpt = value.as_ref().ok().map(|value| excerpt(value.to_string().as_bytes()));
        let answer = value.map_or_else(|error| Answer::Fail { error }, |value| expression::meaning(&value));
        Ok::<_, Fault>((answer, response_excerpt))
    });
    let (answer, response_excerpt) = computed.await??;
    Ok((answer, AttemptRecord { started_at, duration: begun.elapsed(), status_code: None, response_excerpt }))
}

/// What an endpoint is sent about a document; an error where its template makes or looks at too much of it.
pub(super) async fn payload(
    app: &App,
    http: &Arc<StoredHttp>,
    material: Material,
    trigger: PluginTrigger,
) -> Result<Result<Payload, RenderError>, Fault> {
    let (tenant, contacts, http) = (material.tenant.clone(), app.contacts.clone(), Arc::clone(http));
    let make = move || payload::of(&http, &material.document(&contacts)?.into(), trigger);
    app.compute.run(&tenant, make).await?
}

/// The request that carries a payload to an endpoint.
pub(super) fn prepare(
    app: &App,
    plugin: &plugin::Model,
    http: &StoredHttp,
    info: &RunInfo<'_>,
    payload: Payload,
    span: &Span,
    now: DateTime<chrono::Utc>,
) -> Result<Request, Fault> {
    let Payload { query, body } = payload;
    Ok(Request {
        method: method(http.method),
        headers: headers(app, plugin, http, info, span, now, &body)?,
        query,
        url: http.url.clone(),
        body,
        timeout: Duration::from_millis(u64::try_from(http.request_timeout_ms).unwrap_or(0)),
    })
}

/// What the document of a plugin is made of, as it stands now.
async fn material(app: &App, caller: &Caller, info: &RunInfo<'_>) -> Result<Material, Fault> {
    let reader = app.reader(caller);
    let gone = |what| Fault::broken(format!("a plugin run is about {what} that is not there"));
    let (db, event_ids) = (reader.db(), [info.run.event_id]);
    let read = try_join3(
        store::order::by_id(&db, info.run.order_id),
        store::work_order::of_order(&db, info.run.order_id),
        store::event::by_ids(&db, &event_ids),
    );
    // What it keeps while it waits is large, and would be part of every run that is worked on.
    let (order, work_orders, events) = Box::pin(read).await?;
    Ok(Material {
        tenant: caller.tenant.clone(),
        order: order.ok_or_else(|| gone("an order"))?,
        work_orders,
        own: info.run.work_order_id,
        // A run may be open for longer than events are kept, held for instance; it then goes on without its event.
        event: events.into_iter().next(),
        run: run_json(info),
    })
}

const fn method(method: HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::Get,
        HttpMethod::Post => Method::Post,
        HttpMethod::Put => Method::Put,
    }
}

/// The plugin's own headers, and ours: the message id and the idempotency key are the same for every attempt of a
/// step.
fn headers(
    app: &App,
    plugin: &plugin::Model,
    http: &StoredHttp,
    info: &RunInfo<'_>,
    span: &Span,
    now: DateTime<chrono::Utc>,
    body: &[u8],
) -> Result<Vec<(String, Secret<String>)>, Fault> {
    let mut headers = Vec::with_capacity(http.headers.len() + 8);
    for header in &http.headers {
        let value = unseal(app, &header.value, &sealed_header_context(plugin.id, &header.name))?;
        headers.push((header.name.clone(), value));
    }
    let sealed = Sealed {
        current: &plugin.secret,
        previous: plugin.previous_secret.as_deref(),
        previous_until: plugin.previous_until,
    };
    let secrets = signing::open(app, &plugin_secret_context(plugin.id), sealed, now)?;
    let message_id = format!("{}/{}", info.run.id, info.step);
    headers.extend(signature_headers(&secrets, &message_id, now.timestamp(), body));
    headers.push(("idempotency-key".to_owned(), message_id.into()));
    headers.extend(trace_headers(span));
    if !body.is_empty() {
        headers.push(("content-type".to_owned(), "application/json".to_owned().into()));
    }
    Ok(headers)
}

/// Begins the span of a call, within the trace of what set the run off.
pub(super) fn begin(app: &App, plugin: &plugin::Model, http: &StoredHttp, info: &RunInfo<'_>) -> Span {
    let method = match http.method {
        HttpMethod::Get => "GET",
        HttpMethod::Post => "POST",
        HttpMethod::Put => "PUT",
    };
    let mut span = app.traces.call(method, &http.url, trace_of(info.run).as_ref(), || {
        vec![
            KeyValue::new("tenant.id", plugin.tenant_id.clone()),
            KeyValue::new("plugin.name", plugin.name.clone()),
            KeyValue::new("plugin_run.id", info.run.id.to_string()),
            KeyValue::new("plugin_run.step", info.step.to_owned()),
        ]
    });
    span.sent_before(info.run.attempts - 1);
    span
}

fn unseal(app: &App, sealed: &str, context: &str) -> Result<Secret<String>, Fault> {
    let bytes = app.keyring.open(sealed, context).map_err(|error| {
        Fault::broken(format!("a sealed value does not open; is the data key file the right one? {error}"))
    })?;
    let text = String::from_utf8(bytes).map_err(|_| Fault::broken("a sealed value is no text"))?;
    Ok(Secret::new(text))
}

/// What came of a call.
pub(super) fn meaning(app: &App, sent: &Result<Response, SendError>) -> Answer {
    let failure = |kind, error: &SendError| {
        judge(&Attempt::Failure { kind, message: &error.to_string() }, app.clock.now())
    };
    match sent {
        Ok(response) => judge(
            &Attempt::Response {
                status: response.status,
                body: &response.body,
                retry_after: response.retry_after.as_deref(),
            },
            app.clock.now(),
        ),
        Err(error @ SendError::Refused(_)) => failure(FailureKind::Refused, error),
        Err(error @ SendError::Timeout) => failure(FailureKind::Timeout, error),
        Err(error @ SendError::Connect(_)) => failure(FailureKind::Connect, error),
        Err(error @ SendError::Broken) => failure(FailureKind::Broken, error),
        Err(error @ SendError::TooLarge(response)) => {
            failure(FailureKind::TooLarge { status: response.status }, error)
        }
    }
}
