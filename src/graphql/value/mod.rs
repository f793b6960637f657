//! The values of the contract: what orders and work orders are made of, and the enums.
//!
//! Outputs come from the domain's values and inputs become them. Nothing here decides whether a value is sound; an
//! input only reports what it cannot even turn into a domain value, which is JSON that is no object within its limits.

mod enums;
mod input;
mod order_input;
mod output;
#[cfg(test)]
mod tests;
mod work_order_input;

pub use enums::{
    CancellationStatus, Direction, LifecycleOwner, Outcome, Phase, Quantifier, WeightUnit, WorkOrderFlow,
    WorkOrderType,
};
pub use order_input::{OrderCreateInput, OrderUpdateInput, to_patch};
pub use output::{Contact, Container, Location, Money, OrderSummary, QualityCheck, Stop};
pub use work_order_input::{WorkOrderCreateInput, WorkOrderUpdateInput};
