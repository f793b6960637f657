//! Plugins and their workflows.

use sea_orm_migration::{
    prelude::*,
    schema::{
        boolean, integer, text, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid,
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
                    .table(Plugin::Table)
                    .col(text(Plugin::TenantId))
                    .col(uuid(Plugin::Id))
                    .col(text(Plugin::Name))
                    .col(text_null(Plugin::Description))
                    .col(text(Plugin::Kind))
                    .col(text_null(Plugin::Http))
                    .col(text(Plugin::Secret))
                    .col(boolean(Plugin::Enabled))
                    .col(integer(Plugin::Version))
                    .col(timestamp_with_time_zone(Plugin::CreatedAt))
                    .col(text(Plugin::CreatedBy))
                    .col(timestamp_with_time_zone(Plugin::UpdatedAt))
                    .col(text(Plugin::UpdatedBy))
                    .primary_key(Index::create().col(Plugin::TenantId).col(Plugin::Id))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("ux_plugin_name")
                    .table(Plugin::Table)
                    .unique()
                    .col(Plugin::TenantId)
                    .col(Plugin::Name)
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(PluginWorkflow::Table)
                    .col(text(PluginWorkflow::TenantId))
                    .col(uuid(PluginWorkflow::Id))
                    .col(text(PluginWorkflow::Name))
                    .col(text(PluginWorkflow::Trigger))
                    .col(text(PluginWorkflow::Start))
                    .col(text(PluginWorkflow::Steps))
                    .col(boolean(PluginWorkflow::Enabled))
                    .col(timestamp_with_time_zone_null(PluginWorkflow::DeletedAt))
                    .col(integer(PluginWorkflow::Version))
                    .col(timestamp_with_time_zone(PluginWorkflow::CreatedAt))
                    .col(text(PluginWorkflow::CreatedBy))
                    .col(timestamp_with_time_zone(PluginWorkflow::UpdatedAt))
                    .col(text(PluginWorkflow::UpdatedBy))
                    .primary_key(Index::create().col(PluginWorkflow::TenantId).col(PluginWorkflow::Id))
                    .to_owned(),
            )
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(PluginWorkflow::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(Plugin::Table).to_owned()).await?;
        Ok(())
    }
}

#[derive(DeriveIden)]
enum Plugin {
    Table,
    TenantId,
    Id,
    Name,
    Description,
    Kind,
    Http,
    Secret,
    Enabled,
    Version,
    CreatedAt,
    CreatedBy,
    UpdatedAt,
    UpdatedBy,
}

#[derive(DeriveIden)]
enum PluginWorkflow {
    Table,
    TenantId,
    Id,
    Name,
    Trigger,
    Start,
    Steps,
    Enabled,
    DeletedAt,
    Version,
    CreatedAt,
    CreatedBy,
    UpdatedAt,
    UpdatedBy,
}
