//! Orders.

use sea_orm_migration::{
    prelude::*,
    schema::{boolean, integer, text, text_null, timestamp_with_time_zone, uuid},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(PlatformOrder::Table)
                    .col(text(PlatformOrder::TenantId))
                    .col(uuid(PlatformOrder::Id))
                    .col(text(PlatformOrder::ClientId))
                    .col(text(PlatformOrder::ClientOrderId))
                    .col(text_null(PlatformOrder::ClientName))
                    .col(text_null(PlatformOrder::Type))
                    .col(text_null(PlatformOrder::Domain))
                    .col(text_null(PlatformOrder::BatchId))
                    .col(boolean(PlatformOrder::ReadyToProcess))
                    .col(text(PlatformOrder::Flow))
                    .col(text(PlatformOrder::Consignee))
                    .col(text(PlatformOrder::Destination))
                    .col(text_null(PlatformOrder::Summary))
                    .col(text(PlatformOrder::CustomAttributes))
                    .col(text(PlatformOrder::Status))
                    .col(text(PlatformOrder::Phase))
                    .col(text_null(PlatformOrder::Outcome))
                    .col(text_null(PlatformOrder::Cancellation))
                    .col(integer(PlatformOrder::LifecycleVersion))
                    .col(integer(PlatformOrder::Version))
                    .col(timestamp_with_time_zone(PlatformOrder::CreatedAt))
                    .col(text(PlatformOrder::CreatedBy))
                    .col(timestamp_with_time_zone(PlatformOrder::UpdatedAt))
                    .col(text(PlatformOrder::UpdatedBy))
                    .primary_key(Index::create().col(PlatformOrder::TenantId).col(PlatformOrder::Id))
                    .to_owned(),
            )
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(PlatformOrder::Table).to_owned()).await?;
        Ok(())
    }
}

#[derive(DeriveIden)]
enum PlatformOrder {
    Table,
    TenantId,
    Id,
    ClientId,
    ClientOrderId,
    ClientName,
    Type,
    Domain,
    BatchId,
    ReadyToProcess,
    Flow,
    Consignee,
    Destination,
    Summary,
    CustomAttributes,
    Status,
    Phase,
    Outcome,
    Cancellation,
    LifecycleVersion,
    Version,
    CreatedAt,
    CreatedBy,
    UpdatedAt,
    UpdatedBy,
}
