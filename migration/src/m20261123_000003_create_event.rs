//! The event log.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, integer, text, text_null, timestamp_with_time_zone, uuid, uuid_null},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(EventHead::Table)
                    .col(text(EventHead::TenantId))
                    .col(big_integer(EventHead::Position))
                    .primary_key(Index::create().col(EventHead::TenantId))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(Event::Table)
                    .col(text(Event::TenantId))
                    .col(big_integer(Event::Position))
                    .col(uuid(Event::Id))
                    .col(text(Event::Type))
                    .col(uuid(Event::OrderId))
                    .col(uuid_null(Event::WorkOrderId))
                    .col(text(Event::ClientId))
                    .col(text_null(Event::FromStatus))
                    .col(text_null(Event::ToStatus))
                    .col(text_null(Event::Transition))
                    .col(text_null(Event::ReasonCode))
                    .col(text_null(Event::Note))
                    .col(text(Event::Actor))
                    .col(text_null(Event::Changes))
                    .col(integer(Event::EntityVersion))
                    .col(uuid_null(Event::PluginRunId))
                    .col(integer(Event::Depth))
                    .col(timestamp_with_time_zone(Event::OccurredAt))
                    .col(timestamp_with_time_zone(Event::RecordedAt))
                    .primary_key(Index::create().col(Event::TenantId).col(Event::Position))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("ux_event_id")
                    .table(Event::Table)
                    .unique()
                    .col(Event::TenantId)
                    .col(Event::Id)
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("ix_event_order_id")
                    .table(Event::Table)
                    .col(Event::TenantId)
                    .col(Event::OrderId)
                    .col(Event::Position)
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("ix_event_work_order_id")
                    .table(Event::Table)
                    .col(Event::TenantId)
                    .col(Event::WorkOrderId)
                    .col(Event::Position)
                    .to_owned(),
            )
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Event::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(EventHead::Table).to_owned()).await?;
        Ok(())
    }
}

#[derive(DeriveIden)]
enum EventHead {
    Table,
    TenantId,
    Position,
}

#[derive(DeriveIden)]
enum Event {
    Table,
    TenantId,
    Position,
    Id,
    Type,
    OrderId,
    WorkOrderId,
    ClientId,
    FromStatus,
    ToStatus,
    Transition,
    ReasonCode,
    Note,
    Actor,
    Changes,
    EntityVersion,
    PluginRunId,
    Depth,
    OccurredAt,
    RecordedAt,
}
