//! Takes up runs that are due, asks their plugins and settles the answers.

use std::{
    collections::BTreeSet,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use entity::{plugin_run, stored::PluginRunStatus};
use futures_util::FutureExt as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::call;
use crate::{
    access::Caller,
    app::App,
    fair::{Rule, Shares},
    fault::Fault,
    store::{
        Tenant,
        queue::{self, Lane, TakeUp},
    },
    usecase::{
        Error,
        plugin::{fail_step, settle_step},
    },
};

/// How many plugins this process asks at once. What else is due waits in the store.
const AT_ONCE: usize = 256;
/// How many lanes are looked at together; beyond them they are looked at one part after the other.
const LANES_AT_ONCE: usize = 1_000;
/// How long a run is held, unless the hold is renewed. A dead process's runs are taken over when this time is up.
const HELD_FOR: chrono::Duration = chrono::Duration::seconds(20);
/// How often a hold is renewed: two renewals may fail before it runs out.
const RENEW_EVERY: Duration = Duration::from_secs(6);
/// How soon a run is taken up again that the store's being away came in the way of.
const AGAIN_AFTER: chrono::Duration = chrono::Duration::seconds(1);
/// A lost wake-up costs this much.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The worker of a process.
#[derive(Clone, Debug)]
pub struct Worker {
    app: App,
    renew_every: Duration,
    /// Take-ups that came to nothing because the store was away. They do not count, which is written once it is back.
    /// There are no more than were begun before it went: nothing is taken up meanwhile.
    unsettled: Arc<Mutex<Vec<TakeUp>>>,
}

/// How the places of this process are shared between tenants, and between a tenant's plugins.
type Fair = Shares<Tenant, Uuid>;

/// A run that this process took up.
#[derive(Clone, Debug)]
struct Claimed {
    lane: Lane,
    run: plugin_run::Model,
}

/// Where runs wait.
struct Queues {
    /// The lanes in which runs are due.
    due: BTreeSet<Lane>,
    /// When a run becomes due next in a lane in which none is.
    next_due: Option<DateTime<Utc>>,
    /// Where to go on looking, if there are more lanes than are looked at together.
    rest: Option<Lane>,
}

/// What a look at the queues left to do.
struct Looked {
    /// How long to wait until more may be due.
    wait: Duration,
    /// Whether something is due that has no place.
    is_crowded: bool,
    /// Where to look then.
    rest: Option<Lane>,
}

impl Worker {
    /// The worker of a process.
    pub fn new(app: App) -> Self {
        Self { app, renew_every: RENEW_EVERY, unsettled: Arc::default() }
    }

    /// The same that renews its holds after another time, for tests.
    #[must_use]
    pub fn renewing_every(mut self, time: Duration) -> Self {
        self.renew_every = time;
        self
    }

    /// Works until `shutdown`, then finishes what it has begun.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut fair = Fair::new(AT_ONCE, Rule::Halves);
        let mut begun = JoinSet::new();
        let mut rest = None;
        while !shutdown.is_cancelled() {
            let looked = match self.look(&mut fair, &mut begun, rest.as_ref()).await {
                Ok(looked) => looked,
                Err(error) => {
                    tracing::warn!(%error, "cannot look for plugin runs that are due; trying again");
                    Looked { wait: LOOK_EVERY, is_crowded: false, rest: None }
                }
            };
            rest = looked.rest;
            let mut waited = pin!(tokio::time::sleep(looked.wait));
            loop {
                tokio::select! {
                    () = shutdown.cancelled() => break,
                    () = self.app.wake.work() => break,
                    () = &mut waited => break,
                    Some(ended) = begun.join_next() => {
                        for lane in std::iter::once(ended).chain(std::iter::from_fn(|| begun.try_join_next())).flatten() {
                            fair.end(&lane);
                        }
                        // What else an ended step makes due, somebody is woken for.
                        if looked.is_crowded {
                            break;
                        }
                    }
                }
            }
        }
        while begun.join_next().await.is_some() {}
        if let Err(error) = self.give_back().await {
            tracing::warn!(%error, "the last plugin runs are due again only after a while");
        }
    }

    /// Works on everything that is due now, one run of a tenant after the other, and gives how many those were. For tests,
    /// which have no background.
    pub async fn work_once(&self) -> Result<usize, Fault> {
        let mut count = 0;
        loop {
            self.give_back().await?;
            // Of two places, a tenant gets one.
            let mut fair = Fair::new(2, Rule::Halves);
            let mut queues = self.queues(None).await?;
            let claimed = self.claim(&mut fair, &mut queues.due).await?;
            if claimed.is_empty() {
                return Ok(count);
            }
            for claimed in claimed {
                self.work(&claimed).await;
                count += 1;
            }
        }
    }

    /// Begins what is due and has a place.
    async fn look(
        &self,
        fair: &mut Fair,
        begun: &mut JoinSet<Lane>,
        after: Option<&Lane>,
    ) -> Result<Looked, Fault> {
        self.give_back().await?;
        let mut queues = self.queues(after).await?;
        for claimed in self.claim(fair, &mut queues.due).await? {
            let worker = self.clone();
            begun.spawn(async move {
                // Whatever happens, the place must become free again.
                if AssertUnwindSafe(worker.work(&claimed)).catch_unwind().await.is_err() {
                    tracing::error!(plugin_run.id = %claimed.run.id, "working on a plugin run panicked");
                }
                claimed.lane
            });
        }
        let wait = match (&queues.rest, queues.next_due) {
            (Some(_), _) => Duration::ZERO,
            (None, Some(due)) => (due - self.app.clock.now()).to_std().unwrap_or_default().min(LOOK_EVERY),
            (None, None) => LOOK_EVERY,
        };
        Ok(Looked { wait, is_crowded: !queues.due.is_empty(), rest: queues.rest })
    }

    async fn queues(&self, after: Option<&Lane>) -> Result<Queues, Fault> {
        let now = self.app.clock.now();
        let lanes = queue::lanes(&self.app.database, after, LANES_AT_ONCE).await?;
        let rest = lanes.last().filter(|_| lanes.len() == LANES_AT_ONCE).map(|(lane, _)| lane.clone());
        let next_due = lanes.iter().map(|(_, due)| *due).filter(|due| *due > now).min();
        let due = lanes.into_iter().filter(|(_, due)| *due <= now).map(|(lane, _)| lane).collect();
        Ok(Queues { due, next_due, rest })
    }

    /// Takes up what is due, as far as there are places; what is left in `due` are lanes without a place.
    async fn claim(&self, fair: &mut Fair, due: &mut BTreeSet<Lane>) -> Result<Vec<Claimed>, Fault> {
        let mut all = Vec::new();
        while let Some((lane, share)) = fair.next(due.iter()) {
            let (lease, now) = (self.app.ids.uuid(), self.app.clock.now());
            let database = &self.app.database;
            let claimed = queue::claim_runs(database, &lane, now, now + HELD_FOR, lease, share).await;
            let taken_up = match claimed {
                Ok(taken_up) => taken_up,
                Err(error) if all.is_empty() => return Err(error.into()),
                // What was taken up before is worked on all the same.
                Err(error) => {
                    tracing::warn!(%error, "cannot take up more plugin runs; trying again");
                    return Ok(all);
                }
            };
            let count = taken_up.runs.len();
            // One that is WAITING stays so, and nothing is to be told of it.
            let asked = taken_up.runs.iter().filter(|run| run.status != PluginRunStatus::Waiting);
            let asked: Vec<_> = asked.map(|run| run.id).collect();
            self.app.wake.runs_changed(&lane.tenant, &asked);
            fair.begin(&lane, count);
            if count + taken_up.unreadable.len() < share {
                due.remove(&lane);
            }
            for take_up in taken_up.unreadable {
                self.fail(take_up).await;
            }
            all.extend(taken_up.runs.into_iter().map(|run| Claimed { lane: lane.clone(), run }));
        }
        Ok(all)
    }

    /// Works on a run while it is held.
    async fn work(&self, claimed: &Claimed) {
        tokio::select! {
            () = self.step(claimed) => {}
            () = self.hold(claimed) => {}
        }
    }

    /// Asks the plugin that the run is at, and settles its answer. A fault is settled as well, whatever it is: nothing is asked
    /// again for ever.
    async fn step(&self, claimed: &Claimed) {
        let Claimed { lane: Lane { tenant, .. }, run } = claimed;
        let outcome = async {
            let caller = Caller::system(tenant.clone());
            let settlement = call::ask(&self.app, &caller, run.clone()).await?;
            settle_step(&self.app, tenant, settlement).await.map_err(Error::into_fault)
        };
        let Err(fault) = caught(Box::pin(outcome)).await else { return };
        if fault.is_temporary() {
            tracing::warn!(
                tenant.id = %tenant, plugin_run.id = %run.id, error = %fault,
                "a plugin run could not be worked; trying again"
            );
            self.unsettled().push(TakeUp::of(run));
        } else {
            tracing::error!(
                tenant.id = %tenant, plugin_run.id = %run.id, error = %fault, "a plugin run could not be worked"
            );
            self.fail(TakeUp::of(run)).await;
        }
    }

    /// Ends a take-up after a fault of ours.
    async fn fail(&self, take_up: TakeUp) {
        let Err(error) = Box::pin(fail_step(&self.app, &take_up)).await else { return };
        // The run is due again when its hold ends, and then the attempts that it has had are known.
        tracing::error!(plugin_run.id = %take_up.run_id, %error, "a fault of a plugin run could not be settled");
        if error.is_temporary() {
            self.unsettled().push(take_up);
        }
    }

    /// Gives back what was taken up when the store went away.
    async fn give_back(&self) -> Result<(), Fault> {
        loop {
            let Some(take_up) = self.unsettled().last().cloned() else { return Ok(()) };
            queue::give_back(&self.app.database, &take_up, self.app.clock.now() + AGAIN_AFTER).await?;
            self.unsettled().retain(|other| *other != take_up);
        }
    }

    fn unsettled(&self) -> MutexGuard<'_, Vec<TakeUp>> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Renews the hold of a run until it is lost: another process took the run over, or the run ended.
    async fn hold(&self, claimed: &Claimed) {
        let run = &claimed.run;
        loop {
            tokio::time::sleep(self.renew_every).await;
            let until = self.app.clock.now() + HELD_FOR;
            match queue::renew_hold(&self.app.database, run, until).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(plugin_run.id = %run.id, %error, "cannot renew the hold of a plugin run");
                }
            }
        }
    }
}

/// What a future gives; a panic in it is a fault.
async fn caught<T>(future: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let outcome = AssertUnwindSafe(future).catch_unwind().await;
    outcome.unwrap_or_else(|_| Err(Fault::broken("working on it panicked")))
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_fault_that_counts() {
        assert_eq!(caught(async { Ok(1) }).await.ok(), Some(1));
        let fault = caught::<()>(async { panic!("a defect") }).await.unwrap_err();
        assert_eq!((fault.to_string().as_str(), fault.is_temporary()), ("working on it panicked", false));
    }
}
