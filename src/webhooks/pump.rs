//! Sends to one endpoint what there is to be sent.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use entity::{event, webhook_endpoint};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{envelope, pace::Pace};
use crate::{
    access::Caller,
    app::App,
    domain::webhook::{Attempt, judge},
    fault::Fault,
    outbound::{Method, Request, Response, SendError, signature_headers, status, trace_headers},
    store::{
        self,
        queue::{self, ClaimedDelivery, Webhook},
    },
    trace::{KeyValue, Span},
    usecase::{
        self,
        signing::{self, Sealed},
        webhook::Outcome,
    },
};

/// How long a delivery is held; what is left after the answer is for settling it. A dead process's deliveries are taken
/// over when this time is up.
const HELD_FOR: chrono::Duration = chrono::Duration::seconds(30);

/// Tells a pump that there may be more to send.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: AtomicBool,
    notify: Notify,
}

impl Bell {
    pub(super) fn ring(&self) {
        self.rung.store(true, Ordering::SeqCst);
        self.notify.notify_one();
    }

    /// Whether it was rung since the pump last looked for work.
    pub(super) fn is_rung(&self) -> bool {
        self.rung.load(Ordering::SeqCst)
    }
}

/// Sends to one endpoint.
pub(super) struct Pump {
    pub(super) app: App,
    pub(super) webhook: Webhook,
    pub(super) bell: Arc<Bell>,
    /// Bounds what the process sends at once.
    pub(super) room: Arc<Semaphore>,
    /// How long the endpoint may take to answer.
    pub(super) answer_within: Duration,
    pub(super) shutdown: CancellationToken,
}

impl Pump {
    /// Sends until nothing is due any more, and gives how many attempts that were.
    pub(super) async fn run(self) -> usize {
        let caller = Caller::system(self.webhook.tenant.clone());
        let lease = self.app.ids.uuid();
        let mut sending = JoinSet::new();
        let mut count = 0;
        let result = self.work(&caller, lease, &mut sending, &mut count).await;
        // What is on its way is brought to its end, even if something failed or the server stops.
        let mut outcomes = Vec::new();
        while let Some(sent) = sending.join_next().await {
            outcomes.extend(sent.ok().flatten());
        }
        count += outcomes.len();
        let settled = match result {
            Ok(()) if outcomes.is_empty() => Ok(()),
            Ok(()) => self.settle(&caller, lease, &outcomes).await,
            Err(error) => Err(error),
        };
        // Nothing is lost: what was taken up is due again when that ends.
        if let Err(error) = settled {
            tracing::error!(
                tenant.id = %self.webhook.tenant, webhook_endpoint.id = %self.webhook.endpoint_id, %error,
                "webhook deliveries could not be worked"
            );
        }
        count
    }

    async fn work(
        &self,
        caller: &Caller,
        lease: Uuid,
        sending: &mut JoinSet<Option<Outcome>>,
        count: &mut usize,
    ) -> Result<(), Fault> {
        let mut pace = Pace::default();
        while !self.shutdown.is_cancelled() {
            self.bell.rung.store(false, Ordering::SeqCst);
            let reader = self.app.reader(caller);
            let endpoint = store::webhook::by_id(&reader.db(), self.webhook.endpoint_id).await?;
            let Some(endpoint) = endpoint.filter(|endpoint| endpoint.enabled) else { return Ok(()) };
            if endpoint.failing_since.is_some() {
                pace.fails();
            }
            // An endpoint that has all that it may have at once, and does not answer, costs the others no writes.
            let mut more = false;
            if sending.len() < pace.at_once() {
                more = usecase::webhook::dispatch(&self.app, caller, &endpoint).await.map_err(usecase::Error::into_fault)?;
                self.take_up(caller, &endpoint, lease, pace, sending).await?;
            }
            if sending.is_empty() {
                if !more {
                    return Ok(());
                }
                continue;
            }
            let mut outcomes = Vec::new();
            tokio::select! {
                Some(sent) = sending.join_next() => outcomes.extend(sent.ok().flatten()),
                () = self.bell.notify.notified() => {}
                () = self.shutdown.cancelled() => {}
            }
            while let Some(sent) = sending.try_join_next() {
                outcomes.extend(sent.ok().flatten());
            }
            if !outcomes.is_empty() {
                *count += outcomes.len();
                for outcome in &outcomes {
                    pace.see(&outcome.verdict);
                }
                self.settle(caller, lease, &outcomes).await?;
            }
        }
        Ok(())
    }

    async fn settle(&self, caller: &Caller, lease: Uuid, outcomes: &[Outcome]) -> Result<(), Fault> {
        let id = self.webhook.endpoint_id;
        usecase::webhook::settle(&self.app, caller, id, lease, outcomes).await.map_err(usecase::Error::into_fault)
    }

