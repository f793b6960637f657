//! One delivery: its request, and what its answer means.

use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::{event, webhook_endpoint};
use tokio::time::Instant;

use super::envelope;
use crate::{
    access::Caller,
    app::App,
    domain::webhook::{Attempt, judge},
    fault::Fault,
    outbound::{
        Method, Request, Response, SendError, SigningSecret, signature_headers, status, trace_headers,
    },
    store::{self, queue::ClaimedDelivery},
    trace::{KeyValue, Span},
    usecase::{
        self,
        signing::{self, Sealed},
        webhook::Outcome,
    },
};

/// What is said of a delivery that could not even be made.
const NOT_MADE: &str = "the service could not make the delivery; its operator finds the cause in the log, under the id of the endpoint";

/// A delivery that can be sent.
pub(super) struct Delivery {
    /// How it was taken up.
    pub(super) claimed: ClaimedDelivery,
    request: Request,
    span: Span,
}

/// The deliveries that were taken up, ready to be sent. One whose event is not kept any more is left out: it is removed with it.
pub(super) async fn make(
    app: &App,
    caller: &Caller,
    endpoint: &webhook_endpoint::Model,
    claimed: &[ClaimedDelivery],
    answer_within: Duration,
) -> Result<Vec<Delivery>, Fault> {
    let now = app.clock.now();
    let sealed = Sealed {
        current: &endpoint.secret,
        previous: endpoint.previous_secret.as_deref(),
        previous_until: endpoint.previous_until,
    };
    let secrets = signing::open(app, &usecase::webhook::secret_context(endpoint.id), sealed, now)?;
    let positions: Vec<i64> = claimed.iter().map(|delivery| delivery.position).collect();
    let events = store::event::at(&app.reader(caller).db(), &positions).await?;
    let mut deliveries = Vec::with_capacity(events.len());
    for event in events {
        let Some(claimed) = claimed.iter().find(|delivery| delivery.position == event.position) else {
            continue;
        };
        let span = begin(app, caller, endpoint, &event, claimed);
        let request = request(caller, endpoint, &event, &secrets, &span, now, answer_within)?;
        deliveries.push(Delivery { claimed: *claimed, request, span });
    }
    Ok(deliveries)
}

fn request(
    caller: &Caller,
    endpoint: &webhook_endpoint::Model,
    event: &event::Model,
    secrets: &[SigningSecret],
    span: &Span,
    now: DateTime<Utc>,
    timeout: Duration,
) -> Result<Request, Fault> {
    let body = envelope::write(&caller.tenant, event)?;
    let mut headers = Vec::with_capacity(5);
    headers.extend(signature_headers(secrets, &event.id.to_string(), now.timestamp(), &body));
    headers.extend(trace_headers(span));
    headers.push(("content-type".to_owned(), envelope::CONTENT_TYPE.to_owned().into()));
    let url = endpoint.url.clone();
    Ok(Request { method: Method::Post, url, query: Vec::new(), headers, body, timeout })
}

/// Begins the span of a delivery. It is in a trace of its own: an event does not know whose request it was.
fn begin(
    app: &App,
    caller: &Caller,
    endpoint: &webhook_endpoint::Model,
    event: &event::Model,
    claimed: &ClaimedDelivery,
) -> Span {
    let mut span = app.traces.call("POST", &endpoint.url, None, || {
        vec![
            KeyValue::new("tenant.id", caller.tenant.to_string()),
            KeyValue::new("webhook_endpoint.id", endpoint.id.to_string()),
            KeyValue::new("event.id", event.id.to_string()),
        ]
    });
    span.sent_before(claimed.attempts - 1);
    span
}

impl Delivery {
    /// Makes one attempt.
    pub(super) async fn send(self, app: &App) -> Outcome {
        let Self { claimed, request, mut span } = self;
        let begun = Instant::now();
        let sent = app.outbound.send(request).await;
        span.answered(status(&sent));
        drop(span);
        let (response, failure) = match sent {
            Ok(response) | Err(SendError::TooLarge(response)) => (Some(response), String::new()),
            Err(error) => (None, error.to_string()),
        };
        let status_code = response.as_ref().map(|response| response.status);
        app.metrics.webhook_attempt(status_code, begun.elapsed());
        outcome(app, &claimed, status_code, &attempt_of(response.as_ref(), &failure))
    }
}

/// What becomes of a delivery that could not be made: it counts as one that was sent and failed.
pub(super) fn not_made(app: &App, claimed: &ClaimedDelivery) -> Outcome {
    outcome(app, claimed, None, &Attempt::Failed { message: NOT_MADE })
}

fn outcome(app: &App, claimed: &ClaimedDelivery, status_code: Option<u16>, attempt: &Attempt<'_>) -> Outcome {
    let verdict = judge(attempt, claimed.attempts, app.ids.jitter(), app.clock.now());
    Outcome { position: claimed.position, order_id: claimed.order_id, status_code, verdict }
}

fn attempt_of<'a>(response: Option<&'a Response>, failure: &'a str) -> Attempt<'a> {
    response.map_or(Attempt::Failed { message: failure }, |response| Attempt::Answered {
        status: response.status,
        retry_after: response.retry_after.as_deref(),
    })
}
