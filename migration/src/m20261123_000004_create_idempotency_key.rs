//! Answers kept for repeated requests.

use sea_orm_migration::{
    prelude::*,
    schema::{binary, text, timestamp_with_time_zone, uuid, uuid_null},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(IdempotencyKey::Table)
                    .col(text(IdempotencyKey::TenantId))
                    .col(text(IdempotencyKey::Key))
                    .col(text(IdempotencyKey::Operation))
                    .col(binary(IdempotencyKey::InputHash))
                    .col(uuid(IdempotencyKey::EntityId))
                    .col(uuid_null(IdempotencyKey::EventId))
                    .col(timestamp_with_time_zone(IdempotencyKey::CreatedAt))
                    .primary_key(Index::create().col(IdempotencyKey::TenantId).col(IdempotencyKey::Key))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("ix_idempotency_key_created_at")
                    .table(IdempotencyKey::Table)
                    .col(IdempotencyKey::CreatedAt)
                    .to_owned(),
            )
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(IdempotencyKey::Table).to_owned()).await?;
        Ok(())
    }
}

#[derive(DeriveIden)]
enum IdempotencyKey {
    Table,
    TenantId,
    Key,
    Operation,
    InputHash,
    EntityId,
    EventId,
    CreatedAt,
}
