//! Webhook endpoints, and what is sent to them.
//!
//! A delivery follows from the log: each endpoint has a position in it, and whoever moves the position on writes the
//! deliveries of the events that it passes, in one transaction. So each event that committed gets its delivery, once,
//! and no mutation pays for webhooks. `docs/adr/0003-webhooks-follow-the-log.md` has the reasons.

mod create;
mod delete;
mod dispatch;
mod replay;
mod settle;
mod update;

use entity::{id::WebhookEndpointId, stored::EventType, webhook_endpoint};

pub use create::create;
pub use delete::delete;
pub use dispatch::dispatch;
pub use replay::{Replay, replay};
pub use settle::{Outcome, settle};
pub use update::update;

use crate::{
    domain::problem::{Code, Path, Problem},
    fault::Fault,
    secret::Secret,
    store::event::EventFilter,
};

/// An endpoint that was saved, and the secret that its deliveries are signed with, if it was just made: it is shown only
/// now.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The endpoint.
    pub endpoint: webhook_endpoint::Model,
    /// Its signing secret.
    pub secret: Option<Secret<String>>,
}

/// What an endpoint's signing secret is sealed for.
pub fn secret_context(id: WebhookEndpointId) -> String {
    format!("{id}/secret")
}

/// The types of events that an endpoint is sent; none where it is sent all.
pub fn event_types(endpoint: &webhook_endpoint::Model) -> Result<Option<Vec<EventType>>, Fault> {
    let Some(text) = &endpoint.event_types else { return Ok(None) };
    let names: Vec<String> = serde_json::from_str(text)?;
    let known = |name: &String| {
        EventType::from_text(name).ok_or_else(|| Fault::broken("an endpoint has an unknown event type"))
    };
    names.iter().map(known).collect::<Result<_, _>>().map(Some)
}

/// Which events an endpoint is sent.
fn filter(endpoint: &webhook_endpoint::Model) -> Result<EventFilter, Fault> {
    Ok(EventFilter { kinds: event_types(endpoint)?, ..EventFilter::default() })
}

fn not_found(field: &str) -> Problem {
    let message = "the tenant has no webhook endpoint of that id";
    Problem::new(Code::NotFound, &Path::root().field(field), message)
}
