//! Keeps what was asked of plugins, and what they said.

use entity::{plugin_attempt, plugin_run, plugin_step, stored::Verdict};
use serde_json::{Map, Value, json};

use super::{StoredStep, conclude::Kept};
use crate::{
    domain::{
        plugin::{Reason, without_contacts},
        value::BoundedText,
    },
    fault::Fault,
    store,
    usecase::work::UnitOfWork,
};

/// How many bytes of an answer are kept to be looked at.
const EXCERPT_BYTES: usize = 4 * 1024;

/// The beginning of an answer.
pub type Excerpt = BoundedText<EXCERPT_BYTES>;

/// Keeps a run that was locked, as it is now.
pub(super) async fn run(work: &mut UnitOfWork<'_>, run: &plugin_run::Model) -> Result<(), Fault> {
    store::plugin_run::save(&work.db(), run).await?;
    work.changed_runs.push(run.id);
    Ok(())
}

/// Keeps an attempt of the step that a run is at, and what the step has come to by it; over what was kept of either
/// before.
pub(super) async fn answer(
    work: &UnitOfWork<'_>,
    run: &plugin_run::Model,
    step: &StoredStep,
    verdict: Option<Verdict>,
    reasons: &[Reason],
    patch: Option<&Map<String, Value>>,
    attempt: Kept,
) -> Result<(), Fault> {
    let reasons: Vec<_> = reasons
        .iter()
        .map(|reason| json!({"code": &*reason.code, "message": &*reason.message, "path": reason.path.as_deref()}))
        .collect();
    let step = plugin_step::Model {
        tenant_id: work.caller.tenant.to_string(),
        run_id: run.id,
        number: run.step_number,
        step: step.name.clone(),
        plugin_id: step.plugin()?,
        verdict,
        reasons: serde_json::to_string(&reasons)?,
        patch: patch.map(|patch| without_contacts(patch).to_string()),
    };
    let Kept { number, record, error } = attempt;
    let attempt = plugin_attempt::Model {
        tenant_id: work.caller.tenant.to_string(),
        run_id: run.id,
        step_number: run.step_number,
        number,
        started_at: record.started_at,
        duration_ms: i32::try_from(record.duration.as_millis()).unwrap_or(i32::MAX),
        status_code: record.status_code.map(i32::from),
        error: error.map(Into::into),
        response_excerpt: record.response_excerpt.map(Into::into),
    };
    Ok(store::plugin_run::put_answer(&work.db(), step, attempt).await?)
}

/// The beginning of an answer as text; it has a character for each byte at most.
pub fn excerpt(body: &[u8]) -> Excerpt {
    let beginning = body.get(..EXCERPT_BYTES).unwrap_or(body);
    Excerpt::new(&String::from_utf8_lossy(beginning))
}
