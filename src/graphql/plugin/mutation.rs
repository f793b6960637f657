//! Configures the plugin manager.

use async_graphql::{Context, ID, Object, Result, SimpleObject};

use super::{
    super::{
        context::ContextExt,
        delete::{DeletePayload, IdInput},
        error::{UserError, user_errors},
    },
    Plugin, PluginWorkflow,
    inputs::{PluginCreateInput, PluginUpdateInput, PluginWorkflowCreateInput, PluginWorkflowUpdateInput},
};
use crate::usecase::{self, Error, plugin::SavedPlugin};

/// The answer to a mutation of a plugin.
#[derive(Clone, Debug, SimpleObject)]
pub struct PluginPayload {
    /// The plugin; null if nothing happened.
    plugin: Option<Plugin>,
    /// What its calls are signed with (Standard Webhooks), if that was just made; shown only now.
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
        let granted = ctx.granted()?;
        let result = match input.into_domain() {
            Ok(new) => usecase::plugin::create(ctx.app()?, granted, new).await,
            Err(problems) => Err(problems.into()),
        };
        plugin_payload(ctx, result)
    }

    /// Changes a plugin; calls from now on are made as it says.
    async fn plugin_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: PluginUpdateInput,
    ) -> Result<PluginPayload> {
        let granted = ctx.granted()?;
        let result = match input.into_command() {
            Ok(update) => usecase::plugin::update(ctx.app()?, granted, update).await,
            Err(error) => Err(error),
        };
        plugin_payload(ctx, result)
    }

    /// Deletes a plugin and its secrets; refused while a workflow names it.
    async fn plugin_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: IdInput,
    ) -> Result<DeletePayload> {
        let granted = ctx.granted()?;
        let result = match input.into_domain() {
            Ok(id) => usecase::plugin::delete(ctx.app()?, granted, id).await,
            Err(problems) => Err(problems.into()),
        };
        DeletePayload::of(ctx, result.map(|id| ID::from(id.to_string())))
    }

    /// Saves a workflow; what happens from now on sets it off.
    async fn plugin_workflow_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The workflow.")] input: PluginWorkflowCreateInput,
    ) -> Result<PluginWorkflowPayload> {
        let granted = ctx.granted()?;
        let result = match input.into_domain() {
            Ok(new) => usecase::plugin::workflow_create(ctx.app()?, granted, new).await,
            Err(problems) => Err(problems.into()),
        };
        workflow_payload(ctx, result)
    }

    /// Changes a workflow; what happens from now on sets it off as it is then.
    async fn plugin_workflow_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: PluginWorkflowUpdateInput,
    ) -> Result<PluginWorkflowPayload> {
        let granted = ctx.granted()?;
        let result = match input.into_command() {
            Ok(update) => usecase::plugin::workflow_update(ctx.app()?, granted, update).await,
            Err(error) => Err(error),
        };
        workflow_payload(ctx, result)
    }

    /// Deletes a workflow; refused while runs of it have not ended. Its old runs still show it.
    async fn plugin_workflow_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: IdInput,
    ) -> Result<DeletePayload> {
        let granted = ctx.granted()?;
        let result = match input.into_domain() {
            Ok(id) => usecase::plugin::workflow_delete(ctx.app()?, granted, id).await,
            Err(problems) => Err(problems.into()),
        };
        DeletePayload::of(ctx, result.map(|id| ID::from(id.to_string())))
    }
}

fn plugin_payload(ctx: &Context<'_>, result: Result<SavedPlugin, Error>) -> Result<PluginPayload> {
    match result {
        Ok(saved) => Ok(PluginPayload {
            plugin: Some(saved.plugin.into()),
            secret: saved.secret.map(crate::secret::Secret::into_exposed),
            user_errors: Vec::new(),
        }),
        Err(Error::Refused(problems)) => {
            let user_errors = user_errors(ctx, problems, &["userErrors"]);
            Ok(PluginPayload { plugin: None, secret: None, user_errors })
        }
        Err(Error::Fault(fault)) => Err(ctx.fault(fault)),
    }
}

fn workflow_payload(
    ctx: &Context<'_>,
    result: Result<entity::plugin_workflow::Model, Error>,
) -> Result<PluginWorkflowPayload> {
    match result {
        Ok(row) => Ok(PluginWorkflowPayload { plugin_workflow: Some(row.into()), user_errors: Vec::new() }),
        Err(Error::Refused(problems)) => {
            let user_errors = user_errors(ctx, problems, &["userErrors"]);
            Ok(PluginWorkflowPayload { plugin_workflow: None, user_errors })
        }
        Err(Error::Fault(fault)) => Err(ctx.fault(fault)),
    }
}
