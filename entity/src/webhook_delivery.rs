//! An event on its way to an endpoint, or after it.

use sea_orm::entity::prelude::*;

use crate::{
    id::{EventId, OrderId, WebhookDeliveryId, WebhookEndpointId},
    stored::DeliveryStatus,
};

/// An event on its way to an endpoint, or after it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_delivery")]
pub struct Model {
    /// Whose row it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    /// To which endpoint.
    #[sea_orm(primary_key, auto_increment = false)]
    pub endpoint_id: WebhookEndpointId,
    /// The event's place in the log.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    /// Its id.
    pub id: WebhookDeliveryId,
    /// The event.
    pub event_id: EventId,
    /// The order that the event is about: events about one order are sent one after the other.
    pub order_id: OrderId,
    /// How it stands.
    pub status: DeliveryStatus,
    /// How often it was sent since it was last queued.
    pub attempts: i32,
    /// When it is sent, or, while some process holds it, when another may take it over. Of the pending deliveries of one
    /// order exactly one has this: the others wait for it.
    pub due_at: Option<DateTimeUtc>,
    /// Names the process's take-up that holds it.
    pub lease: Option<Uuid>,
    /// HTTP status of the last answer.
    pub last_status_code: Option<i32>,
    /// What went wrong the last time.
    #[sea_orm(column_type = "Text")]
    pub last_error: Option<String>,
    /// When it was first queued.
    pub created_at: DateTimeUtc,
    /// When it succeeded.
    pub delivered_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
