//! Tells readers of the log and workers that something committed.
//!
//! A wake-up carries no data and may be lost: whoever waits for one also looks by itself once a second.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use entity::id::PluginRunId;
use sea_orm::{DbBackend, sqlx::postgres::PgListener};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    seam::Ids,
    store::{self, Database, Tenant},
};

const CHANNEL: &str = "waybill";
/// What stands before the tenant's name in a notification: whether plugin runs were stored as well. Before that stands the
/// id of the process that tells it, which has heard of it already.
const WITH_RUNS: char = '+';
const WITHOUT_RUNS: char = '-';
/// What stands before the ids of plugin runs that changed; after them comes a space, and the tenant's name.
const CHANGED_RUNS: char = '*';
/// How many ids fit in a notification, which has up to 8,000 bytes.
const IDS_AT_ONCE: usize = 200;
/// How many changed runs of a tenant are remembered until somebody takes them. Beyond them, changes are not told of.
const CHANGED_AT_MOST: usize = 1_000;
/// Other processes hear of a burst of commits once in this time.
const TELL_EVERY: Duration = Duration::from_millis(10);
/// How long to wait before a lost connection for notifications is opened anew; meanwhile readers look by themselves.
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

/// The handle: cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Tenants whose log grew, for the reader of the log; at most as many as there are tenants.
    grown: Mutex<HashSet<Tenant>>,
    tail: Notify,
    workers: Notify,
    /// The same, for the webhooks.
    to_send: Mutex<HashSet<Tenant>>,
    webhooks: Notify,
    /// Plugin runs that changed, for those who watch them.
    changed: Mutex<ChangedRuns>,
    watchers: Notify,
    /// What other processes have to hear.
    untold: Mutex<Untold>,
    teller: Notify,
}

/// Plugin runs that changed, by tenant.
pub(super) type ChangedRuns = HashMap<Tenant, HashSet<PluginRunId>>;

#[derive(Debug, Default)]
struct Untold {
    /// Tenants whose log grew, and whether plugin runs were stored for them.
    grown: HashMap<Tenant, bool>,
    changed: ChangedRuns,
}

impl Untold {
    /// The notifications by which a process says it.
    fn payloads(self, process: &str) -> Vec<String> {
        let grown = self.grown.into_iter().map(|(tenant, with_runs)| {
            let mark = if with_runs { WITH_RUNS } else { WITHOUT_RUNS };
            format!("{process}{mark}{tenant}")
        });
        let mut payloads: Vec<_> = grown.collect();
        for (tenant, ids) in self.changed {
            let ids: Vec<_> = ids.iter().map(|id| id.0.simple().to_string()).collect();
            let parts = ids.chunks(IDS_AT_ONCE).map(|part| part.join(","));
            payloads.extend(parts.map(|part| format!("{process}{CHANGED_RUNS}{part} {tenant}")));
        }
        payloads
    }
}

impl Wake {
    /// This process committed events of a tenant, and perhaps plugin runs that they set off.
    pub fn committed(&self, tenant: &Tenant, with_runs: bool) {
        *lock(&self.0.untold).grown.entry(tenant.clone()).or_default() |= with_runs;
        self.0.teller.notify_one();
        self.heard(tenant.clone(), with_runs);
    }

    /// Somebody committed events of a tenant.
    fn heard(&self, tenant: Tenant, with_runs: bool) {
        self.webhooks(&tenant);
        lock(&self.0.grown).insert(tenant);
        self.0.tail.notify_one();
        if with_runs {
            self.0.workers.notify_one();
        }
    }

    /// This process changed plugin runs of a tenant without leaving anything in the log.
    pub fn runs_changed(&self, tenant: &Tenant, ids: &[PluginRunId]) {
        if !ids.is_empty() {
            add(&mut lock(&self.0.untold).changed, tenant.clone(), ids);
            self.0.teller.notify_one();
            self.heard_of_runs(tenant.clone(), ids);
        }
    }

    /// Somebody did.
    fn heard_of_runs(&self, tenant: Tenant, ids: &[PluginRunId]) {
        add(&mut lock(&self.0.changed), tenant, ids);
        self.0.watchers.notify_one();
    }

    /// Waits until plugin runs changed, and says which.
    pub(super) async fn changed_runs(&self) -> ChangedRuns {
        self.0.watchers.notified().await;
        std::mem::take(&mut *lock(&self.0.changed))
    }

    /// Waits until the log of some tenant grew, and says of which.
    pub(super) async fn grown(&self) -> HashSet<Tenant> {
        self.0.tail.notified().await;
        std::mem::take(&mut *lock(&self.0.grown))
    }

