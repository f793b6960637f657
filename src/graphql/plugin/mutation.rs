//! Configures the plugin manager.

use async_graphql::{Context, Object, Result, SimpleObject};

use super::{
    super::{
        context::ContextExt,
        error::{UserError, user_errors},
    },
    Plugin, PluginWorkflow,
    inputs::{PluginCreateInput, PluginWorkflowCreateInput},
};
use crate::usecase::{self, Error};

/// The answer to a mutation of a plugin.
#[derive(Clone, Debug, SimpleObject)]
pub struct PluginPayload {
    /// The plugin; null if nothing happened.
    plugin: Option<Plugin>,
    /// What its calls are signed with (Standard Webhooks); shown only now.
    secret: Option<String>,
    /// Why nothing happened; empty if it did.
    user_errors: Vec<UserError>,
}

/// The answer to a mutation of a workflow.
#[derive(Clone, Debug, SimpleObject)]
pub struct PluginWorkflowPayload {
    /// The workflow; null if nothing happened.
    plugin_workflow: Option<PluginWorkflow>,
    /// Why nothing happened; empty if it did.
    user_errors: Vec<UserError>,
}

/// Mutations of the plugin manager.
#[derive(Clone, Copy, Debug, Default)]
pub struct PluginMutation;

#[Object]
impl PluginMutation {
    /// Saves a plugin, and shows once what its calls are signed with.
    async fn plugin_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The plugin.")] input: PluginCreateInput,
    ) -> Result<PluginPayload> {
        let result = match input.into_domain() {
            Ok(new) => usecase::plugin::create(ctx.app()?, ctx.caller()?, new).await,
            Err(problems) => Err(problems.into()),
        };
        match result {
            Ok(created) => Ok(PluginPayload {
                plugin: Some(created.plugin.into()),
                secret: Some(created.secret.into_exposed()),
                user_errors: Vec::new(),
            }),
            Err(Error::Refused(problems)) => {
                let user_errors = user_errors(ctx, problems, &["userErrors"]);
                Ok(PluginPayload { plugin: None, secret: None, user_errors })
            }
            Err(Error::Fault(fault)) => Err(ctx.fault(fault)),
        }
    }

    /// Saves a workflow; what happens from now on sets it off.
    async fn plugin_workflow_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The workflow.")] input: PluginWorkflowCreateInput,
    ) -> Result<PluginWorkflowPayload> {
        let result = match input.into_domain() {
            Ok(new) => usecase::plugin::workflow_create(ctx.app()?, ctx.caller()?, new).await,
            Err(problems) => Err(problems.into()),
        };
        match result {
            Ok(row) => {
                Ok(PluginWorkflowPayload { plugin_workflow: Some(row.into()), user_errors: Vec::new() })
            }
            Err(Error::Refused(problems)) => {
                let user_errors = user_errors(ctx, problems, &["userErrors"]);
                Ok(PluginWorkflowPayload { plugin_workflow: None, user_errors })
            }
            Err(Error::Fault(fault)) => Err(ctx.fault(fault)),
        }
    }
}
