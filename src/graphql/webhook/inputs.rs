//! Inputs of the mutations of webhooks.

use async_graphql::{ID, InputObject, MaybeUndefined};
use entity::{
    id::{OrderId, WebhookEndpointId},
    stored::EventType,
};

use super::super::{event::OrderEventType, id};
use crate::{
    domain::{
        order::Patch,
        problem::{Found, Path, Problem, Problems},
        webhook::{EndpointPatch, NewEndpoint},
    },
    usecase::webhook::Replay,
};

/// An endpoint to be saved.
#[derive(InputObject)]
pub struct WebhookEndpointCreateInput {
    /// Where it is: http or https, without credentials, at an address that the operator allows.
    url: String,
    /// What it is for.
    description: Option<String>,
    /// The types of events that are sent; all of them, those of later versions too, if left out.
    event_types: Option<Vec<OrderEventType>>,
}

/// A change of an endpoint. What is left out stays as it is.
#[derive(InputObject)]
pub struct WebhookEndpointUpdateInput {
    /// Which one.
    id: ID,
    /// Where it is.
    url: Option<String>,
    /// What it is for; null removes it.
    description: MaybeUndefined<String>,
    /// The types of events that are sent from now on; null for all of them.
    event_types: MaybeUndefined<Vec<OrderEventType>>,
    /// Whether anything is sent. Enabled again, it is sent what happened meanwhile.
    enabled: Option<bool>,
    /// Whether its secret is replaced. Deliveries are signed with both secrets for a day.
    #[graphql(default_with = "Some(false)")]
    rotate_secret: Option<bool>,
}

/// What is to be sent once more: at least one of `afterCursor`, `orderId` and `failedOnly`; each narrows the choice.
#[derive(InputObject)]
pub struct WebhookReplayInput {
    /// To which endpoint.
    endpoint_id: ID,
    /// Only events after this cursor.
    after_cursor: Option<String>,
    /// Only events about this order and its work orders, the oldest 10,000 of them.
    order_id: Option<ID>,
    /// Only events whose delivery failed, the oldest 10,000 of them.
    #[graphql(default_with = "Some(false)")]
    failed_only: Option<bool>,
}

impl WebhookEndpointCreateInput {
    /// The endpoint that it stands for.
    pub fn into_domain(self) -> NewEndpoint {
        let Self { url, description, event_types } = self;
        NewEndpoint { url, description, event_types: event_types.and_then(names) }
    }
}

/// The stored names of some types; none if there are none, which stands for all.
fn names(types: Vec<OrderEventType>) -> Option<Vec<String>> {
    let mut names = Vec::with_capacity(types.len());
    for kind in types {
        let name = EventType::from(kind).as_str();
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    (!names.is_empty()).then_some(names)
}

impl WebhookEndpointUpdateInput {
    /// The endpoint, and what is to be changed of it.
    pub fn into_domain(self) -> Result<(WebhookEndpointId, EndpointPatch), Problems> {
        let Self { id, url, description, event_types, enabled, rotate_secret } = self;
        let mut found = Found::new();
        let id = id::input::<WebhookEndpointId>(&id, &Path::root().field("id"), &mut found);
        let patch = EndpointPatch {
            url,
            description: match description {
                MaybeUndefined::Undefined => Patch::Keep,
                MaybeUndefined::Null => Patch::Clear,
                MaybeUndefined::Value(text) => Patch::Set(text),
            },
            event_types: match event_types {
                MaybeUndefined::Undefined => Patch::Keep,
                MaybeUndefined::Null => Patch::Clear,
                MaybeUndefined::Value(types) => names(types).map_or(Patch::Clear, Patch::Set),
            },
            enabled,
            rotate_secret: rotate_secret.unwrap_or(false),
        };
        some(id, found).map(|id| (id, patch))
    }
}

impl WebhookReplayInput {
    /// The replay that it stands for.
    pub fn into_domain(self) -> Result<Replay, Problems> {
        let Self { endpoint_id, after_cursor, order_id, failed_only } = self;
        let mut found = Found::new();
        let path = Path::root();
        let endpoint_id = id::input::<WebhookEndpointId>(&endpoint_id, &path.field("endpointId"), &mut found);
        let order_id = order_id.and_then(|id| id::input::<OrderId>(&id, &path.field("orderId"), &mut found));
        let failed_only = failed_only.unwrap_or(false);
        some(endpoint_id, found).map(|endpoint_id| Replay {
            endpoint_id,
            after: after_cursor,
            order_id,
            failed_only,
        })
    }
}

/// A value that is there if nothing was found wrong.
fn some<T>(value: Option<T>, found: Found) -> Result<T, Problems> {
    found.or(())?;
    value.ok_or_else(|| Problem::required(&Path::root(), "an id is missing").into())
}
