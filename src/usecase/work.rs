//! The unit of work: one transaction per mutation, with its events, its plugin runs and its kept answer.
//!
//! Nothing else begins or commits a transaction. No network call happens while one is open, and nothing after the
//! commit can fail the request.

use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};
use entity::{
    event,
    id::{EventId, PluginId, PluginRunId, PluginWorkflowId, WorkOrderId},
    order, plugin_run,
    stored::{PluginRunStatus, PluginTrigger},
    work_order,
};
use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::{Done, Error, idempotency, idempotency::Key, plugin::ConditionReport};
use crate::{
    access::Caller,
    app::App,
    domain::problem::Path,
    events::{self, Cursor, Fact, NewEvent, Reason},
    fault::Fault,
    seam::Ids,
    store::{
        self, PageRequest, Reader, Tenant, TenantDb, Transaction, attribute::Definitions, event::EventFilter,
    },
    trace::Trace,
};

/// How many plugin runs may lead to one another.
const MAX_DEPTH: i32 = 8;
/// The reason of a run that was one too many.
const LOOP_GUARD: &str = "LOOP_GUARD";

/// What stands above the use cases and yet must take part in their transactions: the plugin manager.
pub trait CommitHook: Send + Sync + fmt::Debug {
    /// What a tenant has configured, for one unit of work. Asked before the transaction begins.
    fn triggers<'a>(&'a self, reader: &'a Reader) -> BoxFuture<'a, Result<Arc<dyn Triggers>, Fault>>;

    /// A tenant's workflows were changed by this process, and the change committed.
    fn configuration_changed(&self, tenant: &Tenant);

    /// Takes what came of conditions and is not written yet.
    fn take_condition_reports(&self) -> Vec<ConditionReport>;
}

/// A tenant's workflows, as one unit of work sees them. Its recorders share them.
pub trait Triggers: Send + Sync {
    /// The runs that an event sets off. It may neither wait nor call out nor take long, because a transaction is open:
    /// all events of a unit share one budget.
    fn set_off(&self, event: &NewEvent, subject: &Subject<'_>) -> Vec<TriggeredRun>;
}

/// No workflows.
struct NoTriggers;

impl Triggers for NoTriggers {
    fn set_off(&self, _: &NewEvent, _: &Subject<'_>) -> Vec<TriggeredRun> {
        Vec::new()
    }
}

/// A run that an event sets off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggeredRun {
    /// Its workflow.
    pub workflow_id: PluginWorkflowId,
    /// What set it off.
    pub trigger: PluginTrigger,
    /// The workflow's steps as they are now: a JSON array.
    pub steps: String,
    /// Name of the first step.
    pub start: String,
    /// The plugin that this step asks.
    pub first: PluginId,
}

/// What a recorded fact is about: an order as it is after the fact, or one of its work orders.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The order.
    pub order: &'a order::Model,
    /// Its work orders.
    pub work_orders: &'a [work_order::Model],
    /// The work order, if the fact is about one.
    pub work_order_id: Option<WorkOrderId>,
    /// Version of the order or work order after the fact.
    pub entity_version: i32,
}

/// The plugin run on whose behalf something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The run.
    pub run_id: PluginRunId,
    /// Its workflow.
    pub workflow_id: PluginWorkflowId,
    /// How many runs led to what it does, itself included.
    pub depth: i32,
}

/// Collects events, and the runs that they set off, in memory.
pub struct Recorder {
    actor: Arc<str>,
    tenant_id: String,
    now: DateTime<Utc>,
    ids: Ids,
    triggers: Arc<dyn Triggers>,
    cause: Option<Cause>,
    /// The trace that the runs it sets off are within; if there is none, each has one of its own.
    trace: Option<Trace>,
    events: Vec<NewEvent>,
    runs: Vec<plugin_run::Model>,
}

impl Recorder {
    /// Records a fact, and gives how many runs it set off that its order waits for.
    pub fn record(&mut self, subject: Subject<'_>, fact: Fact, reason: Reason) -> usize {
        let event = self.event(&subject, fact, reason);
        let mut set_off = self.triggers.set_off(&event, &subject);
        // A change made by a plugin triggers no run of the same workflow on the same order; a run changes no other one.
        set_off.retain(|run| self.cause.is_none_or(|cause| cause.workflow_id != run.workflow_id));
        let runs: Vec<_> = set_off.into_iter().map(|run| self.run(&event, run)).collect();
        self.events.push(event);
        for run in runs.iter().filter(|run| run.finished_at.is_some()) {
            tracing::warn!(plugin_run.id = %run.id, "a chain of plugin runs is too long and was stopped");
            let about = Subject { work_order_id: None, entity_version: subject.order.version, ..subject };
            let fact = Fact::PluginRunFinished { to: run.status.as_str().to_owned() };
            let reason = Reason { code: Some(LOOP_GUARD.to_owned()), ..Reason::default() };
            let finished = self.event(&about, fact, reason);
            self.events.push(finished);
        }
        let gates = runs.iter().filter(|run| is_waited_for(run)).count();
        self.runs.extend(runs);
        gates
    }

