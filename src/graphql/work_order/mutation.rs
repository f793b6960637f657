//! Changes work orders.

use async_graphql::{Context, Object, Result, SimpleObject};

use super::{
    super::{
        context::ContextExt,
        error::{UserError, user_errors},
        order::TransitionInput,
    },
    WorkOrder,
};
use crate::usecase::{self, Error, WorkOrderDone};

/// The answer to a mutation of a work order.
#[derive(Clone, Debug, SimpleObject)]
pub struct WorkOrderPayload {
    /// The work order as it is now; null if nothing happened.
    work_order: Option<WorkOrder>,
    /// Why nothing happened; empty if it did.
    user_errors: Vec<UserError>,
    /// Resumes a subscription right after this write.
    cursor: Option<String>,
    /// Whether this is the kept answer to an earlier request with the same idempotency key.
    idempotent_replay: bool,
}

/// Mutations of work orders.
#[derive(Clone, Copy, Debug, Default)]
pub struct WorkOrderMutation;

#[Object]
impl WorkOrderMutation {
    /// Fires an event of a work order's lifecycle, such as `COMPLETE`; the order follows in the same transaction.
    async fn work_order_transition(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The work order and the event.")] input: TransitionInput,
    ) -> Result<WorkOrderPayload> {
        let result = match input.into_command("workOrderTransition") {
            Ok(command) => usecase::work_order::transition(ctx.app()?, ctx.caller()?, command).await,
            Err(error) => Err(error),
        };
        payload(ctx, result).await
    }
}

async fn payload(ctx: &Context<'_>, result: Result<WorkOrderDone, Error>) -> Result<WorkOrderPayload> {
    match result {
        Ok(done) => {
            let found = ctx.loader()?.load_one(done.id).await;
            Ok(WorkOrderPayload {
                work_order: found.map_err(|fault| ctx.load_fault(&fault))?,
                user_errors: Vec::new(),
                cursor: Some(done.cursor.encode(&ctx.caller()?.tenant)),
                idempotent_replay: done.replay,
            })
        }
        Err(Error::Refused(problems)) => Ok(WorkOrderPayload {
            work_order: None,
            user_errors: user_errors(ctx, problems, &["userErrors"]),
            cursor: None,
            idempotent_replay: false,
        }),
        Err(Error::Fault(fault)) => Err(ctx.fault(fault)),
    }
}
