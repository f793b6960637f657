//! How far the event log has been removed.

use sea_orm_migration::{prelude::*, schema::big_integer};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = big_integer(EventHead::Expired).default(0).to_owned();
        manager.alter_table(Table::alter().table(EventHead::Table).add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(Table::alter().table(EventHead::Table).drop_column(EventHead::Expired).to_owned())
            .await
    }
}

#[derive(DeriveIden)]
enum EventHead {
    Table,
    Expired,
}
