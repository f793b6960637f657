//! Lists are also sorted by when rows were made. Ids ascend with time, but only nearly so across processes.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: [&str; 2] = ["platform_order", "work_order"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_postgres = manager.get_database_backend() == DbBackend::Postgres;
        // Beside the traffic; one that was left unfinished is made anew.
        let beside = if is_postgres { "CONCURRENTLY" } else { "" };
        for table in TABLES {
            let statements = [
                format!("DROP INDEX IF EXISTS ix_{table}_created_at"),
                format!("CREATE INDEX {beside} ix_{table}_created_at ON {table} (tenant_id, created_at, id)"),
            ];
            for statement in statements {
                manager.get_connection().execute_unprepared(&statement).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX ix_{table}_created_at")).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
