//! What a process writes to find out whether the store takes writes again.

use sea_orm_migration::{
    prelude::*,
    schema::{small_integer, text},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(WriteProbe::Table)
                    .col(small_integer(WriteProbe::Id).primary_key())
                    .col(text(WriteProbe::Filler))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(WriteProbe::Table).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum WriteProbe {
    Table,
    Id,
    Filler,
}
