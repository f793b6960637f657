//! What went wrong with the condition of a workflow is kept with it.

use sea_orm_migration::{prelude::*, schema::text_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = text_null(PluginWorkflow::LastError).take();
        let alter = Table::alter().table(PluginWorkflow::Table).add_column(column).to_owned();
        manager.alter_table(alter).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let alter =
            Table::alter().table(PluginWorkflow::Table).drop_column(PluginWorkflow::LastError).to_owned();
        manager.alter_table(alter).await
    }
}

#[derive(DeriveIden)]
enum PluginWorkflow {
    Table,
    LastError,
}
