//! Tenants' lifecycles.

use sea_orm_migration::{
    prelude::*,
    schema::{integer, text, timestamp_with_time_zone},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(Lifecycle::Table)
                    .col(text(Lifecycle::TenantId))
                    .col(text(Lifecycle::Owner))
                    .col(integer(Lifecycle::Version))
                    .col(text(Lifecycle::Definition))
                    .col(timestamp_with_time_zone(Lifecycle::CreatedAt))
                    .col(text(Lifecycle::CreatedBy))
                    .primary_key(
                        Index::create()
                            .name("ux_lifecycle_version")
                            .col(Lifecycle::TenantId)
                            .col(Lifecycle::Owner)
                            .col(Lifecycle::Version),
                    )
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Lifecycle::Table).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum Lifecycle {
    Table,
    TenantId,
    Owner,
    Version,
    Definition,
    CreatedAt,
    CreatedBy,
}
