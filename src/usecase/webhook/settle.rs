//! Carries out what became of attempts to deliver.

use entity::{
    id::{OrderId, WebhookEndpointId},
    stored::DeliveryStatus,
    webhook_endpoint,
};
use uuid::Uuid;

use crate::{
    access::Caller,
    app::App,
    domain::webhook::{Verdict, reason_to_disable},
    store::{self, webhook_delivery::Settled},
    usecase::{Error, work::UnitOfWork},
};

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The event's place in the log.
    pub position: i64,
    /// The order that it is about.
    pub order_id: OrderId,
    /// HTTP status of the answer, if one came.
    pub status_code: Option<u16>,
    /// What is to be done.
    pub verdict: Verdict,
}

/// Writes what became of deliveries that are held under `lease`, and makes those active that waited for them. An endpoint
/// that is gone, or that has failed for too long, is disabled.
pub async fn settle(
    app: &App,
    caller: &Caller,
    id: WebhookEndpointId,
    lease: Uuid,
    outcomes: &[Outcome],
) -> Result<(), Error> {
    let work = UnitOfWork::begin(app, caller).await?;
    let db = work.db();
    let endpoint = store::webhook::lock(&db, id).await?;
    if let Some(after) = endpoint.as_ref().and_then(|before| judged(before, outcomes, work.now)) {
        if !after.enabled {
            tracing::warn!(
                tenant.id = %caller.tenant, webhook_endpoint.id = %id, reason = after.disabled_reason,
                "a webhook endpoint is disabled"
            );
        }
        store::webhook::save(&db, &after).await?;
    }
    let mut freed = Vec::new();
    for outcome in outcomes {
        let (status, due_at, error) = match &outcome.verdict {
            Verdict::Delivered => (DeliveryStatus::Delivered, None, None),
            Verdict::Again { error, after } => {
                let after = chrono::Duration::from_std(*after).unwrap_or(chrono::Duration::MAX);
                (DeliveryStatus::Pending, work.now.checked_add_signed(after), Some(error))
            }
            Verdict::Failed { error } | Verdict::Gone { error } => {
                (DeliveryStatus::Failed, None, Some(error))
            }
        };
        if status != DeliveryStatus::Pending {
            freed.push(outcome.order_id);
        }
        let settled = Settled {
            position: outcome.position,
            status,
            due_at,
            status_code: outcome.status_code.map(i32::from),
            error: error.map(ToString::to_string),
        };
        store::webhook_delivery::settle(&db, id, lease, &settled, work.now).await?;
    }
    store::webhook_delivery::activate(&db, id, &freed, work.now).await?;
    work.commit().await?;
    Ok(())
}

/// The endpoint after these outcomes, if they change it.
fn judged(
    before: &webhook_endpoint::Model,
    outcomes: &[Outcome],
    now: chrono::DateTime<chrono::Utc>,
) -> Option<webhook_endpoint::Model> {
    let mut after = before.clone();
    // One success is enough to say that it does not fail as a whole.
    let succeeds = outcomes.iter().any(|outcome| outcome.verdict == Verdict::Delivered);
    if succeeds {
        after.failing_since = None;
    }
    for outcome in outcomes {
        match &outcome.verdict {
            Verdict::Gone { error } => {
                after.enabled = false;
                after.disabled_reason = Some(error.to_string());
            }
            Verdict::Again { error, .. } | Verdict::Failed { error } if !succeeds => {
                let since = *after.failing_since.get_or_insert(now);
                if let Some(reason) = reason_to_disable(since, now, error).filter(|_| after.enabled) {
                    after.enabled = false;
                    after.disabled_reason = Some(reason.into());
                }
            }
            Verdict::Delivered | Verdict::Again { .. } | Verdict::Failed { .. } => {}
        }
    }
    (after != *before).then_some(after)
}
