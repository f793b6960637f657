//! Enums as stores keep them: text in `SCREAMING_SNAKE_CASE`.

use sea_orm::{DeriveActiveEnum, EnumIter};

/// Defines an enum that is stored as text.
macro_rules! stored_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
        #[sea_orm(rs_type = "String", db_type = "Text")]
        pub enum $name { $($(#[$variant_doc])* #[sea_orm(string_value = $text)] $variant),+ }

        impl $name {
            /// Every member.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The text that is stored, which is also the name in the API.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The member that a stored text stands for.
            pub fn from_text(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

stored_enum!(
    /// Coarse stage of a state.
    Phase {
        /// Not begun.
        Pending = "PENDING",
        /// Being worked on.
        Active = "ACTIVE",
        /// Done with.
        Settled = "SETTLED",
    }
);
stored_enum!(
    /// How an order or work order ended.
    Outcome {
        /// Done.
        Succeeded = "SUCCEEDED",
        /// Done in part.
        PartiallySucceeded = "PARTIALLY_SUCCEEDED",
        /// Tried and not done.
        Failed = "FAILED",
        /// Called off.
        Cancelled = "CANCELLED",
        /// Never taken on.
        Rejected = "REJECTED",
    }
);
stored_enum!(
    /// How the work orders of an order depend on each other.
    WorkOrderFlow {
        /// Not at all.
        StartTogether = "START_TOGETHER",
        /// All or nothing.
        CompleteTogether = "COMPLETE_TOGETHER",
        /// One after the other.
        Sequential = "SEQUENTIAL",
    }
);
stored_enum!(
    /// What a work order does.
    WorkOrderType {
        /// Moves goods.
        MoveContainers = "MOVE_CONTAINERS",
        /// Serves at the destination.
        PhysicalService = "PHYSICAL_SERVICE",
        /// Serves without a place.
        DigitalService = "DIGITAL_SERVICE",
    }
);
stored_enum!(
    /// Which way a work order leads.
    Direction {
        /// To the destination.
        Forward = "FORWARD",
        /// Back from it.
        Return = "RETURN",
    }
);
stored_enum!(
    /// What an event tells.
    EventType {
        /// An order was registered.
        OrderCreated = "ORDER_CREATED",
        /// An order's fields changed.
        OrderUpdated = "ORDER_UPDATED",
        /// An order's state changed.
        OrderStatusChanged = "ORDER_STATUS_CHANGED",
        /// The request to cancel an order took a new status.
        OrderCancellationChanged = "ORDER_CANCELLATION_CHANGED",
        /// A work order was added.
        WorkOrderCreated = "WORK_ORDER_CREATED",
        /// A work order's fields changed.
        WorkOrderUpdated = "WORK_ORDER_UPDATED",
        /// An event of a work order's lifecycle fired.
        WorkOrderStatusChanged = "WORK_ORDER_STATUS_CHANGED",
        /// A plugin run ended.
        PluginRunFinished = "PLUGIN_RUN_FINISHED",
    }
);
stored_enum!(
    /// What a plugin is made of.
    PluginKind {
        /// An HTTP endpoint.
        Http = "HTTP",
        /// A CEL expression.
        Expression = "EXPRESSION",
    }
);
stored_enum!(
    /// What sets a workflow off.
    PluginTrigger {
        /// An order came in.
        OrderInitiated = "ORDER_INITIATED",
        /// An order's fields changed.
        OrderUpdated = "ORDER_UPDATED",
        /// An order's state changed.
        OrderStatusChanged = "ORDER_STATUS_CHANGED",
        /// Somebody asked for an order's cancellation.
        OrderCancellationRequested = "ORDER_CANCELLATION_REQUESTED",
        /// A work order was added.
        WorkOrderCreated = "WORK_ORDER_CREATED",
        /// An event of a work order's lifecycle fired.
        WorkOrderStatusChanged = "WORK_ORDER_STATUS_CHANGED",
    }
);
stored_enum!(
    /// Where a plugin run stands.
    PluginRunStatus {
        /// Nobody has taken it up yet.
        Queued = "QUEUED",
        /// Some process works on it, or it waits for its next attempt.
        Running = "RUNNING",
        /// A plugin answers later; until then, or until its time is up, nobody works on it.
        Waiting = "WAITING",
        /// A step gave no verdict; somebody has to retry it.
        Held = "HELD",
        /// It ended well.
        Passed = "PASSED",
        /// A plugin refused.
        Rejected = "REJECTED",
        /// A step gave no verdict and its policy refuses then.
        Failed = "FAILED",
    }
);
stored_enum!(
    /// What a plugin said of a step.
    Verdict {
        /// Go on.
        Pass = "PASS",
        /// Refused.
        Reject = "REJECT",
        /// Go on, with something of the order changed.
        Enrich = "ENRICH",
        /// It answers later.
        Defer = "DEFER",
    }
);
stored_enum!(
    /// What a lifecycle is of.
    LifecycleOwner {
        /// Orders.
        Order = "ORDER",
        /// Work orders.
        WorkOrder = "WORK_ORDER",
    }
);
stored_enum!(
    /// What has an attribute.
    AttributeOwner {
        /// Orders.
        Order = "ORDER",
        /// Work orders.
        WorkOrder = "WORK_ORDER",
    }
);
stored_enum!(
    /// What the values of an attribute are.
    AttributeType {
        /// Texts.
        String = "STRING",
        /// Decimal numbers.
        Number = "NUMBER",
        /// True and false.
        Boolean = "BOOLEAN",
        /// Instants.
        DateTime = "DATE_TIME",
        /// JSON objects.
        Object = "OBJECT",
        /// JSON arrays.
        Array = "ARRAY",
    }
);
stored_enum!(
    /// How far the index of an attribute is.
    IndexState {
        /// There is none.
        None = "NONE",
        /// It is being built.
        Building = "BUILDING",
        /// It is whole.
        Ready = "READY",
        /// It is being removed.
        Removing = "REMOVING",
    }
);
stored_enum!(
    /// How a delivery to a webhook endpoint stands.
    DeliveryStatus {
        /// It is to be sent, for the first time or again.
        Pending = "PENDING",
        /// The endpoint took it.
        Delivered = "DELIVERED",
        /// It was given up.
        Failed = "FAILED",
    }
);
