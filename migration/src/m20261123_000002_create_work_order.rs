//! Work orders.

use sea_orm_migration::{
    prelude::*,
    schema::{boolean, integer, text, text_null, timestamp_with_time_zone, uuid, uuid_null},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(WorkOrder::Table)
                    .col(text(WorkOrder::TenantId))
                    .col(uuid(WorkOrder::Id))
                    .col(uuid(WorkOrder::OrderId))
                    .col(integer(WorkOrder::Sequence))
                    .col(text(WorkOrder::Type))
                    .col(text(WorkOrder::Direction))
                    .col(uuid_null(WorkOrder::ReturnOf))
                    .col(text_null(WorkOrder::Description))
                    .col(text_null(WorkOrder::Pickup))
                    .col(text_null(WorkOrder::Delivery))
                    .col(text_null(WorkOrder::ReturnTo))
                    .col(text(WorkOrder::Containers))
                    .col(text(WorkOrder::PickupQualityChecks))
                    .col(text_null(WorkOrder::CollectOnPickup))
                    .col(text_null(WorkOrder::CollectOnDelivery))
                    .col(text(WorkOrder::CustomAttributes))
                    .col(text(WorkOrder::Status))
                    .col(text(WorkOrder::Phase))
                    .col(text_null(WorkOrder::Outcome))
                    .col(integer(WorkOrder::Attempts))
                    .col(boolean(WorkOrder::Started))
                    .col(integer(WorkOrder::LifecycleVersion))
                    .col(integer(WorkOrder::Version))
                    .col(timestamp_with_time_zone(WorkOrder::CreatedAt))
                    .col(text(WorkOrder::CreatedBy))
                    .col(timestamp_with_time_zone(WorkOrder::UpdatedAt))
                    .col(text(WorkOrder::UpdatedBy))
                    .primary_key(Index::create().col(WorkOrder::TenantId).col(WorkOrder::Id))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("ux_work_order_order_id_sequence")
                    .table(WorkOrder::Table)
                    .unique()
                    .col(WorkOrder::TenantId)
                    .col(WorkOrder::OrderId)
                    .col(WorkOrder::Sequence)
                    .to_owned(),
            )
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(WorkOrder::Table).to_owned()).await?;
        Ok(())
    }
}

#[derive(DeriveIden)]
enum WorkOrder {
    Table,
    TenantId,
    Id,
    OrderId,
    Sequence,
    Type,
    Direction,
    ReturnOf,
    Description,
    Pickup,
    Delivery,
    ReturnTo,
    Containers,
    PickupQualityChecks,
    CollectOnPickup,
    CollectOnDelivery,
    CustomAttributes,
    Status,
    Phase,
    Outcome,
    Attempts,
    Started,
    LifecycleVersion,
    Version,
    CreatedAt,
    CreatedBy,
    UpdatedAt,
    UpdatedBy,
}