    fn event(&self, subject: &Subject<'_>, fact: Fact, reason: Reason) -> NewEvent {
        NewEvent {
            id: EventId(self.ids.uuid()),
            fact,
            order_id: subject.order.id,
            client_id: subject.order.client_id.clone(),
            work_order_id: subject.work_order_id,
            entity_version: subject.entity_version,
            reason,
            actor: self.actor.to_string(),
            plugin_run_id: self.cause.map(|cause| cause.run_id),
            depth: self.cause.map_or(0, |cause| cause.depth),
            recorded_at: self.now,
        }
    }

    /// A run beyond the depth limit is stored FAILED, and calls nothing.
    fn run(&self, event: &NewEvent, run: TriggeredRun) -> plugin_run::Model {
        let depth = event.depth + 1;
        let stopped = depth > MAX_DEPTH;
        let trace = self.trace.clone().unwrap_or_else(|| Trace::new(&self.ids));
        plugin_run::Model {
            tenant_id: self.tenant_id.clone(),
            id: PluginRunId(self.ids.uuid()),
            workflow_id: run.workflow_id,
            order_id: event.order_id,
            work_order_id: event.work_order_id,
            event_id: event.id,
            trigger: run.trigger,
            status: if stopped { PluginRunStatus::Failed } else { PluginRunStatus::Queued },
            steps: run.steps,
            step: (!stopped).then_some(run.start),
            step_number: 1,
            attempts: 0,
            depth,
            due_at: (!stopped).then_some(self.now),
            lease: None,
            lane: Some(run.first.0),
            created_at: self.now,
            started_at: None,
            finished_at: stopped.then_some(self.now),
            trace_parent: Some(trace.parent()),
            trace_state: trace.state(),
        }
    }

    /// How many runs the recorded events set off that their orders wait for.
    pub fn gates(&self) -> usize {
        self.runs.iter().filter(|run| is_waited_for(run)).count()
    }

    /// Who acts.
    pub fn actor(&self) -> String {
        self.actor.to_string()
    }

    /// The last event recorded so far.
    pub fn last_event(&self) -> Option<EventId> {
        self.events.last().map(|event| event.id)
    }
}

/// The trace that a run is within.
pub fn trace_of(run: &plugin_run::Model) -> Option<Trace> {
    Trace::read(run.trace_parent.as_deref()?, run.trace_state.as_deref())
}

/// Whether an order waits for a run: at intake, or for the answer to a request.
fn is_waited_for(run: &plugin_run::Model) -> bool {
    run.finished_at.is_none() && holds_up(run.trigger)
}

/// Whether orders wait for the runs of a trigger.
pub const fn holds_up(trigger: PluginTrigger) -> bool {
    match trigger {
        PluginTrigger::OrderInitiated | PluginTrigger::OrderCancellationRequested => true,
        PluginTrigger::OrderUpdated
        | PluginTrigger::OrderStatusChanged
        | PluginTrigger::WorkOrderCreated
        | PluginTrigger::WorkOrderStatusChanged => false,
    }
}

/// An open transaction on behalf of a caller. Dropped without a commit, it leaves nothing behind.
pub struct UnitOfWork<'a> {
    /// The program's parts.
    pub app: &'a App,
    /// On whose behalf.
    pub caller: &'a Caller,
    /// When everything in this unit happens.
    pub now: DateTime<Utc>,
    /// What the tenant defines of custom attributes.
    pub definitions: Arc<Definitions>,
    /// Its events.
    pub recorder: Recorder,
    /// Whether runs that were stored before become due by it, now or later.
    pub runs_are_due: bool,
    /// Runs that were stored before and that it changes.
    pub changed_runs: Vec<PluginRunId>,
    tx: Transaction,
}

/// What a unit of work left in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Position of its first event; where it recorded none, of the event after the newest there was.
    pub first: Cursor,
    /// Position of its last event; where it recorded none, of the newest there was.
    pub last: Cursor,
}

impl<'a> UnitOfWork<'a> {
    /// Begins a transaction bound to the caller's tenant.
    pub async fn begin(app: &'a App, caller: &'a Caller) -> Result<Self, Fault> {
        Self::begin_for(app, caller, None).await
    }

    /// Begins a transaction for what a plugin run does.
    pub async fn begin_for(app: &'a App, caller: &'a Caller, cause: Option<Cause>) -> Result<Self, Fault> {
        let triggers = app.hook.triggers(&app.reader(caller)).await?;
        let definitions = app.definitions(caller).await?;
        Self::begin_with(app, caller, cause, triggers, definitions).await
    }

    /// Begins a transaction that records no events, and can be begun although what the tenant configured cannot be read.
    pub async fn begin_unconfigured(app: &'a App, caller: &'a Caller) -> Result<Self, Fault> {
        Self::begin_with(app, caller, None, Arc::new(NoTriggers), Arc::default()).await
    }

