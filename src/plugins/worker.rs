//! Takes up runs that are due, asks their plugins and settles the answers.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::call;
use crate::{
    access::Caller,
    app::App,
    fault::Fault,
    store::queue::{self, Claimed},
    usecase::{self, plugin::settle_step},
};

/// How many plugins this process asks at once.
const AT_ONCE: usize = 64;
/// How long a run is held. A call takes 20 seconds at most; what is left is for settling it. A dead process's runs are
/// taken over when this time is up.
const HELD_FOR: chrono::Duration = chrono::Duration::seconds(30);
/// A lost wake-up costs this much.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The worker of a process.
#[derive(Clone, Debug)]
pub struct Worker {
    app: App,
}

impl Worker {
    /// The worker of a process.
    pub const fn new(app: App) -> Self {
        Self { app }
    }

    /// Works until `shutdown`, then finishes what it has begun.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut begun = JoinSet::new();
        while !shutdown.is_cancelled() {
            let claimed = match self.claim(AT_ONCE - begun.len()).await {
                Ok(claimed) => claimed,
                Err(error) => {
                    tracing::warn!(%error, "cannot look for plugin runs that are due; trying again");
                    Vec::new()
                }
            };
            for (claimed, lease) in claimed {
                let worker = self.clone();
                begun.spawn(async move { worker.work(claimed, lease).await });
            }
            if begun.len() < AT_ONCE {
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    () = self.app.wake.work() => {}
                    () = self.pause() => {}
                    Some(_) = begun.join_next() => {}
                }
            } else {
                begun.join_next().await;
            }
            while begun.try_join_next().is_some() {}
        }
        while begun.join_next().await.is_some() {}
    }

    /// Works on everything that is due now, and gives how many runs that were. For tests, which have no background.
    pub async fn work_once(&self) -> Result<usize, Fault> {
        let mut count = 0;
        loop {
            let claimed = self.claim(AT_ONCE).await?;
            if claimed.is_empty() {
                return Ok(count);
            }
            for (claimed, lease) in claimed {
                self.work(claimed, lease).await;
                count += 1;
            }
        }
    }

    async fn claim(&self, limit: usize) -> Result<Vec<(Claimed, Uuid)>, Fault> {
        let lease = self.app.ids.uuid();
        let now = self.app.clock.now();
        let limit = u64::try_from(limit).unwrap_or(0);
        let claimed = queue::claim_runs(&self.app.database, now, now + HELD_FOR, lease, limit).await?;
        Ok(claimed.into_iter().map(|claimed| (claimed, lease)).collect())
    }

    /// Waits until a run becomes due that nobody need wake us for: a retry, or a run of a process that died.
    async fn pause(&self) {
        let next = queue::next_due(&self.app.database).await.ok().flatten();
        let wait = next.and_then(|due| (due - self.app.clock.now()).to_std().ok());
        tokio::time::sleep(wait.unwrap_or(LOOK_EVERY).min(LOOK_EVERY)).await;
    }

    async fn work(&self, claimed: Claimed, lease: Uuid) {
        let caller = Caller::system(claimed.tenant.clone());
        let outcome = async {
            let Some(settlement) = call::ask(&self.app, &caller, claimed.run_id, lease).await? else {
                return Ok(());
            };
            settle_step(&self.app, &claimed.tenant, settlement).await
        };
        // Whatever it was, the run is not lost: it is due again when this take-up ends.
        match outcome.await {
            Ok(()) => {}
            Err(usecase::Error::Fault(error)) => tracing::error!(
                tenant.id = %claimed.tenant, plugin_run.id = %claimed.run_id, %error, "a plugin run could not be worked"
            ),
            Err(usecase::Error::Refused(problems)) => tracing::error!(
                tenant.id = %claimed.tenant, plugin_run.id = %claimed.run_id,
                problem = problems.as_slice().first().map(|problem| problem.message.as_str()),
                "a plugin's answer could not be carried out"
            ),
        }
    }
}
