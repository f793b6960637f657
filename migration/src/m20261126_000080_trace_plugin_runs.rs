//! Plugin runs keep the trace of what set them off (W3C Trace Context), in which their plugins are called.

use sea_orm_migration::{prelude::*, schema::string_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column a statement.
        for column in [PluginRun::TraceParent, PluginRun::TraceState] {
            let column = string_null(column).take();
            manager.alter_table(Table::alter().table(PluginRun::Table).add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [PluginRun::TraceState, PluginRun::TraceParent] {
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
    TraceParent,
    TraceState,
}
