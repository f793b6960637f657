//! Carries out what a plugin answered.

use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::{
    plugin_attempt, plugin_run,
    stored::{PluginRunStatus, Verdict},
};

use super::{
    Excerpt, StoredStep,
    conclude::{Asked, Kept, ask_again, conclude, wait},
    record,
};
use crate::{
    access::Caller,
    app::App,
    domain::plugin::{Answer, retry_delay},
    fault::Fault,
    store::{self, Tenant},
    usecase::{
        Error,
        aggregate::Aggregate,
        work::{Cause, UnitOfWork, trace_of},
    },
};

/// One call of a plugin, as it is kept.
#[derive(Clone, Debug)]
pub struct AttemptRecord {
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long it took.
    pub duration: Duration,
    /// HTTP status of the answer, if one came.
    pub status_code: Option<u16>,
    /// The beginning of the answer.
    pub response_excerpt: Option<Excerpt>,
}

/// What a worker learned about a step that it held.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The run, as it was when its plugin was asked.
    pub run: plugin_run::Model,
    /// The step.
    pub step: StoredStep,
    /// Name of the plugin that was asked; it is the actor of what follows.
    pub plugin_name: String,
    /// How often it may be asked.
    pub max_attempts: i32,
    /// When an answer that comes later must be there.
    pub deadline: DateTime<Utc>,
    /// The end of the log when the plugin was asked: it knows of everything up to there.
    pub seen: i64,
    /// The call; none where the plugin could not even be asked.
    pub attempt: Option<AttemptRecord>,
    /// What came of it.
    pub answer: Answer,
}

/// Carries out what a plugin answered, if the run is still held under the same take-up: an answer that comes after
/// another process took the run over, or after the run was dropped, changes nothing.
pub async fn settle_step(app: &App, tenant: &Tenant, settlement: Settlement) -> Result<(), Error> {
    let caller = Caller::system(tenant.clone()).named(&format!("plugin:{}", settlement.plugin_name));
    let Settlement { run: asked, step, max_attempts, deadline, seen, attempt, answer, .. } = settlement;
    let caller = caller.within(trace_of(&asked));
    let cause = Cause { run_id: asked.id, workflow_id: asked.workflow_id, depth: asked.depth };
    let mut work = UnitOfWork::begin_for(app, &caller, Some(cause)).await?;
    let mut aggregate = Aggregate::lock(&work, asked.order_id)
        .await?
        .ok_or_else(|| Fault::broken("a plugin run without an order"))?;
    let run = store::plugin_run::lock(&work.db(), asked.id).await?;
    let Some(mut run) = run.filter(|run| run.lease == asked.lease) else {
        tracing::info!(plugin_run.id = %asked.id, "an answer came too late and was dropped");
        return Ok(());
    };
    let kept = kept(&work, &run, attempt, &answer).await?;
    match answer {
        Answer::Retry { after, .. } if run.attempts < max_attempts => {
            let number = u32::try_from(run.attempts).unwrap_or(1);
            let delay = retry_delay(number, app.ids.jitter(), after);
            let delay = chrono::Duration::from_std(delay).unwrap_or(chrono::Duration::MAX);
            ask_again(&mut work, &mut run, &step, kept, delay).await?;
        }
        Answer::Defer => {
            record::answer(&work, &run, &step, Some(Verdict::Defer), &[], None, kept).await?;
            wait(&mut run, PluginRunStatus::Waiting, Some(deadline));
            record::run(&mut work, &run).await?;
        }
        answer => {
            let asked = Asked { step: &step, max_attempts, seen };
            conclude(&mut work, &mut aggregate, &mut run, asked, answer, kept).await?;
            aggregate.save(&work).await?;
        }
    }
    work.commit().await?;
    Ok(())
}

/// The attempt that was just made; where a callback did not come in time, it is the one that was put off.
async fn kept(
    work: &UnitOfWork<'_>,
    run: &plugin_run::Model,
    attempt: Option<AttemptRecord>,
    answer: &Answer,
) -> Result<Kept, Fault> {
    let error = match answer {
        Answer::Retry { error, .. } | Answer::Fail { error } => Some(error.clone()),
        Answer::Pass { .. } | Answer::Reject { .. } | Answer::Enrich { .. } | Answer::Defer => None,
    };
    let (number, record) = if let Some(record) = attempt {
        (run.attempts, record)
    } else {
        let deferred = deferred(work, run).await?;
        deferred.unwrap_or_else(|| (run.attempts, AttemptRecord::none_at(work.now)))
    };
    Ok(Kept { number, record, error })
}

/// The attempt of a run that waits for its callback, with its number: the last one that was recorded of the step.
async fn deferred(
    work: &UnitOfWork<'_>,
    run: &plugin_run::Model,
) -> Result<Option<(i32, AttemptRecord)>, Fault> {
    if run.status != PluginRunStatus::Waiting {
        return Ok(None);
    }
    let attempts = store::plugin_run::attempts(&work.db(), &[run.id]).await?;
    let of_step = |row: &plugin_attempt::Model| row.step_number == run.step_number;
    Ok(attempts.into_iter().rfind(of_step).map(|row| {
        let record = AttemptRecord {
            started_at: row.started_at,
            duration: (work.now - row.started_at).to_std().unwrap_or_default(),
            status_code: row.status_code.and_then(|code| u16::try_from(code).ok()),
            response_excerpt: row.response_excerpt.map(Into::into),
        };
        (row.number, record)
    }))
}

impl AttemptRecord {
    /// A call that was not made.
    const fn none_at(now: DateTime<Utc>) -> Self {
        Self { started_at: now, duration: Duration::ZERO, status_code: None, response_excerpt: None }
    }
}
