//! Plugin runs take several steps, and may be about a work order.

use sea_orm_migration::{
    prelude::*,
    schema::{integer, uuid_null},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column a statement.
        for column in
            [integer(PluginRun::StepNumber).default(1).to_owned(), uuid_null(PluginRun::WorkOrderId)]
        {
            manager.alter_table(Table::alter().table(PluginRun::Table).add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [PluginRun::WorkOrderId, PluginRun::StepNumber] {
            manager
                .alter_table(Table::alter().table(PluginRun::Table).drop_column(column).to_owned())
                .await?;
        }
        Ok(())
    }
}

#[derive(DeriveIden)]
enum PluginRun {
    Table,
    StepNumber,
    WorkOrderId,
}
