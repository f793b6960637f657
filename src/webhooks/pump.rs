//! Sends to one endpoint what there is to be sent.

use std::{
    panic::AssertUnwindSafe,
    slice,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use entity::{id::WebhookEndpointId, webhook_endpoint};
use futures_util::FutureExt as _;
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    delivery::{make, not_made},
    pace::Pace,
};
use crate::{
    access::Caller,
    app::App,
    domain::webhook::MAX_ATTEMPTS,
    fair::{Gate, Place},
    fault::Fault,
    store::{
        self, Tenant,
        queue::{self, ClaimedDelivery, Webhook},
    },
    usecase::{self, webhook::Outcome},
};

/// How long a delivery is held; what is left after the answer is for settling it. A dead process's deliveries are taken
/// over when this time is up.
const HELD_FOR: chrono::Duration = chrono::Duration::seconds(30);

/// How often a delivery is taken up: three times more than it is tried, because the process that holds it may die.
#[expect(clippy::cast_possible_wrap, clippy::cast_possible_truncation, reason = "a small constant")]
const MAX_TAKE_UPS: i32 = MAX_ATTEMPTS as i32 + 3;

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
    /// What the process sends at once, shared between tenants and between a tenant's endpoints.
    pub(super) gate: Gate<Tenant, WebhookEndpointId>,
    /// How long the endpoint may take to answer.
    pub(super) answer_within: Duration,
    pub(super) shutdown: CancellationToken,
}

/// The deliveries that a pump has taken up.
struct Begun {
    /// Names the take-up.
    lease: Uuid,
    /// Those that are on their way.
    sending: JoinSet<Outcome>,
    /// What became of those that are not, and is not written yet.
    outcomes: Vec<Outcome>,
    /// How many attempts there were.
    count: usize,
}

impl Begun {
    /// An attempt ended; one that panicked has no outcome.
    fn end(&mut self, outcome: Option<Outcome>) {
        self.count += usize::from(outcome.is_some());
        self.outcomes.extend(outcome);
    }

    /// Takes the outcomes of those that have ended.
    fn collect(&mut self) {
        while let Some(sent) = self.sending.try_join_next() {
            self.end(sent.ok());
        }
    }
}

impl Pump {
    /// Sends until nothing is due any more, and gives how many attempts that were.
    pub(super) async fn run(self) -> usize {
        let caller = Caller::system(self.webhook.tenant.clone());
        let lease = self.app.ids.uuid();
        let mut begun = Begun { lease, sending: JoinSet::new(), outcomes: Vec::new(), count: 0 };
        let worked = self.work(&caller, &mut begun).await;
        // What is on its way is brought to its end and written, even if something failed or the server stops.
        while let Some(sent) = begun.sending.join_next().await {
            begun.end(sent.ok());
        }
        let settled = self.settle(&caller, &mut begun).await;
        // Nothing is lost: what was taken up and not written is due again when that take-up ends.
        for error in [worked.err(), settled.err()].into_iter().flatten() {
            self.log(&error, "webhook deliveries could not be worked");
        }
        begun.count
    }

