//! The schema of Waybill's stores. Migrations only go forward once landed; see `README.md` beside this crate.

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::{MigrationTrait, async_trait::async_trait};

mod m20261123_000001_create_order;
mod m20261123_000002_create_work_order;
mod m20261123_000003_create_event;
mod m20261123_000004_create_idempotency_key;
mod m20261123_000005_create_plugin;
mod m20261123_000006_create_plugin_run;
mod m20261124_000010_create_lifecycle;
mod m20261124_000020_create_attribute_definition;
mod m20261124_000021_create_list_entry;
mod m20261124_000022_index_lists;
mod m20261124_000040_expire_events;
mod m20261124_000041_create_webhook;
mod m20261125_000050_index_creation_time;
mod m20261125_000060_define_plugins;
mod m20261125_000065_queue_plugin_runs_in_lanes;
mod m20261125_000066_step_plugin_runs;
mod m20261125_000067_keep_patches;
mod m20261125_000070_create_api_key;
mod m20261126_000080_trace_plugin_runs;
mod m20261130_000090_create_write_probe;
mod m20261130_000091_keep_errors_of_conditions;

/// Every migration, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_create_order::Migration),
            Box::new(m20261123_000002_create_work_order::Migration),
            Box::new(m20261123_000003_create_event::Migration),
            Box::new(m20261123_000004_create_idempotency_key::Migration),
            Box::new(m20261123_000005_create_plugin::Migration),
            Box::new(m20261123_000006_create_plugin_run::Migration),
            Box::new(m20261124_000020_create_attribute_definition::Migration),
            Box::new(m20261124_000021_create_list_entry::Migration),
            Box::new(m20261124_000022_index_lists::Migration),
            Box::new(m20261124_000040_expire_events::Migration),
            Box::new(m20261124_000010_create_lifecycle::Migration),
            Box::new(m20261124_000041_create_webhook::Migration),
            Box::new(m20261125_000050_index_creation_time::Migration),
            Box::new(m20261125_000060_define_plugins::Migration),
            Box::new(m20261125_000065_queue_plugin_runs_in_lanes::Migration),
            Box::new(m20261125_000066_step_plugin_runs::Migration),
            Box::new(m20261125_000067_keep_patches::Migration),
            Box::new(m20261125_000070_create_api_key::Migration),
            Box::new(m20261126_000080_trace_plugin_runs::Migration),
            Box::new(m20261130_000090_create_write_probe::Migration),
            Box::new(m20261130_000091_keep_errors_of_conditions::Migration),
        ]
    }
}
