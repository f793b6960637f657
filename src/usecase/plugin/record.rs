//! Keeps what was asked of plugins, and what they said.

use entity::{plugin_attempt, plugin_run, plugin_step, stored::Verdict};
use serde_json::json;

use super::Settlement;
use crate::{
    domain::plugin::{Answer, Reason},
    fault::Fault,
    store,
    usecase::work::UnitOfWork,
};

/// Keeps an attempt, and what its step has come to by it.
pub(super) async fn attempt(
    work: &UnitOfWork<'_>,
    run: &plugin_run::Model,
    settlement: &Settlement,
    verdict: Option<Verdict>,
    reasons: &[Reason],
) -> Result<(), Fault> {
    let reasons: Vec<_> = reasons
        .iter()
        .map(|reason| json!({"code": reason.code, "message": reason.message, "path": reason.path}))
        .collect();
    let step = plugin_step::Model {
        tenant_id: work.caller.tenant.to_string(),
        run_id: run.id,
        number: run.step_number,
        step: settlement.step.name.clone(),
        plugin_id: settlement.plugin_id,
        verdict,
        reasons: serde_json::to_string(&reasons)?,
    };
    store::plugin_run::put_step(&work.db(), step).await?;
    let error = match &settlement.answer {
        Answer::Retry { error, .. } | Answer::Fail { error } => Some(error.clone()),
        Answer::Pass { .. } | Answer::Reject { .. } => None,
    };
    let attempt = settlement.attempt.as_ref();
    let row = plugin_attempt::Model {
        tenant_id: work.caller.tenant.to_string(),
        run_id: run.id,
        step_number: run.step_number,
        number: run.attempts,
        started_at: attempt.map_or(work.now, |attempt| attempt.started_at),
        duration_ms: attempt
            .map_or(0, |attempt| i32::try_from(attempt.duration.as_millis()).unwrap_or(i32::MAX)),
        status_code: attempt.and_then(|attempt| attempt.status_code).map(i32::from),
        error,
        response_excerpt: attempt.and_then(|attempt| attempt.response_excerpt.clone()),
    };
    Ok(store::plugin_run::insert_attempt(&work.db(), row).await?)
}
