//! Runs a pump for each endpoint that has something to be sent.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::Semaphore, task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::pump::{Bell, Pump};
use crate::{
    app::App,
    fault::Fault,
    store::queue::{self, Webhook},
};

/// How many deliveries this process sends at once.
const ROOM: usize = 256;
/// How long an endpoint may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// A lost wake-up, or an endpoint that is new to this process, costs this much.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The worker of a process.
#[derive(Debug)]
pub struct Worker {
    app: App,
    room: Arc<Semaphore>,
    answer_within: Duration,
    /// The enabled endpoints, as they were when we last looked.
    known: HashSet<Webhook>,
    /// The bells of the pumps that run.
    bells: HashMap<Webhook, Arc<Bell>>,
    pumps: JoinSet<(Webhook, usize)>,
}

impl Worker {
    /// The worker of a process.
    pub fn new(app: App) -> Self {
        Self {
            app,
            room: Arc::new(Semaphore::new(ROOM)),
            answer_within: ANSWER_WITHIN,
            known: HashSet::new(),
            bells: HashMap::new(),
            pumps: JoinSet::new(),
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
                Some(ended) = self.pumps.join_next() => self.ended(ended.ok(), &shutdown),
            }
        }
        while self.pumps.join_next().await.is_some() {}
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
            while let Some(ended) = self.pumps.join_next().await {
                count += ended.as_ref().map_or(0, |(_, attempts)| *attempts);
                self.ended(ended.ok(), &shutdown);
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
        if let Some(bell) = self.bells.get(&webhook) {
            bell.ring();
            return;
        }
        let bell = Arc::new(Bell::default());
        self.bells.insert(webhook.clone(), Arc::clone(&bell));
        let pump = Pump {
            app: self.app.clone(),
            webhook: webhook.clone(),
            bell,
            room: Arc::clone(&self.room),
            answer_within: self.answer_within,
            shutdown: shutdown.clone(),
        };
        self.pumps.spawn(async move { (webhook, pump.run().await) });
    }

    /// A pump ended. If it was told of more while it did, another one sees to that.
    fn ended(&mut self, ended: Option<(Webhook, usize)>, shutdown: &CancellationToken) {
        match ended {
            Some((webhook, _)) => {
                let bell = self.bells.remove(&webhook);
                if bell.is_some_and(|bell| bell.is_rung()) {
                    self.start(webhook, shutdown);
                }
            }
            // One that panicked, which is a defect: those that run are found by their bells no more, but the next look
            // starts what is missing, and leases keep two from sending the same.
            None => self.bells.clear(),
        }
    }
}
