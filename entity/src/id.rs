//! Ids: a `UUIDv7` inside, a typed text form outside.

use std::fmt;

use sea_orm::{DbErr, DeriveValueType, TryFromU64};
use uuid::Uuid;

use crate::type_id::{self, ParseError};

/// Defines a newtype over [`Uuid`] with a prefix of its own.
macro_rules! define_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, DeriveValueType)]
        pub struct $name(pub Uuid);

        impl $name {
            /// What stands before the underscore in the text form.
            pub const PREFIX: &'static str = $prefix;

            /// The id that a text stands for.
            pub fn parse(text: &str) -> Result<Self, ParseError> {
                type_id::parse(Self::PREFIX, $kind, text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&type_id::encode(Self::PREFIX, self.0))
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl TryFromU64 for $name {
            // A store never makes our ids.
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    };
}

define_id!(
    /// Id of an order.
    OrderId, "ord", "an order"
);
define_id!(
    /// Id of a work order.
    WorkOrderId, "wo", "a work order"
);
define_id!(
    /// Id of an event.
    EventId, "evt", "an event"
);
define_id!(
    /// Id of a plugin.
    PluginId, "plg", "a plugin"
);
define_id!(
    /// Id of a plugin workflow.
    PluginWorkflowId, "pwf", "a plugin workflow"
);
define_id!(
    /// Id of a plugin run.
    PluginRunId, "run", "a plugin run"
);
define_id!(
    /// Id of an attribute's definition.
    AttributeDefinitionId, "atd", "an attribute definition"
);
define_id!(
    /// Id of an API key.
    ApiKeyId, "key", "an API key"
);
define_id!(
    /// Id of a webhook endpoint.
    WebhookEndpointId, "whe", "a webhook endpoint"
);
define_id!(
    /// Id of a delivery to a webhook endpoint.
    WebhookDeliveryId, "whd", "a webhook delivery"
);
