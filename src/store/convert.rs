//! Stored enums from and to those of the domain, exhaustively both ways: a new member on one side does not compile
//! until it is known on the other.

use entity::stored;

use crate::domain::lifecycle;

macro_rules! same {
    ($stored:ident, $domain:ident, { $($variant:ident),+ $(,)? }) => {
        impl From<stored::$stored> for lifecycle::$domain {
            fn from(value: stored::$stored) -> Self {
                match value { $(stored::$stored::$variant => Self::$variant),+ }
            }
        }

        impl From<lifecycle::$domain> for stored::$stored {
            fn from(value: lifecycle::$domain) -> Self {
                match value { $(lifecycle::$domain::$variant => Self::$variant),+ }
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
