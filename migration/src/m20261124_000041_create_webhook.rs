//! Webhook endpoints, and what is sent to them.

use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, boolean, integer, integer_null, text, text_null, timestamp_with_time_zone,
        timestamp_with_time_zone_null, uuid, uuid_null,
    },
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(endpoint()).await?;
        manager.create_table(delivery()).await?;
        for (name, columns) in [
            // The pending deliveries of an order, in their order.
            (
                "ix_webhook_delivery_order_id",
                &[WebhookDelivery::OrderId, WebhookDelivery::Status, WebhookDelivery::Position][..],
            ),
            // Those that failed.
            ("ix_webhook_delivery_status", &[WebhookDelivery::Status, WebhookDelivery::Position]),
        ] {
            let mut index = Index::create().name(name).table(WebhookDelivery::Table).to_owned();
            index.col(WebhookDelivery::TenantId).col(WebhookDelivery::EndpointId);
            for column in columns {
                index.col(column.clone());
            }
            manager.create_index(index).await?;
        }
        let id = Index::create()
            .name("ux_webhook_delivery_id")
            .table(WebhookDelivery::Table)
            .unique()
            .col(WebhookDelivery::TenantId)
            .col(WebhookDelivery::Id)
            .to_owned();
        manager.create_index(id).await?;
        // What is to be sent next; most rows are not in it.
        let due = Index::create()
            .name("ix_webhook_delivery_due_at")
            .table(WebhookDelivery::Table)
            .col(WebhookDelivery::TenantId)
            .col(WebhookDelivery::EndpointId)
            .col(WebhookDelivery::DueAt)
            .cond_where(Expr::col(WebhookDelivery::DueAt).is_not_null())
            .to_owned();
        manager.create_index(due).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(WebhookDelivery::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(WebhookEndpoint::Table).to_owned()).await
    }
}

fn endpoint() -> TableCreateStatement {
    Table::create()
        .table(WebhookEndpoint::Table)
        .col(text(WebhookEndpoint::TenantId))
        .col(uuid(WebhookEndpoint::Id))
        .col(text(WebhookEndpoint::Url))
        .col(text_null(WebhookEndpoint::Description))
        .col(text_null(WebhookEndpoint::EventTypes))
        .col(boolean(WebhookEndpoint::Enabled))
        .col(text_null(WebhookEndpoint::DisabledReason))
        .col(text(WebhookEndpoint::Secret))
        .col(text_null(WebhookEndpoint::PreviousSecret))
        .col(timestamp_with_time_zone_null(WebhookEndpoint::PreviousUntil))
        .col(big_integer(WebhookEndpoint::Position))
        .col(timestamp_with_time_zone_null(WebhookEndpoint::FailingSince))
        .col(timestamp_with_time_zone_null(WebhookEndpoint::DeletedAt))
        .col(timestamp_with_time_zone(WebhookEndpoint::CreatedAt))
        .col(text(WebhookEndpoint::CreatedBy))
        .col(timestamp_with_time_zone(WebhookEndpoint::UpdatedAt))
        .col(text(WebhookEndpoint::UpdatedBy))
        .primary_key(Index::create().col(WebhookEndpoint::TenantId).col(WebhookEndpoint::Id))
        .to_owned()
}

fn delivery() -> TableCreateStatement {
    Table::create()
        .table(WebhookDelivery::Table)
        .col(text(WebhookDelivery::TenantId))
        .col(uuid(WebhookDelivery::EndpointId))
        .col(big_integer(WebhookDelivery::Position))
        .col(uuid(WebhookDelivery::Id))
        .col(uuid(WebhookDelivery::EventId))
        .col(uuid(WebhookDelivery::OrderId))
        .col(text(WebhookDelivery::Status))
        .col(integer(WebhookDelivery::Attempts))
        .col(timestamp_with_time_zone_null(WebhookDelivery::DueAt))
        .col(uuid_null(WebhookDelivery::Lease))
        .col(integer_null(WebhookDelivery::LastStatusCode))
        .col(text_null(WebhookDelivery::LastError))
        .col(timestamp_with_time_zone(WebhookDelivery::CreatedAt))
        .col(timestamp_with_time_zone_null(WebhookDelivery::DeliveredAt))
        .primary_key(
            Index::create()
                .col(WebhookDelivery::TenantId)
                .col(WebhookDelivery::EndpointId)
                .col(WebhookDelivery::Position),
        )
        .to_owned()
}

#[derive(DeriveIden)]
enum WebhookEndpoint {
    Table,
    TenantId,
    Id,
    Url,
    Description,
    EventTypes,
    Enabled,
    DisabledReason,
    Secret,
    PreviousSecret,
    PreviousUntil,
    Position,
    FailingSince,
    DeletedAt,
    CreatedAt,
    CreatedBy,
    UpdatedAt,
    UpdatedBy,
}

#[derive(Clone, DeriveIden)]
enum WebhookDelivery {
    Table,
    TenantId,
    EndpointId,
    Position,
    Id,
    EventId,
    OrderId,
    Status,
    Attempts,
    DueAt,
    Lease,
    LastStatusCode,
    LastError,
    CreatedAt,
    DeliveredAt,
}
