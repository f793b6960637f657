//! Open plugin runs stand in lanes, one for each plugin, so that a slow plugin delays nobody but itself.

use sea_orm_migration::{prelude::*, schema::uuid_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = uuid_null(PluginRun::Lane).take();
        manager.alter_table(Table::alter().table(PluginRun::Table).add_column(column).to_owned()).await?;
        let connection = manager.get_connection();
        // Which plugin a run is at stands in its steps, which SQL cannot read; until such a run ends or goes on, those of
        // one workflow share a lane.
        connection
            .execute_unprepared("UPDATE plugin_run SET lane = workflow_id WHERE due_at IS NOT NULL")
            .await?;
        connection
            .execute_unprepared(
                "CREATE INDEX ix_plugin_run_lane ON plugin_run (tenant_id, lane, due_at) WHERE due_at IS NOT NULL",
            )
            .await?;
        connection.execute_unprepared("DROP INDEX ix_plugin_run_due_at").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        connection.execute_unprepared("CREATE INDEX ix_plugin_run_due_at ON plugin_run (due_at)").await?;
        connection.execute_unprepared("DROP INDEX ix_plugin_run_lane").await?;
        manager
            .alter_table(Table::alter().table(PluginRun::Table).drop_column(PluginRun::Lane).to_owned())
            .await
    }
}

#[derive(DeriveIden)]
enum PluginRun {
    Table,
    Lane,
}
