//! Reads webhook endpoints and deliveries.

use async_graphql::{Context, Object, Result};
use entity::{id::WebhookEndpointId, stored::DeliveryStatus};

use super::{
    super::{
        connection::{Counter, PageArgs, WebhookDeliveryConnection, WebhookEndpointConnection},
        context::ContextExt,
    },
    WebhookDelivery, WebhookEndpoint,
};
use crate::{
    access::right::ConfigRead,
    events::Cursor,
    store::{
        self,
        page::{decode_cursor, encode_cursor},
        webhook_delivery::DeliveryFilter,
    },
};

/// The list's name in its cursors.
const ENDPOINTS: &str = "webhook-endpoint";

/// Queries about webhooks.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebhookQuery;

#[Object]
impl WebhookQuery {
    /// The tenant's webhook endpoints, oldest first.
    async fn webhook_endpoints(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning: 1 to 100, 20 if left out.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<WebhookEndpointConnection> {
        let db = ctx.db_for::<ConfigRead>()?;
        let args = PageArgs { first, after, last, before };
        let request = args.request(|cursor| decode_cursor(ENDPOINTS, cursor).map(WebhookEndpointId))?;
        let page = store::webhook::page(&db, &request).await.map_err(|error| ctx.fault(error))?;
        let cursor = |row: &entity::webhook_endpoint::Model| encode_cursor(ENDPOINTS, row.id.0);
        Ok(WebhookEndpointConnection::new(page, Counter::WebhookEndpoints, cursor, WebhookEndpoint::from))
    }
}

/// A page of the deliveries to an endpoint. Their cursors are those of their events.
pub async fn deliveries(
    ctx: &Context<'_>,
    endpoint_id: WebhookEndpointId,
    status: Option<DeliveryStatus>,
    args: PageArgs,
) -> Result<WebhookDeliveryConnection> {
    let tenant = &ctx.caller()?.tenant;
    let request = args.request(|cursor| Cursor::decode(tenant, cursor).map(|cursor| cursor.0))?;
    let filter = DeliveryFilter { endpoint_id, status };
    let page = store::webhook_delivery::page(&ctx.db()?, &filter, &request).await;
    let page = page.map_err(|error| ctx.fault(error))?;
    let cursor = |row: &entity::webhook_delivery::Model| Cursor(row.position).encode(tenant);
    Ok(WebhookDeliveryConnection::new(page, Counter::Deliveries(filter), cursor, WebhookDelivery::from))
}