    /// Waits until there may be work for the plugin workers.
    pub async fn work(&self) {
        self.0.workers.notified().await;
    }

    /// There may be something to send to the webhook endpoints of a tenant.
    pub fn webhooks(&self, tenant: &Tenant) {
        lock(&self.0.to_send).insert(tenant.clone());
        self.0.webhooks.notify_one();
    }

    /// Waits until there may be something to send to webhook endpoints, and says of which tenants.
    pub async fn to_send(&self) -> HashSet<Tenant> {
        self.0.webhooks.notified().await;
        std::mem::take(&mut *lock(&self.0.to_send))
    }

    /// The service that tells other processes and listens to them.
    pub fn service(&self, database: Database) -> WakeService {
        // Random even where other ids are counted: two processes must never have the same.
        let process = Ids::random().uuid().simple().to_string();
        WakeService { wake: self.clone(), database, process }
    }
}

/// What another process tells, without its name; none where `process` hears itself.
fn news<'a>(payload: &'a str, process: &str) -> Option<&'a str> {
    let (teller, news) = payload.split_at_checked(process.len())?;
    (teller != process).then_some(news)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn add(changed: &mut ChangedRuns, tenant: Tenant, ids: &[PluginRunId]) {
    let known = changed.entry(tenant).or_default();
    known.extend(ids.iter().take(CHANGED_AT_MOST.saturating_sub(known.len())));
}

/// Passes wake-ups between the processes of one PostgreSQL. A notification inside every transaction would make commits
/// queue behind one another on the server's notification lock; this sends them afterwards, one per tenant however many
/// commits there were.
#[derive(Debug)]
pub struct WakeService {
    wake: Wake,
    database: Database,
    process: String,
}

impl WakeService {
    /// Works until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        if self.database.backend() == DbBackend::Postgres {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.tell() => {}
                () = self.listen() => {}
            }
        } else {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.forget() => {}
            }
        }
    }

    /// Nobody else is there to be told.
    async fn forget(&self) {
        loop {
            self.wake.0.teller.notified().await;
            drop(std::mem::take(&mut *lock(&self.wake.0.untold)));
        }
    }

    async fn tell(&self) {
        loop {
            self.wake.0.teller.notified().await;
            let untold = std::mem::take(&mut *lock(&self.wake.0.untold));
            let payloads = untold.payloads(&self.process);
            if !payloads.is_empty()
                && let Err(error) = store::queue::notify(&self.database, CHANNEL, payloads).await
            {
                tracing::warn!(%error, "other processes could not be woken; they will look by themselves");
            }
            tokio::time::sleep(TELL_EVERY).await;
        }
    }

    async fn listen(&self) {
        loop {
            if let Err(error) = self.listen_once().await {
                tracing::warn!(%error, "lost the connection for wake-ups; looking once a second meanwhile");
            }
            tokio::time::sleep(RECONNECT_AFTER).await;
        }
    }

    async fn listen_once(&self) -> Result<(), sea_orm::sqlx::Error> {
        let Some(mut listener): Option<PgListener> = self.database.listener().await? else { return Ok(()) };
        listener.listen(CHANNEL).await?;
        loop {
            let notification = listener.recv().await?;
            let Some(news) = news(notification.payload(), &self.process) else { continue };
            if let Some(tenant) = news.strip_prefix(WITH_RUNS) {
                self.wake.heard(Tenant::new(tenant), true);
            } else if let Some(tenant) = news.strip_prefix(WITHOUT_RUNS) {
                self.wake.heard(Tenant::new(tenant), false);
            } else if let Some((ids, tenant)) =
                news.strip_prefix(CHANGED_RUNS).and_then(|rest| rest.split_once(' '))
            {
                let ids = ids.split(',').filter_map(|id| Uuid::try_parse(id).ok().map(PluginRunId));
                self.wake.heard_of_runs(Tenant::new(tenant), &ids.collect::<Vec<_>>());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_hears_what_others_tell_and_not_itself() {
        let (one, other) = ("1".repeat(32), "2".repeat(32));
        let id = PluginRunId(Uuid::nil());
        let mut untold = Untold::default();
        untold.grown.insert(Tenant::new("acme"), true);
        add(&mut untold.changed, Tenant::new("a b"), &[id]);
        let payloads = untold.payloads(&one);
        let heard = |process: &str| payloads.iter().filter_map(|it| news(it, process)).collect::<Vec<_>>();
        assert_eq!(heard(&other), ["+acme".to_owned(), format!("*{} a b", id.0.simple())]);
        assert!(heard(&one).is_empty());
        // What somebody else sends over the channel.
        assert_eq!((news("", &one), news("é", &one)), (None, None));
    }
}
