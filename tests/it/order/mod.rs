//! What callers ask about orders.

mod cancel;
mod create;
mod create_fields;
mod create_many;
mod create_misfits;
mod create_refusals;
mod create_together;
mod idempotency;
mod idempotency_everywhere;
mod idempotency_races;
mod list;
mod read;
mod release;
mod statements;
mod tenants;
mod transition;
mod update;
mod update_rules;
mod written;
