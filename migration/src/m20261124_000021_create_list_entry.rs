//! By what orders and work orders are found in lists, beside their own columns.
//!
//! In text, because SQLite's tables without a row id, and the columns that PostgreSQL's index takes along, are not
//! known to the schema builder.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Found by its entity, an entry is read from the index alone on both stores.
const SQLITE: [&str; 1] = ["CREATE TABLE list_entry (
        tenant_id text NOT NULL,
        entity_id uuid_text NOT NULL,
        field uuid_text NOT NULL,
        value blob NOT NULL,
        PRIMARY KEY (tenant_id, entity_id, field)
    ) WITHOUT ROWID"];

const POSTGRES: [&str; 1] = ["CREATE TABLE list_entry (
        tenant_id text NOT NULL,
        entity_id uuid NOT NULL,
        field uuid NOT NULL,
        value bytea NOT NULL,
        PRIMARY KEY (tenant_id, entity_id, field) INCLUDE (value)
    )"];

const VALUES: &str = "CREATE INDEX ix_list_entry_value ON list_entry (tenant_id, field, value, entity_id)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = if manager.get_database_backend() == DbBackend::Postgres { POSTGRES } else { SQLITE };
        for statement in table.into_iter().chain([VALUES]) {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new("list_entry")).to_owned()).await
    }
}
