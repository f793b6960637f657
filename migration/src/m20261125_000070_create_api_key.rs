//! Keys that programs show to say who they are.

use sea_orm_migration::{
    prelude::*,
    schema::{binary, text, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(ApiKey::Table)
            .col(text(ApiKey::TenantId))
            .col(uuid(ApiKey::Id))
            .col(text(ApiKey::Name))
            .col(text(ApiKey::Scopes))
            .col(binary(ApiKey::Hash))
            .col(timestamp_with_time_zone_null(ApiKey::ExpiresAt))
            .col(timestamp_with_time_zone_null(ApiKey::RevokedAt))
            .col(timestamp_with_time_zone_null(ApiKey::LastUsedAt))
            .col(timestamp_with_time_zone(ApiKey::CreatedAt))
            .col(text(ApiKey::CreatedBy))
            .primary_key(Index::create().col(ApiKey::TenantId).col(ApiKey::Id))
            .to_owned();
        manager.create_table(table).await?;
        // Whoever shows a key does not say whose it is.
        let hash = Index::create()
            .name("ux_api_key_hash")
            .table(ApiKey::Table)
            .unique()
            .col(ApiKey::Hash)
            .to_owned();
        manager.create_index(hash).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(ApiKey::Table).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum ApiKey {
    Table,
    TenantId,
    Id,
    Name,
    Scopes,
    Hash,
    ExpiresAt,
    RevokedAt,
    LastUsedAt,
    CreatedAt,
    CreatedBy,
}
