//! Enums as stores keep them: text in `SCREAMING_SNAKE_CASE`.

use sea_orm::{DeriveActiveEnum, EnumIter};

/// Defines an enum that is stored as text.
macro_rules! stored_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
        #[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }
    };
}

stored_enum!(
    /// Coarse stage of a state.
    Phase {
        /// Not begun.
        Pending,
        /// Being worked on.
        Active,
        /// Done with.
        Settled,
    }
);
stored_enum!(
    /// How an order or work order ended.
    Outcome {
        /// Done.
        Succeeded,
        /// Done in part.
        PartiallySucceeded,
        /// Tried and not done.
        Failed,
        /// Called off.
        Cancelled,
        /// Never taken on.
        Rejected,
    }
);
stored_enum!(
    /// How the work orders of an order depend on each other.
    WorkOrderFlow {
        /// Not at all.
        StartTogether,
        /// All or nothing.
        CompleteTogether,
        /// One after the other.
        Sequential,
    }
);
stored_enum!(
    /// What a work order does.
    WorkOrderType {
        /// Moves goods.
        MoveContainers,
        /// Serves at the destination.
        PhysicalService,
        /// Serves without a place.
        DigitalService,
    }
);
stored_enum!(
    /// Which way a work order leads.
    Direction {
        /// To the destination.
        Forward,
        /// Back from it.
        Return,
    }
);
stored_enum!(
    /// What an event tells.
    EventType {
        /// An order was registered.
        OrderCreated,
        /// An order's fields changed.
        OrderUpdated,
        /// An order's state changed.
        OrderStatusChanged,
        /// The request to cancel an order took a new status.
        OrderCancellationChanged,
        /// A work order was added.
        WorkOrderCreated,
        /// A work order's fields changed.
        WorkOrderUpdated,
        /// An event of a work order's lifecycle fired.
        WorkOrderStatusChanged,
        /// A plugin run ended.
        PluginRunFinished,
    }
);
stored_enum!(
    /// What a plugin is made of.
    PluginKind {
        /// An HTTP endpoint.
        Http,
    }
);
stored_enum!(
    /// What sets a workflow off.
    PluginTrigger {
        /// An order came in.
        OrderInitiated,
    }
);
stored_enum!(
    /// Where a plugin run stands.
    PluginRunStatus {
        /// Nobody has taken it up yet.
        Queued,
        /// Some process works on it, or it waits for its next attempt.
        Running,
        /// It ended well.
        Passed,
        /// A plugin refused.
        Rejected,
        /// A step gave no verdict and its policy refuses then.
        Failed,
    }
);
stored_enum!(
    /// What a plugin said of a step.
    Verdict {
        /// Go on.
        Pass,
        /// Refused.
        Reject,
    }
);
