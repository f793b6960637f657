//! Plugin runs: what was asked of plugins, what is to be asked, and what they said.

use sea_orm_migration::{
    prelude::*,
    schema::{
        integer, integer_null, text, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null,
        uuid, uuid_null,
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
                    .table(PluginRun::Table)
                    .col(text(PluginRun::TenantId))
                    .col(uuid(PluginRun::Id))
                    .col(uuid(PluginRun::WorkflowId))
                    .col(uuid(PluginRun::OrderId))
                    .col(uuid(PluginRun::EventId))
                    .col(text(PluginRun::Trigger))
                    .col(text(PluginRun::Status))
                    .col(text(PluginRun::Steps))
                    .col(text_null(PluginRun::Step))
                    .col(integer(PluginRun::Attempts))
                    .col(integer(PluginRun::Depth))
                    .col(timestamp_with_time_zone_null(PluginRun::DueAt))
                    .col(uuid_null(PluginRun::Lease))
                    .col(timestamp_with_time_zone(PluginRun::CreatedAt))
                    .col(timestamp_with_time_zone_null(PluginRun::StartedAt))
                    .col(timestamp_with_time_zone_null(PluginRun::FinishedAt))
                    .primary_key(Index::create().col(PluginRun::TenantId).col(PluginRun::Id))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("ix_plugin_run_order_id")
                    .table(PluginRun::Table)
                    .col(PluginRun::TenantId)
                    .col(PluginRun::OrderId)
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("ix_plugin_run_workflow_id")
                    .table(PluginRun::Table)
                    .col(PluginRun::TenantId)
                    .col(PluginRun::WorkflowId)
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("ix_plugin_run_due_at")
                    .table(PluginRun::Table)
                    .col(PluginRun::DueAt)
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(PluginStep::Table)
                    .col(text(PluginStep::TenantId))
                    .col(uuid(PluginStep::RunId))
                    .col(integer(PluginStep::Number))
                    .col(text(PluginStep::Step))
                    .col(uuid(PluginStep::PluginId))
                    .col(text_null(PluginStep::Verdict))
                    .col(text(PluginStep::Reasons))
                    .primary_key(
                        Index::create()
                            .col(PluginStep::TenantId)
                            .col(PluginStep::RunId)
                            .col(PluginStep::Number),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(PluginAttempt::Table)
                    .col(text(PluginAttempt::TenantId))
                    .col(uuid(PluginAttempt::RunId))
                    .col(integer(PluginAttempt::StepNumber))
                    .col(integer(PluginAttempt::Number))
                    .col(timestamp_with_time_zone(PluginAttempt::StartedAt))
                    .col(integer(PluginAttempt::DurationMs))
                    .col(integer_null(PluginAttempt::StatusCode))
                    .col(text_null(PluginAttempt::Error))
                    .col(text_null(PluginAttempt::ResponseExcerpt))
                    .primary_key(
                        Index::create()
                            .col(PluginAttempt::TenantId)
                            .col(PluginAttempt::RunId)
                            .col(PluginAttempt::StepNumber)
                            .col(PluginAttempt::Number),
                    )
                    .to_owned(),
            )
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(PluginAttempt::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(PluginStep::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(PluginRun::Table).to_owned()).await?;
        Ok(())
    }
}

#[derive(DeriveIden)]
enum PluginRun {
    Table,
    TenantId,
    Id,
    WorkflowId,
    OrderId,
    EventId,
    Trigger,
    Status,
    Steps,
    Step,
    Attempts,
    Depth,
    DueAt,
    Lease,
    CreatedAt,
    StartedAt,
    FinishedAt,
}

#[derive(DeriveIden)]
enum PluginStep {
    Table,
    TenantId,
    RunId,
    Number,
    Step,
    PluginId,
    Verdict,
    Reasons,
}

#[derive(DeriveIden)]
enum PluginAttempt {
    Table,
    TenantId,
    RunId,
    StepNumber,
    Number,
    StartedAt,
    DurationMs,
    StatusCode,
    Error,
    ResponseExcerpt,
}
