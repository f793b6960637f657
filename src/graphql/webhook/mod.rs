//! Webhook endpoints.

mod inputs;
mod mutation;
mod query;
mod types;

pub use mutation::WebhookMutation;
pub use query::WebhookQuery;
pub use types::{WebhookDelivery, WebhookEndpoint};
