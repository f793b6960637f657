//! Configures webhooks, and sends events once more.

use async_graphql::{Context, ID, Object, Result, SimpleObject};

use super::{
    super::{
        context::ContextExt,
        delete::{DeletePayload, IdInput},
        error::{UserError, user_errors},
    },
    WebhookEndpoint,
    inputs::{WebhookEndpointCreateInput, WebhookEndpointUpdateInput, WebhookReplayInput},
};
use crate::usecase::{self, Error, webhook::Saved};

/// The answer to a mutation of a webhook endpoint.
#[derive(Clone, Debug, SimpleObject)]
pub struct WebhookEndpointPayload {
    /// The endpoint; null if nothing happened.
    webhook_endpoint: Option<WebhookEndpoint>,
    /// What its deliveries are signed with (Standard Webhooks), if that was just made; shown only now.
    secret: Option<String>,
    /// Why nothing happened; empty if it did.
    user_errors: Vec<UserError>,
}

/// The answer to a replay.
#[derive(Clone, Debug, SimpleObject)]
pub struct WebhookReplayPayload {
    /// How many events are sent once more.
    queued: i32,
    /// Why nothing happened; empty if it did.
    user_errors: Vec<UserError>,
}

/// Mutations of webhooks.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebhookMutation;

#[Object]
impl WebhookMutation {
    /// Saves a webhook endpoint, which is sent what happens from now on, and shows once what deliveries are signed with.
    async fn webhook_endpoint_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The endpoint.")] input: WebhookEndpointCreateInput,
    ) -> Result<WebhookEndpointPayload> {
        let granted = ctx.granted()?;
        payload(ctx, usecase::webhook::create(ctx.app()?, granted, input.into_domain()).await)
    }

    /// Changes a webhook endpoint.
    async fn webhook_endpoint_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: WebhookEndpointUpdateInput,
    ) -> Result<WebhookEndpointPayload> {
        let granted = ctx.granted()?;
        let result = match input.into_domain() {
            Ok((id, patch)) => usecase::webhook::update(ctx.app()?, granted, id, patch).await,
            Err(problems) => Err(problems.into()),
        };
        payload(ctx, result)
    }

    /// Deletes a webhook endpoint and its deliveries; nothing more is sent to it.
    async fn webhook_endpoint_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: IdInput,
    ) -> Result<DeletePayload> {
        let granted = ctx.granted()?;
        let result = match input.into_domain() {
            Ok(id) => usecase::webhook::delete(ctx.app()?, granted, id).await,
            Err(problems) => Err(problems.into()),
        };
        DeletePayload::of(ctx, result.map(|id| ID::from(id.to_string())))
    }

    /// Sends events to a webhook endpoint once more, in order, each with the id that it had.
    async fn webhook_replay(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which events.")] input: WebhookReplayInput,
    ) -> Result<WebhookReplayPayload> {
        let granted = ctx.granted()?;
        let result = match input.into_domain() {
            Ok(replay) => usecase::webhook::replay(ctx.app()?, granted, replay).await,
            Err(problems) => Err(problems.into()),
        };
        match result {
            Ok(queued) => {
                Ok(WebhookReplayPayload { queued: i32::try_from(queued)?, user_errors: Vec::new() })
            }
            Err(Error::Refused(problems)) => {
                let user_errors = user_errors(ctx, problems, &["userErrors"]);
                Ok(WebhookReplayPayload { queued: 0, user_errors })
            }
            Err(Error::Fault(fault)) => Err(ctx.fault(fault)),
        }
    }
}

fn payload(ctx: &Context<'_>, result: Result<Saved, Error>) -> Result<WebhookEndpointPayload> {
    match result {
        Ok(saved) => Ok(WebhookEndpointPayload {
            webhook_endpoint: Some(saved.endpoint.into()),
            secret: saved.secret.map(crate::secret::Secret::into_exposed),
            user_errors: Vec::new(),
        }),
        Err(Error::Refused(problems)) => {
            let user_errors = user_errors(ctx, problems, &["userErrors"]);
            Ok(WebhookEndpointPayload { webhook_endpoint: None, secret: None, user_errors })
        }
        Err(Error::Fault(fault)) => Err(ctx.fault(fault)),
    }
}
