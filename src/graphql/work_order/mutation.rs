//! Changes work orders.

use async_graphql::{Context, Object, Result, SimpleObject};
use entity::id::{OrderId, WorkOrderId};

use super::{
    super::{
        context::ContextExt,
        error::{UserError, user_errors},
        id,
        order::{TransitionInput, key_of, key_of_value},
        value::{Direction, WorkOrderCreateInput, WorkOrderUpdateInput},
    },
    WorkOrder,
};
use crate::{
    domain::{
        order::check_idempotency_key,
        problem::{Found, Path},
    },
    fault::Fault,
    usecase::{
        self, Error, WorkOrderDone,
        work_order::{Create, Update},
    },
};

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
    /// Adds a work order to a standing order; it gets the next number in it.
    async fn work_order_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order, and its new work order.")] input: WorkOrderCreateInput,
    ) -> Result<WorkOrderPayload> {
        let granted = ctx.granted()?;
        let result = match create_command(input) {
            Ok(command) => usecase::work_order::create(ctx.app()?, granted, command).await,
            Err(error) => Err(error),
        };
        payload(ctx, result).await
    }

    /// Changes fields of a work order. What is left out stays, null clears; attributes are merged key by key.
    async fn work_order_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The changes.")] input: WorkOrderUpdateInput,
    ) -> Result<WorkOrderPayload> {
        let granted = ctx.granted()?;
        let result = match update_command(input) {
            Ok(command) => usecase::work_order::update(ctx.app()?, granted, command).await,
            Err(error) => Err(error),
        };
        payload(ctx, result).await
    }

    /// Fires an event of a work order's lifecycle, such as `COMPLETE`; the order follows in the same transaction.
    async fn work_order_transition(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The work order and the event.")] input: TransitionInput,
    ) -> Result<WorkOrderPayload> {
        let granted = ctx.granted()?;
        let result = match input.into_command("workOrderTransition") {
            Ok(command) => usecase::work_order::transition(ctx.app()?, granted, command).await,
            Err(error) => Err(error),
        };
        payload(ctx, result).await
    }
}

fn create_command(input: WorkOrderCreateInput) -> Result<Create, Error> {
    let root = Path::root();
    let key = key_of("workOrderCreate", input.idempotency_key.clone(), &input);
    let mut found = Found::new();
    check_idempotency_key(input.idempotency_key.as_deref(), &root, &mut found);
    let order_id = id::input::<OrderId>(&input.order_id, &root.field("orderId"), &mut found);
    let return_of = input.return_of.as_ref();
    let named = return_of.map(|id| id::input::<WorkOrderId>(id, &root.field("returnOf"), &mut found));
    let work_order = input.work_order.into_domain(&root.field("workOrder"), &mut found);
    let (Some(order_id), Some(return_of)) = (order_id, named.map_or(Some(None), |id| id.map(Some))) else {
        // An id that is not one was found above.
        return Err(found.or(()).err().map_or_else(|| Fault::broken("an id got lost").into(), Error::from));
    };
    Ok(Create {
        order_id,
        direction: input.direction.unwrap_or(Direction::Forward).into(),
        return_of,
        expected_order_version: input.expected_order_version,
        key,
        work_order,
        found,
    })
}

fn update_command(input: WorkOrderUpdateInput) -> Result<Update, Error> {
    let root = Path::root();
    let key = key_of_value("workOrderUpdate", input.idempotency_key.clone(), &input.canonical());
    let expected_version = input.expected_version;
    let mut found = Found::new();
    check_idempotency_key(input.idempotency_key.as_deref(), &root, &mut found);
    let id = id::input::<WorkOrderId>(&input.id, &root.field("id"), &mut found);
    let patch = input.into_domain(&root, &mut found);
    let (id, patch) = found.or((id, patch))?;
    let id = id.ok_or_else(|| Fault::broken("an id got lost"))?;
    Ok(Update { id, expected_version, key, patch })
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
