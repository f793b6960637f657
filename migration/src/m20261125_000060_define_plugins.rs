//! Plugins that are expressions, rotated secrets, deleted plugins whose name is free again, and conditions of workflows.

use sea_orm_migration::{
    prelude::*,
    schema::{text_null, timestamp_with_time_zone_null},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column a statement.
        for column in [
            text_null(Plugin::Expression),
            text_null(Plugin::PreviousSecret),
            timestamp_with_time_zone_null(Plugin::PreviousUntil),
            timestamp_with_time_zone_null(Plugin::DeletedAt),
        ] {
            manager.alter_table(Table::alter().table(Plugin::Table).add_column(column).to_owned()).await?;
        }
        let condition = text_null(PluginWorkflow::Condition);
        let workflow = Table::alter().table(PluginWorkflow::Table).add_column(condition).to_owned();
        manager.alter_table(workflow).await?;
        manager.drop_index(name_index_drop()).await?;
        let of_those_that_are_there =
            name_index().and_where(Expr::col(Plugin::DeletedAt).is_null()).to_owned();
        manager.create_index(of_those_that_are_there).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(name_index_drop()).await?;
        let workflow =
            Table::alter().table(PluginWorkflow::Table).drop_column(PluginWorkflow::Condition).to_owned();
        manager.alter_table(workflow).await?;
        for column in [Plugin::DeletedAt, Plugin::PreviousUntil, Plugin::PreviousSecret, Plugin::Expression] {
            manager.alter_table(Table::alter().table(Plugin::Table).drop_column(column).to_owned()).await?;
        }
        manager.create_index(name_index()).await
    }
}

fn name_index() -> IndexCreateStatement {
    Index::create()
        .name("ux_plugin_name")
        .table(Plugin::Table)
        .unique()
        .col(Plugin::TenantId)
        .col(Plugin::Name)
        .to_owned()
}

fn name_index_drop() -> IndexDropStatement {
    Index::drop().name("ux_plugin_name").table(Plugin::Table).to_owned()
}

#[derive(DeriveIden)]
enum Plugin {
    Table,
    TenantId,
    Name,
    Expression,
    PreviousSecret,
    PreviousUntil,
    DeletedAt,
}

#[derive(DeriveIden)]
enum PluginWorkflow {
    Table,
    Condition,
}
