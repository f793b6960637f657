//! Ids in arguments.

use async_graphql::{Error, ID, Result};
use entity::{
    id::{
        ApiKeyId, AttributeDefinitionId, EventId, OrderId, PluginId, PluginRunId, PluginWorkflowId,
        WebhookDeliveryId, WebhookEndpointId, WorkOrderId,
    },
    type_id::ParseError,
};

use super::error::Code;
use crate::domain::problem::{Found, Path, Problem};

/// An id that a text can stand for.
pub trait FromText: Sized {
    /// Reads it.
    fn from_text(text: &str) -> Result<Self, ParseError>;
}

macro_rules! from_text {
    ($($id:ident),+) => {
        $(impl FromText for $id {
            fn from_text(text: &str) -> Result<Self, ParseError> {
                Self::parse(text)
            }
        })+
    };
}

from_text!(
    ApiKeyId,
    AttributeDefinitionId,
    EventId,
    OrderId,
    PluginId,
    PluginRunId,
    PluginWorkflowId,
    WebhookDeliveryId,
    WebhookEndpointId,
    WorkOrderId
);

/// The id in an argument of a query; one of the wrong kind or form is an error at the top level.
pub fn argument<T: FromText>(id: &ID) -> Result<T> {
    T::from_text(id).map_err(|error| bad_user_input(error.to_string()))
}

/// The same for an argument that may be left out.
pub fn optional_argument<T: FromText>(id: Option<&ID>) -> Result<Option<T>> {
    id.map(argument).transpose()
}

/// The id in a mutation's input; one of the wrong kind or form is a problem with its path.
pub fn input<T: FromText>(id: &ID, at: &Path, found: &mut Found) -> Option<T> {
    T::from_text(id).map_err(|error| found.push(Problem::invalid(at, error.to_string()))).ok()
}

fn bad_user_input(message: String) -> Error {
    Code::BadUserInput.error(message)
}
