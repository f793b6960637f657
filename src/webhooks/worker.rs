//! Runs a pump for each endpoint that has something to be sent.

use std::{collections::HashSet, time::Duration};

use entity::id::WebhookEndpointId;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{
    pump::Pump,
    pumps::{Ended, Pumps},
};
use crate::{
    app::App,
    fair::{Gate, Rule},
    fault::Fault,
    store::{
        Tenant,
        queue::{self, Webhook},
    },
};

/// How many deliveries this process sends at once.
const MAX_AT_ONCE: usize = 256;
/// How long an endpoint may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// A lost wake-up, or an endpoint that is new to this process, costs this much.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The worker of a process.
#[derive(Debug)]
pub struct Worker {
    app: App,
    gate: Gate<Tenant, WebhookEndpointId>,
    answer_within: Duration,
    /// The enabled endpoints, as they were when we last looked.
    known: HashSet<Webhook>,
    pumps: Pumps,
}

impl Worker {
    /// The worker of a process.
    pub fn new(app: App) -> Self {
        Self {
            app,
            gate: Gate::new(MAX_AT_ONCE, Rule::Halves),
            answer_within: ANSWER_WITHIN,
            known: HashSet::new(),
            pumps: Pumps::default(),
        }
    }

    /// The same for endpoints that may take so long to answer. At most 30 seconds, for which a delivery is held.
    #[must_use]
    pub fn answering_within(self, answer_within: Duration) -> Self {
        Self { answer_within, ..self }
    }

    /// Works until `shutdown`, then finishes what it has begun.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = look.tick() => {
                    if let Err(error) = self.look(&shutdown).await {
                        tracing::warn!(%error, "cannot look for webhook deliveries; trying again");
                    }
                }
                tenants = self.app.wake.to_send() => {
                    let grown = |webhook: &&Webhook| tenants.contains(&webhook.tenant);
                    let grown: Vec<_> = self.known.iter().filter(grown).cloned().collect();
                    for webhook in grown {
                        self.start(webhook, &shutdown);
                    }
                }
                Some(ended) = self.pumps.next() => self.ended(ended, &shutdown),
            }
        }
        while self.pumps.next().await.is_some() {}
    }

    /// Sends everything that is due now, and gives how many attempts that were. For tests, which have no background.
    pub async fn work_once(mut self) -> Result<usize, Fault> {
        let shutdown = CancellationToken::new();
        let mut count = 0;
        loop {
            self.look(&shutdown).await?;
            if self.pumps.is_empty() {
                return Ok(count);
            }
            while let Some(ended) = self.pumps.next().await {
                count += ended.attempts;
                self.ended(ended, &shutdown);
            }
        }
    }

    /// Looks for endpoints that have something to be sent.
    async fn look(&mut self, shutdown: &CancellationToken) -> Result<(), Fault> {
        let found = queue::webhooks(&self.app.database, self.app.clock.now()).await?;
        self.known = found.iter().map(|(webhook, _)| webhook.clone()).collect();
        for (webhook, has_work) in found {
            if has_work {
                self.start(webhook, shutdown);
            }
        }
        Ok(())
    }

    /// Starts a pump, or tells the one that runs.
    fn start(&mut self, webhook: Webhook, shutdown: &CancellationToken) {
        let Self { app, gate, answer_within, pumps, .. } = self;
        pumps.start(webhook.clone(), |bell| {
            let pump = Pump {
                app: app.clone(),
                webhook,
                bell,
                gate: gate.clone(),
                answer_within: *answer_within,
                shutdown: shutdown.clone(),
            };
            pump.run()
        });
    }

    /// A pump ended. If it was told of more while it did, another one sees to that.
    fn ended(&mut self, ended: Ended, shutdown: &CancellationToken) {
        if let Some(webhook) = ended.again {
            self.start(webhook, shutdown);
        }
    }
}
