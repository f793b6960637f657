//! Sends events once more.

use entity::{
    event,
    id::{OrderId, WebhookEndpointId},
    webhook_endpoint,
};

use super::{dispatch, filter, not_found};
use crate::{
    access::{Granted, right::ConfigWrite},
    app::App,
    domain::problem::{Code, Path, Problem},
    events::Cursor,
    store,
    usecase::{Error, work::UnitOfWork},
};

/// How many deliveries one call queues where it has to look at each.
const MAX_QUEUED: u64 = 10_000;
/// How many of them are written at once.
const AT_ONCE: usize = 200;

/// What is to be sent once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// To which endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// Events after this cursor.
    pub after: Option<String>,
    /// Events about this order.
    pub order_id: Option<OrderId>,
    /// Only those whose delivery failed.
    pub failed_only: bool,
}

/// Queues deliveries once more, and gives how many. What is pending anyway is not queued twice. A replay from a cursor on is a step back of the endpoint's position, however long it is; of an order's
/// events, or of failures, one call queues the oldest 10,000.
pub async fn replay(app: &App, caller: Granted<'_, ConfigWrite>, replay: Replay) -> Result<u64, Error> {
    if replay.after.is_none() && replay.order_id.is_none() && !replay.failed_only {
        let message = "say what to send once more: afterCursor, orderId, failedOnly, or several of them";
        return Err(Problem::required(&Path::root(), message).into());
    }
    let work = UnitOfWork::begin(app, &caller).await?;
    let endpoint = store::webhook::lock(&work.db(), replay.endpoint_id).await?;
    let mut endpoint = endpoint.ok_or_else(|| not_found("endpointId"))?;
    let after = match &replay.after {
        Some(text) => position(&work, text).await?,
        None => store::event::bounds(&work.db()).await?.expired,
    };
    let queued = if replay.failed_only {
        let db = work.db();
        let failed =
            store::webhook_delivery::failed(&db, endpoint.id, after, replay.order_id, MAX_QUEUED).await?;
        let positions: Vec<i64> = failed.iter().map(|delivery| delivery.position).collect();
        let mut events = Vec::with_capacity(positions.len());
        for chunk in positions.chunks(AT_ONCE) {
            events.extend(store::event::at(&db, chunk).await?);
        }
        queue(&work, &endpoint, &events).await?
    } else if let Some(order_id) = replay.order_id {
        let order = store::order::by_id(&work.db(), order_id).await?;
        if order.is_none() {
            let message = "the tenant has no order of that id";
            return Err(Problem::new(Code::NotFound, &Path::root().field("orderId"), message).into());
        }
        let mut of_order = filter(&endpoint)?;
        of_order.order_id = Some(order_id);
        let limit = usize::try_from(MAX_QUEUED).unwrap_or(usize::MAX);
        let events = store::event::between(&work.db(), &of_order, after, endpoint.position, limit).await?;
        queue(&work, &endpoint, &events).await?
    } else {
        let all = filter(&endpoint)?;
        let count = store::event::count_between(&work.db(), &all, after, endpoint.position).await?;
        endpoint.position = endpoint.position.min(after);
        store::webhook::save(&work.db(), &endpoint).await?;
        count
    };
    work.commit().await?;
    app.wake.webhooks(&caller.tenant);
    Ok(queued)
}

async fn queue(
    work: &UnitOfWork<'_>,
    endpoint: &webhook_endpoint::Model,
    events: &[event::Model],
) -> Result<u64, Error> {
    for chunk in events.chunks(AT_ONCE) {
        dispatch::queue(work, endpoint, chunk).await?;
    }
    Ok(u64::try_from(events.len()).unwrap_or(u64::MAX))
}

/// The position that a cursor stands for.
async fn position(work: &UnitOfWork<'_>, text: &str) -> Result<i64, Error> {
    let path = Path::root().field("afterCursor");
    let bounds = store::event::bounds(&work.db()).await?;
    let unknown = || {
        let message = "afterCursor is not a cursor of this tenant's event log; use one that it gave you";
        Problem::invalid(&path, message)
    };
    let Cursor(position) = Cursor::decode(&work.caller.tenant, text).ok_or_else(unknown)?;
    if position > bounds.head {
        return Err(unknown().into());
    }
    if position < bounds.expired {
        let message = "events after this cursor are not kept any more; replay from a later one";
        return Err(Problem::invalid(&path, message).into());
    }
    Ok(position)
}
