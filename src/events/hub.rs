//! One reader per process follows the log and hands what it reads to every subscriber.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use entity::event::Model;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::Wake;
use crate::{
    fault::Fault,
    store::{self, Database, Reader, Tenant, event::EventFilter},
};

/// Events that wait for a subscriber; one that falls further behind is caught up from the log.
const BACKLOG: usize = 1024;
/// How many events are read at once.
const READ_LIMIT: usize = 500;
/// A lost wake-up costs this much.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a subscriber that fell behind may take to catch up.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where subscribers get live events; cheap to clone.
#[derive(Clone, Debug)]
pub struct Hub {
    feeds: Arc<Mutex<HashMap<Tenant, Feed>>>,
    patience: Duration,
}

impl Default for Hub {
    fn default() -> Self {
        Self::with_patience(PATIENCE)
    }
}

/// What subscribers of one tenant hear.
#[derive(Debug)]
struct Feed {
    /// Everything up to here was sent.
    position: i64,
    sender: broadcast::Sender<Arc<Model>>,
}

impl Hub {
    /// A hub that sends a subscriber away which fell behind and has not caught up after this long.
    pub fn with_patience(patience: Duration) -> Self {
        Self { feeds: Arc::default(), patience }
    }

    pub(super) const fn patience(&self) -> Duration {
        self.patience
    }

    fn feeds(&self) -> MutexGuard<'_, HashMap<Tenant, Feed>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Live events of a tenant: every one that commits from now on, and perhaps some from just before.
    pub(super) async fn subscribe(&self, reader: &Reader) -> Result<broadcast::Receiver<Arc<Model>>, Fault> {
        // Read before the feed is made, so that the feed begins no later than now.
        let head = store::event::head(&reader.db()).await?;
        let mut feeds = self.feeds();
        let feed = feeds
            .entry(reader.tenant().clone())
            .or_insert_with(|| Feed { position: head, sender: broadcast::Sender::new(BACKLOG) });
        Ok(feed.sender.subscribe())
    }

    /// How far a tenant's log was handed out, if somebody listens to it.
    pub fn position(&self, tenant: &Tenant) -> Option<i64> {
        self.feeds().get(tenant).map(|feed| feed.position)
    }

    /// The service that follows the log.
    pub fn tail(&self, database: Database, wake: Wake) -> Tail {
        Tail { hub: self.clone(), database, wake }
    }

    /// The feeds that somebody listens to; the others are dropped.
    fn live(&self) -> Vec<(Tenant, i64)> {
        let mut feeds = self.feeds();
        feeds.retain(|_, feed| feed.sender.receiver_count() > 0);
        feeds.iter().map(|(tenant, feed)| (tenant.clone(), feed.position)).collect()
    }

    fn send(&self, tenant: &Tenant, events: Vec<Model>) {
        let mut feeds = self.feeds();
        let Some(feed) = feeds.get_mut(tenant) else { return };
        for event in events {
            // The feed may have been dropped and made anew while we read.
            if event.position > feed.position {
                feed.position = event.position;
                // Fails only if the last listener has just gone.
                let _ = feed.sender.send(Arc::new(event));
            }
        }
    }
}

/// Follows the log of every tenant that somebody listens to.
#[derive(Debug)]
pub struct Tail {
    hub: Hub,
    database: Database,
    wake: Wake,
}

impl Tail {
    /// Works until `shutdown`, and then ends every subscription.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut tick = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let grown = tokio::select! {
                () = shutdown.cancelled() => break,
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
        self.hub.feeds().clear();
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
