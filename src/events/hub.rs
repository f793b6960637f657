//! One reader per process follows the log and hands what it reads to every subscriber.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
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
const READ_LIMIT: u64 = 500;
/// A lost wake-up costs this much.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where subscribers get live events; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Hub(Arc<Mutex<HashMap<Tenant, Feed>>>);

/// What subscribers of one tenant hear.
#[derive(Debug)]
struct Feed {
    /// Everything up to here was sent.
    position: i64,
    sender: broadcast::Sender<Arc<Model>>,
}

impl Hub {
    /// Live events of a tenant: every one that commits from now on, and perhaps some from just before.
    pub(super) async fn subscribe(&self, reader: &Reader) -> Result<broadcast::Receiver<Arc<Model>>, Fault> {
        // Read before the feed is made, so that the feed begins no later than now.
        let head = store::event::head(&reader.db()).await?;
        let mut feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let feed = feeds
            .entry(reader.tenant().clone())
            .or_insert_with(|| Feed { position: head, sender: broadcast::Sender::new(BACKLOG) });
        Ok(feed.sender.subscribe())
    }

    /// The service that follows the log.
    pub fn tail(&self, database: Database, wake: Wake) -> Tail {
        Tail { hub: self.clone(), database, wake }
    }

    /// The feeds that somebody listens to; the others are dropped.
    fn live(&self) -> Vec<(Tenant, i64)> {
        let mut feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.retain(|_, feed| feed.sender.receiver_count() > 0);
        feeds.iter().map(|(tenant, feed)| (tenant.clone(), feed.position)).collect()
    }

    fn send(&self, tenant: &Tenant, events: Vec<Model>) {
        let mut feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
        self.hub.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn follow(&self, tenant: &Tenant, mut position: i64) -> Result<(), Fault> {
        let reader = Reader::new(self.database.clone(), tenant.clone());
        loop {
            let events =
                store::event::after(&reader.db(), &EventFilter::default(), position, READ_LIMIT).await?;
            let Some(last) = events.last() else { return Ok(()) };
            position = last.position;
            self.hub.send(tenant, events);
        }
    }
}
