//! One reader per process follows the log and hands what it reads to every subscriber.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use entity::event::Model;
use prometheus_client::metrics::histogram::Histogram;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    Wake,
    runs::RunFeeds,
    window::{Next, Window},
};
use crate::{
    fault::Fault,
    seam::Clock,
    store::{self, Database, Reader, Tenant, event::EventFilter},
};

/// How many events are read at once.
const READ_LIMIT: usize = 500;
/// A lost wake-up costs this much.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a subscriber that fell behind may take to catch up.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where subscribers get live events; cheap to clone.
#[derive(Clone, Debug)]
pub struct Hub {
    /// The newest events of each tenant that somebody listens to.
    feeds: Arc<Mutex<HashMap<Tenant, watch::Sender<Window>>>>,
    /// Plugin runs of each tenant that somebody watches.
    runs: RunFeeds,
    patience: Duration,
    /// Tells how old events are when they are handed out, and where that is put down.
    lag: Option<(Clock, Histogram)>,
}

impl Default for Hub {
    fn default() -> Self {
        Self::with_patience(PATIENCE)
    }
}

/// What a subscriber hears of a tenant's log.
#[derive(Debug)]
pub(super) struct Feed(watch::Receiver<Window>);

/// The server stops, and nothing more will be heard.
#[derive(Debug)]
pub(super) struct Stopped;

impl Feed {
    /// What comes after a position.
    pub(super) fn after(&mut self, seen: i64) -> Next {
        self.0.borrow_and_update().after(seen)
    }

    /// Waits until there is more than there was when it was last asked.
    pub(super) async fn grown(&mut self) -> Result<(), Stopped> {
        self.0.changed().await.map_err(|_| Stopped)
    }
}

impl Hub {
    /// A hub that sends a subscriber away which fell behind and has not caught up after this long.
    pub fn with_patience(patience: Duration) -> Self {
        Self { feeds: Arc::default(), runs: RunFeeds::default(), patience, lag: None }
    }

    /// The same that puts down how old events are when it hands them out.
    #[must_use]
    pub fn timed(self, clock: Clock, lag: Histogram) -> Self {
        Self { lag: Some((clock, lag)), ..self }
    }

    /// How many subscriptions wait for live events.
    pub fn subscriptions(&self) -> usize {
        self.feeds().values().map(watch::Sender::receiver_count).sum()
    }

    pub(super) const fn runs(&self) -> &RunFeeds {
        &self.runs
    }

    pub(super) const fn patience(&self) -> Duration {
        self.patience
    }

    fn feeds(&self) -> MutexGuard<'_, HashMap<Tenant, watch::Sender<Window>>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A tenant's live events: every one that commits from now on, and perhaps some from just before.
    pub(super) async fn subscribe(&self, reader: &Reader) -> Result<Feed, Fault> {
        let tenant = reader.tenant();
        if let Some(feed) = self.feeds().get(tenant) {
            return Ok(Feed(feed.subscribe()));
        }
        // Read before the feed is made, so that the feed begins no later than now.
        let head = store::event::head(&reader.db()).await?;
        let mut feeds = self.feeds();
        let new = || watch::Sender::new(Window::beginning_after(head));
        Ok(Feed(feeds.entry(tenant.clone()).or_insert_with(new).subscribe()))
    }

    /// How far a tenant's log was handed out, if somebody listens to it.
    pub fn position(&self, tenant: &Tenant) -> Option<i64> {
        self.feeds().get(tenant).map(|feed| feed.borrow().head())
    }

    /// The service that follows the log.
    pub fn tail(&self, database: Database, wake: Wake) -> Tail {
        Tail { hub: self.clone(), database, wake }
    }

    /// The tenants that somebody listens to, with how far their logs were handed out; the others are forgotten.
    fn live(&self) -> Vec<(Tenant, i64)> {
        let mut feeds = self.feeds();
        feeds.retain(|_, feed| feed.receiver_count() > 0);
        feeds.iter().map(|(tenant, feed)| (tenant.clone(), feed.borrow().head())).collect()
    }

    fn send(&self, tenant: &Tenant, events: Vec<Model>) {
        if let (Some((clock, lag)), Some(oldest)) = (&self.lag, events.first()) {
            let age = clock.now().signed_duration_since(oldest.recorded_at).to_std().unwrap_or_default();
            lag.observe(age.as_secs_f64());
        }
        let feeds = self.feeds();
        let Some(feed) = feeds.get(tenant) else { return };
        // All of them at once: a subscriber is woken once for what committed together.
        feed.send_modify(|window| events.into_iter().for_each(|event| window.push(event)));
    }
}

/// Follows the log of every tenant that somebody listens to, and the plugin runs of those that somebody watches.
#[derive(Debug)]
pub struct Tail {
    hub: Hub,
    database: Database,
    wake: Wake,
}

impl Tail {
    /// Works until `shutdown`, and then ends every subscription.
    pub async fn run(self, shutdown: CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.follow_logs() => {}
            () = self.hub.runs.follow(&self.database, &self.wake) => {}
        }
        self.hub.feeds().clear();
    }

    async fn follow_logs(&self) {
        let mut tick = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let grown = tokio::select! {
                grown = self.wake.grown() => Some(grown),
                _ = tick.tick() => None,
            };
            for (tenant, position) in self.hub.live() {
                if grown.as_ref().is_none_or(|grown| grown.contains(&tenant))
                    && let Err(error) = self.follow(&tenant, position).await
                {
                    tracing::warn!(tenant.id = %tenant, %error, "cannot read the event log; trying again");
                }
            }
        }
    }

    async fn follow(&self, tenant: &Tenant, mut position: i64) -> Result<(), Fault> {
        let reader = Reader::new(self.database.clone(), tenant.clone());
        loop {
            let all = EventFilter::default();
            let events = store::event::between(&reader.db(), &all, position, i64::MAX, READ_LIMIT).await?;
            let is_all = events.len() < READ_LIMIT;
            let Some(last) = events.last() else { return Ok(()) };
            position = last.position;
            self.hub.send(tenant, events);
            if is_all {
                return Ok(());
            }
        }
    }
}
