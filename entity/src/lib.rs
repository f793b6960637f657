//! The storage vocabulary of Waybill: rows, stored enums and ids.
//!
//! Nothing here behaves; what rows mean is the business of `waybill::domain`, how they are read and written that of
//! `waybill::store`. Documents (contacts, stops, attributes …) are kept as compact JSON text, on both stores alike, so
//! that they pass from a row to a response without being parsed.

pub mod api_key;
pub mod attribute_definition;
pub mod attribute_origin;
pub mod event;
pub mod event_head;
pub mod id;
pub mod idempotency_key;
pub mod lifecycle;
pub mod list_entry;
pub mod order;
pub mod plugin;
pub mod plugin_attempt;
pub mod plugin_run;
pub mod plugin_step;
pub mod plugin_workflow;
pub mod stored;
pub mod type_id;
pub mod webhook_delivery;
pub mod webhook_endpoint;
pub mod work_order;
