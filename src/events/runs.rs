//! Plugin runs that change, for those who watch them.
//!
//! The log says which runs were stored and which ended; what happens to a run in between is in its row only, because an
//! event for each attempt would cost more than the attempt. Whoever changes a row so says its id ([`Wake::runs_changed`]),
//! in memory, and each process reads those rows once for all of its watchers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_stream::try_stream;
use entity::plugin_run::Model;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::broadcast::{self, error::RecvError};

use super::{Hub, Record, StreamError, Subscriber, Wake, stream, told::Told};
use crate::{
    fault::Fault,
    store::{self, Database, Reader, Tenant, event::EventFilter, plugin_run::RunFilter},
};

/// How many changed runs wait for a watcher; one that is slower misses some of what happens in between.
const LENGTH: usize = 256;
/// How many events are looked through with one statement.
const AT_ONCE: usize = 64;

/// The plugin runs of each tenant that somebody watches, as they change; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct RunFeeds(Arc<Mutex<HashMap<Tenant, broadcast::Sender<Arc<Model>>>>>);

/// What a watcher hears of a tenant's runs.
struct RunFeed(broadcast::Receiver<Arc<Model>>);

impl RunFeed {
    /// The next run that changed.
    async fn next(&mut self) -> Arc<Model> {
        loop {
            match self.0.recv().await {
                Ok(run) => return run,
                Err(RecvError::Lagged(_)) => {}
                // The server stops, which the log's reader tells the subscriber.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

impl RunFeeds {
    fn feeds(&self) -> MutexGuard<'_, HashMap<Tenant, broadcast::Sender<Arc<Model>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn subscribe(&self, tenant: &Tenant) -> RunFeed {
        let mut feeds = self.feeds();
        RunFeed(feeds.entry(tenant.clone()).or_insert_with(|| broadcast::Sender::new(LENGTH)).subscribe())
    }

    /// Hands out runs that changed, for as long as the server runs.
    pub(super) async fn follow(&self, database: &Database, wake: &Wake) {
        loop {
            for (tenant, ids) in wake.changed_runs().await {
                if !self.is_watched(&tenant) {
                    continue;
                }
                let reader = Reader::new(database.clone(), tenant.clone());
                let ids: Vec<_> = ids.into_iter().collect();
                match store::plugin_run::by_ids(&reader.db(), &ids).await {
                    Ok(runs) => self.send(&tenant, runs),
                    Err(error) => {
                        tracing::warn!(tenant.id = %tenant, %error, "cannot read plugin runs that changed");
                    }
                }
            }
        }
    }

    /// Whether somebody watches a tenant's runs; a tenant's feed is forgotten with its last watcher.
    fn is_watched(&self, tenant: &Tenant) -> bool {
        let mut feeds = self.feeds();
        feeds.retain(|_, feed| feed.receiver_count() > 0);
        feeds.contains_key(tenant)
    }

    fn send(&self, tenant: &Tenant, runs: Vec<Model>) {
        let feeds = self.feeds();
        let Some(feed) = feeds.get(tenant) else { return };
        for run in runs {
            // Nobody listens any more: nobody misses it.
            drop(feed.send(Arc::new(run)));
        }
    }
}

/// Runs that pass a filter, as they change, from now on.
///
/// What the log says of them is never missed, nor what else the log promises its subscribers. Rows come from there and
/// from the feed, either of which may be behind the other: a run that was told of in a later state is not told of in an
/// earlier one.
pub fn run_changes(
    hub: Hub,
    reader: Reader,
    filter: RunFilter,
) -> impl Stream<Item = Result<Arc<Model>, StreamError>> + Send {
    try_stream! {
        let mut feed = hub.runs().subscribe(reader.tenant());
        let mut told = Told::default();
        let events = EventFilter { order_id: filter.order_id, ..EventFilter::default() };
        let subscriber =
            Subscriber { reader: reader.clone(), filter: events, about: None, after: None, place: None };
        let mut log = std::pin::pin!(stream(hub, subscriber).ready_chunks(AT_ONCE));
        loop {
            let heard = tokio::select! {
                events = log.next() => Heard::Events(events.unwrap_or_default()),
                run = feed.next() => Heard::Run(run),
            };
            let (runs, end) = match heard {
                Heard::Run(run) => (vec![run], None),
                Heard::Events(events) if events.is_empty() => break,
                Heard::Events(events) => changed_by(&reader, events).await?,
            };
            for run in runs {
                if filter.matches(&run) && told.is_news(&run) {
                    yield run;
                }
            }
            if let Some(end) = end {
                Err(end)?;
            }
        }
    }
}

enum Heard {
    Run(Arc<Model>),
    /// None: the log has ended.
    Events(Vec<Result<Arc<Record>, StreamError>>),
}

/// The runs that events set off or ended, and with what the log ended, if it did.
async fn changed_by(
    reader: &Reader,
    events: Vec<Result<Arc<Record>, StreamError>>,
) -> Result<(Vec<Arc<Model>>, Option<StreamError>), Fault> {
    let mut records = Vec::with_capacity(events.len());
    let mut end = None;
    for event in events {
        match event {
            Ok(record) => records.push(record),
            Err(error) => end = Some(error),
        }
    }
    let events: Vec<_> = records.iter().map(|record| &*record.row).collect();
    let runs = store::plugin_run::changed_by(&reader.db(), &events).await?;
    Ok((runs.into_iter().map(Arc::new).collect(), end))
}
