//! The contract's enums that mirror the domain's.

use async_graphql::Enum;

/// The coarse stage of a state, the same for every tenant's lifecycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
#[graphql(remote = "crate::domain::lifecycle::Phase")]
pub enum Phase {
    /// Not begun.
    Pending,
    /// Being worked on.
    Active,
    /// Done with, whatever the outcome.
    Settled,
}

/// How a settled order or work order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
#[graphql(remote = "crate::domain::lifecycle::Outcome")]
pub enum Outcome {
    /// Everything was done.
    Succeeded,
    /// Some of it was done.
    PartiallySucceeded,
    /// It was tried and not done.
    Failed,
    /// It was called off.
    Cancelled,
    /// It was never taken on.
    Rejected,
}

/// What a work order does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
#[graphql(remote = "crate::domain::lifecycle::WorkOrderType")]
pub enum WorkOrderType {
    /// Moves goods from its pickup to the order's destination.
    MoveContainers,
    /// A service at the destination, such as an installation.
    PhysicalService,
    /// A service without a place, such as KYC.
    DigitalService,
}

/// Which way a work order leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
#[graphql(remote = "crate::domain::lifecycle::Direction")]
pub enum Direction {
    /// To the order's destination.
    Forward,
    /// Back from it.
    Return,
}

/// How the work orders of an order depend on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
#[graphql(remote = "crate::domain::lifecycle::Flow")]
pub enum WorkOrderFlow {
    /// Any of them may start once the order is ACTIVE.
    StartTogether,
    /// All or nothing: when one fails, the others are cancelled, and goods that moved come back.
    CompleteTogether,
    /// One after the other, by sequence.
    Sequential,
}

/// Where the request to cancel an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
#[graphql(remote = "crate::domain::lifecycle::CancellationStatus")]
pub enum CancellationStatus {
    /// It waits for the plugins' verdict.
    Requested,
    /// Goods are on their way back.
    Returning,
    /// The order is cancelled.
    Completed,
    /// The order goes on.
    Refused,
}

/// A unit of weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
#[graphql(remote = "crate::domain::value::WeightUnit")]
pub enum WeightUnit {
    /// A thousandth of a kilogram.
    Gram,
    /// The unit of the SI.
    Kilogram,
    /// A thousand kilograms.
    Tonne,
}

/// What a lifecycle is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
#[graphql(remote = "crate::domain::lifecycle::Owner")]
pub enum LifecycleOwner {
    /// Orders.
    Order,
    /// Work orders.
    WorkOrder,
}

/// How many work orders a roll-up rule speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
#[graphql(remote = "crate::domain::lifecycle::Quantifier")]
pub enum Quantifier {
    /// At least one.
    Any,
    /// Every one.
    All,
}