    /// Room for as many deliveries as may be sent now. Waits for it only if nothing of this endpoint is on its way.
    async fn room(&self, wanted: usize, is_idle: bool) -> Vec<OwnedSemaphorePermit> {
        let free = || Arc::clone(&self.room).try_acquire_owned().ok();
        let mut permits: Vec<_> = std::iter::from_fn(free).take(wanted).collect();
        if permits.is_empty() && is_idle && wanted > 0 {
            // Never closed.
            permits.extend(Arc::clone(&self.room).acquire_owned().await.ok());
        }
        permits
    }

    /// Takes up deliveries that are due, as many as there is room for, and sends them.
    async fn take_up(
        &self,
        caller: &Caller,
        endpoint: &webhook_endpoint::Model,
        lease: Uuid,
        pace: Pace,
        sending: &mut JoinSet<Option<Outcome>>,
    ) -> Result<(), Fault> {
        // Before deliveries are taken up, so that they are not held while they wait.
        let wanted = pace.at_once().saturating_sub(sending.len());
        let mut permits = self.room(wanted, sending.is_empty()).await;
        if permits.is_empty() {
            return Ok(());
        }
        let now = self.app.clock.now();
        let database = &self.app.database;
        let limit = permits.len();
        let claimed =
            queue::claim_deliveries(database, &self.webhook, now, now + HELD_FOR, lease, limit).await?;
        if claimed.is_empty() {
            return Ok(());
        }
        let sealed = Sealed {
            current: &endpoint.secret,
            previous: endpoint.previous_secret.as_deref(),
            previous_until: endpoint.previous_until,
        };
        let context = usecase::webhook::secret_context(endpoint.id);
        let secrets = Arc::new(signing::open(&self.app, &context, sealed, now)?);
        let positions: Vec<i64> = claimed.iter().map(|delivery| delivery.position).collect();
        let events = store::event::at(&self.app.reader(caller).db(), &positions).await?;
        for event in events {
            let Some(delivery) = claimed.iter().find(|delivery| delivery.position == event.position) else {
                continue;
            };
            let body = envelope::write(&self.webhook.tenant, &event)?;
            let span = self.begin(&event, delivery, &endpoint.url);
            let mut headers = Vec::with_capacity(5);
            headers.extend(signature_headers(&secrets, &event.id.to_string(), now.timestamp(), &body));
            headers.extend(trace_headers(&span));
            headers.push(("content-type".to_owned(), envelope::CONTENT_TYPE.to_owned().into()));
            let request = Request {
                method: Method::Post,
                url: endpoint.url.clone(),
                query: Vec::new(),
                headers,
                body,
                timeout: self.answer_within,
            };
            let permit = permits.pop();
            sending.spawn(send(self.app.clone(), permit, span, request, *delivery, event));
        }
        Ok(())
    }

    /// Begins the span of a delivery. It is in a trace of its own: an event does not know whose request it was.
    fn begin(&self, event: &event::Model, delivery: &ClaimedDelivery, url: &str) -> Span {
        let mut span = self.app.traces.call("POST", url, None, || {
            vec![
                KeyValue::new("tenant.id", self.webhook.tenant.to_string()),
                KeyValue::new("webhook_endpoint.id", self.webhook.endpoint_id.to_string()),
                KeyValue::new("event.id", event.id.to_string()),
            ]
        });
        span.sent_before(delivery.attempts - 1);
        span
    }
}

/// Makes one attempt.
async fn send(
    app: App,
    _permit: Option<OwnedSemaphorePermit>,
    mut span: Span,
    request: Request,
    delivery: ClaimedDelivery,
    event: event::Model,
) -> Option<Outcome> {
    let begun = Instant::now();
    let sent = app.outbound.send(request).await;
    span.answered(status(&sent));
    drop(span);
    let (response, failure) = match sent {
        Ok(response) | Err(SendError::TooLarge(response)) => (Some(response), String::new()),
        Err(error) => (None, error.to_string()),
    };
    let attempt = attempt_of(response.as_ref(), &failure);
    let verdict = judge(&attempt, delivery.attempts, app.ids.jitter(), app.clock.now());
    let status_code = response.map(|response| response.status);
    app.metrics.webhook_attempt(status_code, begun.elapsed());
    Some(Outcome { position: event.position, order_id: delivery.order_id, status_code, verdict })
}

fn attempt_of<'a>(response: Option<&'a Response>, failure: &'a str) -> Attempt<'a> {
    response.map_or(Attempt::Failed { message: failure }, |response| Attempt::Answered {
        status: response.status,
        retry_after: response.retry_after.as_deref(),
    })
}
