//! Definitions of custom attributes, and who set values.

use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, boolean, integer, text, text_null, timestamp_with_time_zone,
        timestamp_with_time_zone_null, uuid, uuid_null,
    },
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(AttributeDefinition::Table)
                    .col(text(AttributeDefinition::TenantId))
                    .col(uuid(AttributeDefinition::Id))
                    .col(text(AttributeDefinition::Owner))
                    .col(text(AttributeDefinition::Key))
                    .col(text_null(AttributeDefinition::Description))
                    .col(text(AttributeDefinition::Type))
                    .col(boolean(AttributeDefinition::Required))
                    .col(text_null(AttributeDefinition::DefaultValue))
                    .col(text_null(AttributeDefinition::RangeMin))
                    .col(text_null(AttributeDefinition::RangeMax))
                    .col(text_null(AttributeDefinition::Regex))
                    .col(text_null(AttributeDefinition::OneOf))
                    .col(boolean(AttributeDefinition::Indexed))
                    .col(text(AttributeDefinition::IndexState))
                    .col(timestamp_with_time_zone_null(AttributeDefinition::IndexDue))
                    .col(uuid_null(AttributeDefinition::IndexCursor))
                    .col(big_integer(AttributeDefinition::IndexDone))
                    .col(big_integer(AttributeDefinition::IndexTotal))
                    .col(timestamp_with_time_zone_null(AttributeDefinition::ArchivedAt))
                    .col(integer(AttributeDefinition::Version))
                    .col(timestamp_with_time_zone(AttributeDefinition::CreatedAt))
                    .col(text(AttributeDefinition::CreatedBy))
                    .col(timestamp_with_time_zone(AttributeDefinition::UpdatedAt))
                    .col(text(AttributeDefinition::UpdatedBy))
                    .primary_key(
                        Index::create().col(AttributeDefinition::TenantId).col(AttributeDefinition::Id),
                    )
                    .to_owned(),
            )
            .await?;
        // An archived key may be defined again, so that only living definitions are unique.
        let statements = [
            "CREATE UNIQUE INDEX ux_attribute_definition_key ON attribute_definition (tenant_id, owner, key) \
             WHERE archived_at IS NULL",
            "CREATE INDEX ix_attribute_definition_index_due ON attribute_definition (index_due) \
             WHERE index_due IS NOT NULL",
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table(AttributeOrigin::Table)
                    .col(text(AttributeOrigin::TenantId))
                    .col(uuid(AttributeOrigin::EntityId))
                    .col(text(AttributeOrigin::Key))
                    .col(text(AttributeOrigin::SetBy))
                    .col(timestamp_with_time_zone(AttributeOrigin::SetAt))
                    .primary_key(
                        Index::create()
                            .col(AttributeOrigin::TenantId)
                            .col(AttributeOrigin::EntityId)
                            .col(AttributeOrigin::Key),
                    )
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(AttributeOrigin::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(AttributeDefinition::Table).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum AttributeDefinition {
    Table,
    TenantId,
    Id,
    Owner,
    Key,
    Description,
    Type,
    Required,
    DefaultValue,
    RangeMin,
    RangeMax,
    Regex,
    OneOf,
    Indexed,
    IndexState,
    IndexDue,
    IndexCursor,
    IndexDone,
    IndexTotal,
    ArchivedAt,
    Version,
    CreatedAt,
    CreatedBy,
    UpdatedAt,
    UpdatedBy,
}

#[derive(DeriveIden)]
enum AttributeOrigin {
    Table,
    TenantId,
    EntityId,
    Key,
    SetBy,
    SetAt,
}
