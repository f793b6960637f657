//! Answers that come later: a plugin that puts its verdict off (DEFER) posts it to the callback URL of its request.

use chrono::{DateTime, Utc};
use entity::{id::PluginRunId, plugin_run, stored::PluginRunStatus};
use serde::{Deserialize, Serialize};

use super::{
    AttemptRecord, StoredHttp, StoredStep,
    conclude::{Asked, Kept, conclude},
    record,
};
use crate::{
    access::Caller,
    app::App,
    domain::{
        plugin::{Answer, judge_callback},
        value::Message,
    },
    fault::Fault,
    secret::{NONCE_LENGTH, Secret},
    store::{self, Tenant},
    usecase::{
        Error,
        aggregate::Aggregate,
        work::{Cause, UnitOfWork, trace_of},
    },
};

/// What a callback token says: nobody but this service can make one or read it, so it is kept nowhere. It serves for one
/// answer, because a step that has its answer is never the one that a run is at again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackToken {
    /// Whose run it is.
    pub tenant: String,
    /// The step that is answered.
    pub step_number: i32,
    /// The attempt that the plugin puts off.
    pub attempt: i32,
    /// When that began.
    pub started_at: DateTime<Utc>,
    /// When the answer must be there.
    pub deadline: DateTime<Utc>,
    /// The end of the log when the plugin was asked.
    pub seen: i64,
}

/// What became of a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CalledBack {
    /// The run goes on.
    Taken,
    /// It is no verdict, and the token may be used again.
    NoVerdict(Message),
    /// The step has its answer already.
    Answered,
    /// It came after the deadline, or the run has ended.
    Over(String),
}

impl CallbackToken {
    /// The token as a plugin is given it.
    pub fn seal(&self, app: &App, run_id: PluginRunId) -> Result<Secret<String>, Fault> {
        let mut nonce = [0; NONCE_LENGTH];
        app.ids.fill(&mut nonce);
        let text = serde_json::to_vec(self)?;
        Ok(Secret::new(app.keyring.seal(&text, &context(run_id), nonce)))
    }

    /// The run and the token, if it was made for that run.
    pub fn open(app: &App, run_id: &str, token: &str) -> Option<(PluginRunId, Self)> {
        let run_id = PluginRunId::parse(run_id).ok()?;
        let text = app.keyring.open(token, &context(run_id)).ok()?;
        Some((run_id, serde_json::from_slice(&text).ok()?))
    }
}

fn context(run_id: PluginRunId) -> String {
    format!("{run_id}/callback")
}

/// Takes an answer that comes later. Only one that the run goes on with uses its token up.
pub async fn call_back(
    app: &App,
    run_id: PluginRunId,
    token: &CallbackToken,
    body: &[u8],
) -> Result<CalledBack, Error> {
    let caller = Caller::system(Tenant::new(&token.tenant));
    let reader = app.reader(&caller);
    let Some(run) = store::plugin_run::by_ids(&reader.db(), &[run_id]).await?.pop() else {
        return Ok(CalledBack::Over("there is no such run any more".to_owned()));
    };
    if let Some(refusal) = refuse(&run, token, app.clock.now()) {
        return Ok(refusal);
    }
    let answer = match judge_callback(body) {
        Ok(answer) => answer,
        Err(message) => return Ok(CalledBack::NoVerdict(message)),
    };
    let steps: Vec<StoredStep> = serde_json::from_str(&run.steps)?;
    let step = steps.into_iter().find(|step| Some(&step.name) == run.step.as_ref());
    let step = step.ok_or_else(|| Fault::broken("a plugin run is at a step that it does not have"))?;
    let plugin = store::plugin::by_id(&reader.db(), step.plugin()?).await?;
    let name = plugin.as_ref().map_or("", |plugin| plugin.name.as_str());
    let http = plugin.as_ref().and_then(|plugin| plugin.http.as_deref());
    let http: Option<StoredHttp> = http.map(serde_json::from_str).transpose()?;
    let max_attempts = http.map_or(1, |http| http.max_attempts);
    let asked = Asked { step: &step, max_attempts, seen: token.seen };
    settle(app, &caller.named(&format!("plugin:{name}")), &run, token, asked, answer, body).await
}

/// Why an answer to a run is not taken.
fn refuse(run: &plugin_run::Model, token: &CallbackToken, now: DateTime<Utc>) -> Option<CalledBack> {
    if run.finished_at.is_some() {
        Some(CalledBack::Over(format!("the run has ended: it is {}", run.status.as_str())))
    } else if run.step_number != token.step_number {
        Some(CalledBack::Answered)
    } else if now > token.deadline {
        Some(CalledBack::Over("the answer came after its deadline".to_owned()))
    } else {
        None
    }
}

async fn settle(
    app: &App,
    caller: &Caller,
    run: &plugin_run::Model,
    token: &CallbackToken,
    asked: Asked<'_>,
    answer: Answer,
    body: &[u8],
) -> Result<CalledBack, Error> {
    let caller = &caller.clone().within(trace_of(run));
    let cause = Cause { run_id: run.id, workflow_id: run.workflow_id, depth: run.depth };
    let mut work = UnitOfWork::begin_for(app, caller, Some(cause)).await?;
    let mut aggregate = Aggregate::lock(&work, run.order_id)
        .await?
        .ok_or_else(|| Fault::broken("a plugin run without an order"))?;
    let Some(mut run) = store::plugin_run::lock(&work.db(), run.id).await? else {
        return Ok(CalledBack::Over("there is no such run any more".to_owned()));
    };
    // It may have been answered, or have run out of time, since.
    if let Some(refusal) = refuse(&run, token, work.now) {
        return Ok(refusal);
    }
    let kept = Kept {
        number: token.attempt,
        record: AttemptRecord {
            started_at: token.started_at,
            duration: (work.now - token.started_at).to_std().unwrap_or_default(),
            status_code: (run.status == PluginRunStatus::Waiting).then_some(202),
            response_excerpt: Some(record::excerpt(body)),
        },
        error: None,
    };
    conclude(&mut work, &mut aggregate, &mut run, asked, answer, kept).await?;
    aggregate.save(&work).await?;
    work.runs_are_due = true;
    work.commit().await?;
    Ok(CalledBack::Taken)
}
