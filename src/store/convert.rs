//! Stored enums from and to those of the domain, exhaustively both ways: a new member on one side does not compile
//! until it is known on the other.

use entity::stored;

use crate::domain::{attribute, lifecycle};

macro_rules! same {
    ($stored:ident, $domain:ident, { $($variants:tt)* }) => {
        same!($stored, lifecycle::$domain, { $($variants)* });
    };
    ($stored:ident, $module:ident::$domain:ident, { $($variant:ident),+ $(,)? }) => {
        impl From<stored::$stored> for $module::$domain {
            fn from(value: stored::$stored) -> Self {
                match value { $(stored::$stored::$variant => Self::$variant),+ }
            }
        }

        impl From<$module::$domain> for stored::$stored {
            fn from(value: $module::$domain) -> Self {
                match value { $($module::$domain::$variant => Self::$variant),+ }
            }
        }
    };
}

same!(Phase, Phase, { Pending, Active, Settled });
same!(Outcome, Outcome, { Succeeded, PartiallySucceeded, Failed, Cancelled, Rejected });
same!(WorkOrderFlow, Flow, { StartTogether, CompleteTogether, Sequential });
same!(WorkOrderType, WorkOrderType, { MoveContainers, PhysicalService, DigitalService });
same!(Direction, Direction, { Forward, Return });
same!(LifecycleOwner, Owner, { Order, WorkOrder });
same!(AttributeOwner, attribute::Owner, { Order, WorkOrder });
same!(AttributeType, attribute::Type, { String, Number, Boolean, DateTime, Object, Array });
