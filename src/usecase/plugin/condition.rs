//! Writes with workflows what came of their conditions.

use std::time::Duration;

use entity::id::PluginWorkflowId;
use tokio_util::sync::CancellationToken;

use crate::{
    access::Caller,
    app::App,
    store::{self, Tenant},
    usecase::{Error, work::UnitOfWork},
};

/// How often what came of conditions is written: each workflow is written once at most in this time.
const WRITE_INTERVAL: Duration = Duration::from_secs(3);

/// What came of a workflow's condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionReport {
    /// Whose workflow it is.
    pub tenant: Tenant,
    /// The workflow.
    pub id: PluginWorkflowId,
    /// Its version.
    pub version: i32,
    /// What went wrong, and what to do about it.
    pub error: String,
    /// Whether the workflow is to be switched off for it.
    pub switch_off: bool,
}

/// The service that writes reports. It never delays what they are about.
#[derive(Clone, Debug)]
pub struct ConditionReporter {
    app: App,
}

impl ConditionReporter {
    /// The reporter of a process.
    pub const fn new(app: App) -> Self {
        Self { app }
    }

    /// Writes until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(WRITE_INTERVAL) => {}
            }
            self.work_once().await;
        }
    }

    /// Writes what there is to write. What cannot be written is dropped: it comes again if it goes on.
    pub async fn work_once(&self) {
        for report in self.app.hook.take_condition_reports() {
            if let Err(error) = self.write(&report).await {
                let error = match error {
                    Error::Fault(fault) => fault.to_string(),
                    Error::Refused(_) => "refused".to_owned(),
                };
                tracing::warn!(plugin_workflow.id = %report.id, %error, "what came of a condition could not be written");
            }
        }
    }

    async fn write(&self, report: &ConditionReport) -> Result<(), Error> {
        let ConditionReport { tenant, id, version, error, switch_off } = report;
        let caller = Caller::system(tenant.clone());
        let is_news = |row: &entity::plugin_workflow::Model| {
            row.version == *version && row.enabled && row.last_error.as_ref() != Some(error)
        };
        let known = store::plugin::workflows_by_ids(&self.app.reader(&caller).db(), &[*id]).await?;
        if !known.iter().any(is_news) {
            return Ok(());
        }
        let work = UnitOfWork::begin(&self.app, &caller).await?;
        let Some(mut row) = store::plugin::lock_workflow(&work.db(), *id).await?.filter(is_news) else {
            return Ok(work.roll_back().await?);
        };
        row.last_error = Some(error.clone());
        if *switch_off {
            row.enabled = false;
            row.version += 1;
            row.updated_at = work.now;
            row.updated_by = caller.subject.to_string();
        }
        store::plugin::save_workflow(&work.db(), &row).await?;
        work.commit().await?;
        tracing::warn!(
            tenant.id = %tenant, plugin_workflow.id = %id, switched_off = switch_off, "a workflow's condition: {error}"
        );
        if *switch_off {
            self.app.hook.configuration_changed(tenant);
        }
        Ok(())
    }
}