    async fn work(&self, caller: &Caller, begun: &mut Begun) -> Result<(), Fault> {
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
            if begun.sending.len() < pace.at_once() {
                let dispatched = usecase::webhook::dispatch(&self.app, caller, &endpoint).await;
                more = dispatched.map_err(usecase::Error::into_fault)?;
                self.take_up(caller, &endpoint, pace, begun).await?;
            }
            if begun.outcomes.is_empty() {
                if begun.sending.is_empty() {
                    if !more {
                        return Ok(());
                    }
                    continue;
                }
                tokio::select! {
                    Some(sent) = begun.sending.join_next() => begun.end(sent.ok()),
                    () = self.bell.notify.notified() => {}
                    () = self.shutdown.cancelled() => {}
                }
            }
            begun.collect();
            for outcome in &begun.outcomes {
                pace.see(&outcome.verdict);
            }
            self.settle(caller, begun).await?;
        }
        Ok(())
    }

    /// Writes what became of deliveries. Until that is done, they are remembered.
    async fn settle(&self, caller: &Caller, begun: &mut Begun) -> Result<(), Fault> {
        if begun.outcomes.is_empty() {
            return Ok(());
        }
        let id = self.webhook.endpoint_id;
        let settled = usecase::webhook::settle(&self.app, caller, id, begun.lease, &begun.outcomes).await;
        settled.map_err(usecase::Error::into_fault)?;
        begun.outcomes.clear();
        Ok(())
    }

    /// Places for as many deliveries as may be sent now. Waits for one only if nothing of this endpoint is on its way.
    async fn places(&self, wanted: usize, is_idle: bool) -> Vec<Place<Tenant, WebhookEndpointId>> {
        let (tenant, id) = (&self.webhook.tenant, &self.webhook.endpoint_id);
        let mut places: Vec<_> =
            std::iter::from_fn(|| self.gate.try_acquire(tenant, id)).take(wanted).collect();
        if places.is_empty() && is_idle && wanted > 0 {
            tokio::select! {
                // One pump at a time waits for an endpoint, so that the queue is never full.
                place = self.gate.acquire(tenant, id) => places.extend(place.ok()),
                () = self.shutdown.cancelled() => {}
            }
        }
        places
    }

    /// Takes up deliveries that are due, as many as there are places for, and sends them.
    async fn take_up(
        &self,
        caller: &Caller,
        endpoint: &webhook_endpoint::Model,
        pace: Pace,
        begun: &mut Begun,
    ) -> Result<(), Fault> {
        // Before deliveries are taken up, so that they are not held while they wait.
        let wanted = pace.at_once().saturating_sub(begun.sending.len());
        let mut places = self.places(wanted, begun.sending.is_empty()).await;
        if places.is_empty() {
            return Ok(());
        }
        let now = self.app.clock.now();
        let (database, until, limit) = (&self.app.database, now + HELD_FOR, places.len());
        let claimed =
            queue::claim_deliveries(database, &self.webhook, now, until, begun.lease, limit).await?;
        let (claimed, lost): (Vec<_>, Vec<_>) =
            claimed.into_iter().partition(|delivery| delivery.attempts <= MAX_TAKE_UPS);
        for delivery in &lost {
            begun.end(Some(not_made(&self.app, delivery)));
        }
        if claimed.is_empty() || self.begin(caller, endpoint, &claimed, &mut places, begun).await? {
            return Ok(());
        }
        // Something about them is wrong. Each is tried alone, so that those which can be sent are.
        for delivery in &claimed {
            if !self.begin(caller, endpoint, slice::from_ref(delivery), &mut places, begun).await? {
                begun.end(Some(not_made(&self.app, delivery)));
            }
        }
        Ok(())
    }

    /// Sends deliveries, and says whether they could be made: all of them, or none is sent.
    async fn begin(
        &self,
        caller: &Caller,
        endpoint: &webhook_endpoint::Model,
        claimed: &[ClaimedDelivery],
        places: &mut Vec<Place<Tenant, WebhookEndpointId>>,
        begun: &mut Begun,
    ) -> Result<bool, Fault> {
        let deliveries = match make(&self.app, caller, endpoint, claimed, self.answer_within).await {
            Ok(deliveries) => deliveries,
            Err(fault) if fault.is_temporary() => return Err(fault),
            Err(fault) => {
                self.log(&fault, "webhook deliveries could not be made");
                return Ok(false);
            }
        };
        for delivery in deliveries {
            let (app, place, claimed) = (self.app.clone(), places.pop(), delivery.claimed);
            begun.sending.spawn(async move {
                let sent = AssertUnwindSafe(delivery.send(&app)).catch_unwind().await;
                drop(place);
                sent.unwrap_or_else(|_| not_made(&app, &claimed))
            });
        }
        Ok(true)
    }

    fn log(&self, error: &Fault, message: &str) {
        let Webhook { tenant, endpoint_id } = &self.webhook;
        tracing::error!(tenant.id = %tenant, webhook_endpoint.id = %endpoint_id, %error, "{message}");
    }
}
