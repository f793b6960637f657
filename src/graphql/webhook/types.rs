//! Webhook endpoints and deliveries as clients see them.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result};
use entity::{
    stored::{self, EventType},
    webhook_delivery, webhook_endpoint,
};

use super::{
    super::{
        connection::{PageArgs, WebhookDeliveryConnection},
        context::ContextExt,
        event::{OrderEvent, OrderEventType},
        quick::Stored,
        scalar::DateTime,
    },
    query::deliveries,
};
use crate::{access::right::OrdersRead, fault::Fault, usecase};

/// How a delivery to a webhook endpoint stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "stored::DeliveryStatus")]
pub enum WebhookDeliveryStatus {
    /// It is to be sent, for the first time or again.
    Pending,
    /// The endpoint took it.
    Delivered,
    /// It was given up; `webhookReplay` sends it once more.
    Failed,
}

/// A webhook endpoint; cheap to clone.
#[derive(Clone, Debug)]
pub struct WebhookEndpoint(Arc<webhook_endpoint::Model>);

impl Stored for WebhookEndpoint {}

impl From<webhook_endpoint::Model> for WebhookEndpoint {
    fn from(row: webhook_endpoint::Model) -> Self {
        Self(Arc::new(row))
    }
}

/// An address that the tenant's events are sent to.
#[Object]
impl WebhookEndpoint {
    /// Its id, `whe_…`.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Where it is.
    async fn url(&self) -> &str {
        &self.0.url
    }

    /// What it is for.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// The types of events that are sent.
    async fn event_types(&self, ctx: &Context<'_>) -> Result<Vec<OrderEventType>> {
        let types = usecase::webhook::event_types(&self.0).map_err(|fault| ctx.fault(fault))?;
        Ok(types.unwrap_or_else(|| EventType::ALL.to_vec()).into_iter().map(Into::into).collect())
    }

    /// Whether anything is sent. What happens meanwhile is sent once it is enabled again.
    async fn enabled(&self) -> bool {
        self.0.enabled
    }

    /// Why the service stopped sending, if it did: the endpoint answered 410, or failed for five days.
    async fn disabled_reason(&self) -> Option<&str> {
        self.0.disabled_reason.as_deref()
    }

    /// What was sent and is to be sent, the newest events first. Those that have ended are kept for 30 days.
    async fn deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those that stand so.")] status: Option<WebhookDeliveryStatus>,
        #[graphql(desc = "How many from the beginning: 1 to 100, 20 if left out.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<WebhookDeliveryConnection> {
        deliveries(ctx, self.0.id, status.map(Into::into), PageArgs { first, after, last, before }).await
    }
}

/// A delivery; cheap to clone.
#[derive(Clone, Debug)]
pub struct WebhookDelivery(Arc<webhook_delivery::Model>);

impl Stored for WebhookDelivery {}

impl From<webhook_delivery::Model> for WebhookDelivery {
    fn from(row: webhook_delivery::Model) -> Self {
        Self(Arc::new(row))
    }
}

/// An event on its way to an endpoint, or after it.
#[Object]
impl WebhookDelivery {
    /// Its id, `whd_…`.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The event. Its id is the header `webhook-id`, the same in every attempt and every replay.
    async fn event(&self, ctx: &Context<'_>) -> Result<OrderEvent> {
        ctx.granted_for::<OrdersRead>("WebhookDelivery.event")?;
        let found = ctx.loader()?.load_one(self.0.event_id).await;
        let found = found.map_err(|fault| ctx.load_fault(&fault))?;
        found.ok_or_else(|| ctx.fault(Fault::broken("a delivery without an event")))
    }

    /// How it stands.
    async fn status(&self) -> WebhookDeliveryStatus {
        self.0.status.into()
    }

    /// How often it was sent since it was last queued.
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }

    /// HTTP status of the last answer, if there was one.
    async fn last_status_code(&self) -> Option<i32> {
        self.0.last_status_code
    }

    /// What went wrong the last time.
    async fn last_error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }

    /// When it is sent, if it is pending; null while it waits for an earlier event about the same order.
    async fn next_attempt_at(&self) -> Option<DateTime> {
        self.0.due_at.map(Into::into)
    }

    /// When the endpoint took it.
    async fn delivered_at(&self) -> Option<DateTime> {
        self.0.delivered_at.map(Into::into)
    }
}
