//! Retries runs.

use async_graphql::{Context, Object, Result, SimpleObject};

use super::{
    super::{
        context::ContextExt,
        delete::IdInput,
        error::{UserError, user_errors},
    },
    PluginRun,
};
use crate::usecase::{self, Error};

/// The answer to a mutation of a run.
#[derive(Clone, Debug, SimpleObject)]
pub struct PluginRunPayload {
    /// The run; null if nothing happened.
    plugin_run: Option<PluginRun>,
    /// Why nothing happened; empty if it did.
    user_errors: Vec<UserError>,
}

/// Mutations of runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct PluginRunMutation;

#[Object]
impl PluginRunMutation {
    /// Runs a workflow again from the step that failed: a run that is HELD, or one that FAILED and that nothing waited for.
    async fn plugin_run_retry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which run.")] input: IdInput,
    ) -> Result<PluginRunPayload> {
        let granted = ctx.granted()?;
        let result = match input.into_domain() {
            Ok(id) => usecase::plugin::retry(ctx.app()?, granted, id).await,
            Err(problems) => Err(problems.into()),
        };
        match result {
            Ok(run) => Ok(PluginRunPayload { plugin_run: Some(run.into()), user_errors: Vec::new() }),
            Err(Error::Refused(problems)) => {
                let user_errors = user_errors(ctx, problems, &["userErrors"]);
                Ok(PluginRunPayload { plugin_run: None, user_errors })
            }
            Err(Error::Fault(fault)) => Err(ctx.fault(fault)),
        }
    }
}
