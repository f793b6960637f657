//! Turns events of the log into deliveries.

use std::collections::{BTreeSet, HashMap};

use entity::{
    event,
    id::{OrderId, WebhookDeliveryId},
    stored::DeliveryStatus,
    webhook_delivery, webhook_endpoint,
};

use super::filter;
use crate::{
    access::Caller,
    app::App,
    fault::Fault,
    store,
    usecase::{Error, work::UnitOfWork},
};

/// How many deliveries are written at once.
const AT_ONCE: usize = 200;
/// How much of the log is looked through at once for events that the endpoint is sent.
const WINDOW: i64 = 10_000;

/// Moves an endpoint's position on by some events of the log, and queues their deliveries. Says whether there are more.
pub async fn dispatch(app: &App, caller: &Caller, endpoint: &webhook_endpoint::Model) -> Result<bool, Error> {
    let head = store::event::head(&app.reader(caller).db()).await?;
    if endpoint.position >= head {
        return Ok(false);
    }
    let work = UnitOfWork::begin(app, caller).await?;
    let locked = store::webhook::lock(&work.db(), endpoint.id).await?;
    let Some(mut endpoint) = locked.filter(|endpoint| endpoint.enabled) else { return Ok(false) };
    let end = head.min(endpoint.position.saturating_add(WINDOW));
    if endpoint.position >= end {
        // Another process was here meanwhile.
        return Ok(false);
    }
    let events =
        store::event::between(&work.db(), &filter(&endpoint)?, endpoint.position, end, AT_ONCE).await?;
    endpoint.position = match events.last() {
        Some(last) if events.len() >= AT_ONCE => last.position,
        _ => end,
    };
    queue(&work, &endpoint, &events).await?;
    store::webhook::save(&work.db(), &endpoint).await?;
    work.commit().await?;
    Ok(endpoint.position < head)
}

/// Queues deliveries of some events, oldest first, to an endpoint that is locked: behind those of the same order that are
/// older, and before those that are newer and not being sent.
pub(super) async fn queue(
    work: &UnitOfWork<'_>,
    endpoint: &webhook_endpoint::Model,
    events: &[event::Model],
) -> Result<(), Fault> {
    if events.is_empty() {
        return Ok(());
    }
    let db = work.db();
    let mut first: HashMap<OrderId, i64> = HashMap::new();
    for event in events {
        first.entry(event.order_id).or_insert(event.position);
    }
    let orders: Vec<OrderId> =
        first.keys().map(|id| id.0).collect::<BTreeSet<_>>().into_iter().map(OrderId).collect();
    let active = store::webhook_delivery::lock_active(&db, endpoint.id, &orders).await?;
    let later: Vec<i64> = active
        .iter()
        .filter(|delivery| delivery.lease.is_none())
        .filter(|delivery| first.get(&delivery.order_id).is_some_and(|first| *first < delivery.position))
        .map(|delivery| delivery.position)
        .collect();
    store::webhook_delivery::park(&db, endpoint.id, &later).await?;
    let deliveries = events.iter().map(|event| webhook_delivery::Model {
        tenant_id: event.tenant_id.clone(),
        endpoint_id: endpoint.id,
        position: event.position,
        id: WebhookDeliveryId(work.app.ids.uuid()),
        event_id: event.id,
        order_id: event.order_id,
        status: DeliveryStatus::Pending,
        attempts: 0,
        due_at: None,
        lease: None,
        last_status_code: None,
        last_error: None,
        created_at: work.now,
        delivered_at: None,
    });
    store::webhook_delivery::queue(&db, deliveries.collect()).await?;
    Ok(store::webhook_delivery::activate(&db, endpoint.id, &orders, work.now).await?)
}
