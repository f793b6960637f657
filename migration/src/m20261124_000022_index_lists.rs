//! What lists are filtered and sorted by: an index for each, with the id at its end, in which order pages are read.
//!
//! Texts are compared by code point, which PostgreSQL does under the collation "C" only. There the indexes are made
//! beside the traffic; one that was left unfinished is made anew.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Name, table, columns after the tenant, condition. `@` stands behind texts.
const INDEXES: [(&str, &str, &str, &str); 10] = [
    ("ix_platform_order_status", "platform_order", "status @, id", ""),
    ("ix_platform_order_phase", "platform_order", "phase @, id", ""),
    ("ix_platform_order_client_id", "platform_order", "client_id @, id", ""),
    ("ix_platform_order_client_order_id", "platform_order", "client_order_id @, id", ""),
    ("ix_platform_order_batch_id", "platform_order", "batch_id @, id", "WHERE batch_id IS NOT NULL"),
    ("ix_platform_order_updated_at", "platform_order", "updated_at, id", ""),
    ("ix_work_order_status_type_order_id", "work_order", "status @, type @, order_id", ""),
    ("ix_work_order_status", "work_order", "status @, id", ""),
    ("ix_work_order_phase", "work_order", "phase @, id", ""),
    ("ix_work_order_updated_at", "work_order", "updated_at, id", ""),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_postgres = manager.get_database_backend() == DbBackend::Postgres;
        let (beside, collation) = if is_postgres { ("CONCURRENTLY", " COLLATE \"C\"") } else { ("", "") };
        for (name, table, columns, condition) in INDEXES {
            let columns = columns.replace(" @", collation);
            let statements = [
                format!("DROP INDEX IF EXISTS {name}"),
                format!("CREATE INDEX {beside} {name} ON {table} (tenant_id, {columns}) {condition}"),
            ];
            for statement in statements {
                manager.get_connection().execute_unprepared(&statement).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, ..) in INDEXES {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX {name}")).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
