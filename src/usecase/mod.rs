//! One file per thing that a caller can ask for. Only [`work`] begins and commits transactions.

mod aggregate;
pub mod idempotency;
pub mod reencrypt;
pub mod retention;
pub mod signing;
pub mod work;

pub mod api_key;
pub mod attribute;
pub mod lifecycle;
pub mod order;
pub mod plugin;
pub mod webhook;
pub mod work_order;

use entity::id::{OrderId, WorkOrderId};

use sea_orm::DbErr;

use crate::{
    domain::problem::{Problem, Problems},
    events::Cursor,
    fault::Fault,
};

pub use aggregate::situation;

/// Why a use case changed nothing.
#[derive(Debug)]
pub enum Error {
    /// The caller can mend it.
    Refused(Problems),
    /// No caller can.
    Fault(Fault),
}

impl Error {
    /// The same where no caller is there who could mend it.
    pub fn into_fault(self) -> Fault {
        match self {
            Self::Fault(fault) => fault,
            Self::Refused(problems) => {
                let first = problems.as_slice().first().map_or("", |problem| &problem.message);
                Fault::broken(format!("what the service did itself was refused: {first}"))
            }
        }
    }
}

impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        Self::Refused(problems)
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem.into())
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        Self::Fault(error.into())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Fault(error.into())
    }
}

/// The answer to a mutation that went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done<Id> {
    /// What it was about.
    pub id: Id,
    /// Position of the last event that it recorded, or, if it recorded none, of the newest event there was.
    pub cursor: Cursor,
    /// Whether this is the kept answer to an earlier request with the same idempotency key.
    pub replay: bool,
}

impl<Id> Done<Id> {
    /// The same answer about an id of another type.
    pub fn map<To>(self, convert: impl FnOnce(Id) -> To) -> Done<To> {
        Done { id: convert(self.id), cursor: self.cursor, replay: self.replay }
    }
}

/// The answer to a mutation of an order.
pub type OrderDone = Done<OrderId>;
/// The answer to a mutation of a work order.
pub type WorkOrderDone = Done<WorkOrderId>;