    async fn begin_with(
        app: &'a App,
        caller: &'a Caller,
        cause: Option<Cause>,
        triggers: Arc<dyn Triggers>,
        definitions: Arc<Definitions>,
    ) -> Result<Self, Fault> {
        let tx = app.database.write_transaction(&caller.tenant, store::lane_of(&caller.subject)).await?;
        // Read after the transaction began: on SQLite that is after every earlier writer committed.
        let now = app.clock.now();
        let recorder = Recorder {
            actor: Arc::clone(&caller.subject),
            tenant_id: caller.tenant.to_string(),
            now,
            ids: app.ids.clone(),
            triggers,
            cause,
            trace: caller.trace.clone(),
            events: Vec::new(),
            runs: Vec::new(),
        };
        Ok(Self {
            app,
            caller,
            now,
            definitions,
            recorder,
            runs_are_due: false,
            changed_runs: Vec::new(),
            tx,
        })
    }

    /// The transaction, bound to the caller's tenant.
    pub const fn db(&self) -> TenantDb<'_> {
        TenantDb::of_transaction(&self.caller.tenant, &self.tx)
    }

    /// A recorder of its own for a part of the unit that may yet be left out.
    pub fn fork(&self) -> Recorder {
        self.fork_within(None)
    }

    /// The same for what another caller asked for, within the trace of theirs.
    pub fn fork_within(&self, trace: Option<Trace>) -> Recorder {
        Recorder {
            actor: Arc::clone(&self.recorder.actor),
            tenant_id: self.recorder.tenant_id.clone(),
            now: self.now,
            ids: self.recorder.ids.clone(),
            triggers: Arc::clone(&self.recorder.triggers),
            cause: self.recorder.cause,
            trace: trace.or_else(|| self.recorder.trace.clone()),
            events: Vec::new(),
            runs: Vec::new(),
        }
    }

    /// Takes in what such a recorder recorded, and gives how many events this unit has recorded then.
    pub fn join(&mut self, part: Recorder) -> usize {
        self.recorder.events.extend(part.events);
        self.recorder.runs.extend(part.runs);
        self.recorder.events.len()
    }

    /// The kept answer to an earlier request with this key. Asked after the entity was locked, so that of two requests
    /// with one key the second waits for the first and then finds its answer.
    pub async fn replay(&self, key: Option<&Key>) -> Result<Option<Done<Uuid>>, Error> {
        let Some(key) = key else { return Ok(None) };
        let answer = key.look_up(&self.db(), &Path::root()).await?;
        Ok(answer.map(|answer| Done { id: answer.entity_id, cursor: answer.cursor, replay: true }))
    }

    /// Keeps the answer under the request's key, commits and gives the answer. Where a request about another entity
    /// took the key meanwhile, nothing is committed.
    pub async fn finish(self, key: Option<&Key>, entity_id: Uuid) -> Result<Done<Uuid>, Error> {
        let mut newest = None;
        if let Some(key) = key {
            if self.recorder.events.is_empty() {
                // A repetition must find the position that this answer gives, whatever happens in between.
                newest = self.newest_event().await?;
            }
            let last = self.recorder.last_event().or(newest.as_ref().map(|event| event.id));
            let answer = key.answer(&self, entity_id, last);
            if store::idempotency::keep(&self.db(), &[answer]).await?.is_empty() {
                return Err(idempotency::mismatch(&Path::root()).into());
            }
        }
        let committed = self.commit().await?;
        let cursor = newest.map_or(committed.last, |event| Cursor(event.position));
        Ok(Done { id: entity_id, cursor, replay: false })
    }

    async fn newest_event(&self) -> Result<Option<event::Model>, Fault> {
        let newest =
            PageRequest { limit: 1, direction: store::Direction::Backward, after: None, before: None };
        let page = store::event::page(&self.db(), &EventFilter::default(), &newest).await?;
        Ok(page.rows.into_iter().next())
    }

    /// Stores the runs, appends the events and commits; then wakes whoever waits for either.
    pub async fn commit(mut self) -> Result<Committed, Error> {
        let events = std::mem::take(&mut self.recorder.events);
        let runs = std::mem::take(&mut self.recorder.runs);
        let count = i64::try_from(events.len()).map_err(|_| Fault::broken("too many events"))?;
        if !runs.is_empty() {
            store::plugin_run::insert(&self.db(), &runs).await?;
        }
        let first = if count == 0 {
            Cursor(store::event::head(&self.db()).await? + 1)
        } else {
            events::append(&self.db(), events).await?
        };
        let with_runs = self.runs_are_due || !runs.is_empty();
        let (wake, tenant, changed_runs) =
            (self.app.wake.clone(), self.caller.tenant.clone(), self.changed_runs);
        // Whoever waits for what was committed is woken also where the request was given up meanwhile.
        let wake_others = move || {
            if count > 0 || with_runs {
                wake.committed(&tenant, with_runs);
            }
            wake.runs_changed(&tenant, &changed_runs);
        };
        self.tx.commit_then(wake_others).await.map_err(Fault::from)?;
        Ok(Committed { first, last: Cursor(first.0 + count - 1) })
    }

    /// Gives up everything that was done in this unit.
    pub async fn roll_back(self) -> Result<(), Fault> {
        Ok(self.tx.rollback().await?)
    }
}
