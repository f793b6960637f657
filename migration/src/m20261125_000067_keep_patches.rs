//! What plugins changed is kept with their steps.

use sea_orm_migration::{prelude::*, schema::text_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = text_null(PluginStep::Patch).take();
        manager.alter_table(Table::alter().table(PluginStep::Table).add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(Table::alter().table(PluginStep::Table).drop_column(PluginStep::Patch).to_owned())
            .await
    }
}

#[derive(DeriveIden)]
enum PluginStep {
    Table,
    Patch,
}
