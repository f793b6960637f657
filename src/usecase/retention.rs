//! Removes what is not kept any more: old events, and old deliveries to webhook endpoints.

use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::id::WebhookEndpointId;
use tokio_util::sync::CancellationToken;

use super::{Error, work::UnitOfWork};
use crate::{
    access::Caller,
    app::App,
    fault::Fault,
    store::{self, Tenant, event::Bounds},
};

/// How often old rows are looked for.
const CLEAN_EVERY: Duration = Duration::from_mins(10);
/// How many rows one transaction removes.
const AT_ONCE: u64 = 1_000;
/// How long a delivery that has ended can be looked at.
const KEEP_DELIVERIES: chrono::Duration = chrono::Duration::days(30);

/// Removes old rows for as long as the server runs.
#[derive(Clone, Debug)]
pub struct Retention {
    app: App,
}

impl Retention {
    /// The service of a process. Several of them do not disturb each other.
    pub const fn new(app: App) -> Self {
        Self { app }
    }

    /// Works until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            tokio::select! {
                () = shutdown.cancelled() => return,
                result = self.clean() => if let Err(error) = result {
                    tracing::warn!(%error, "old events could not be removed; trying again later");
                },
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(CLEAN_EVERY) => {}
            }
        }
    }

    /// Removes what is too old now, of every tenant.
    pub async fn clean(&self) -> Result<(), Fault> {
        let now = self.app.clock.now();
        let keep_events = self.app.config.event_keep.and_then(|keep| chrono::Duration::from_std(keep).ok());
        for tenant in store::queue::tenants(&self.app.database).await? {
            let caller = Caller::system(tenant.clone());
            let deliveries = self.newest_before(&caller, now - KEEP_DELIVERIES).await?;
            let events = match keep_events.and_then(|keep| now.checked_sub_signed(keep)) {
                Some(before) => self.newest_before(&caller, before).await?,
                None => 0,
            };
            // Deliveries first: they name events.
            for endpoint in store::webhook::all(&self.app.reader(&caller).db()).await? {
                if endpoint.deleted_at.is_some() {
                    self.remove_endpoint(&caller, endpoint.id).await?;
                } else {
                    self.remove_deliveries(&caller, endpoint.id, deliveries, false).await?;
                    self.remove_deliveries(&caller, endpoint.id, events, true).await?;
                }
            }
            self.remove_events(&tenant, &caller, events).await?;
        }
        Ok(())
    }

    /// Position of the newest event that was recorded before a time, found by halving: positions have no gaps, and grow
    /// with time. Clocks of several processes differ a little, and so may the result.
    async fn newest_before(&self, caller: &Caller, time: DateTime<Utc>) -> Result<i64, Fault> {
        let reader = self.app.reader(caller);
        let Bounds { head, expired } = store::event::bounds(&reader.db()).await?;
        let (mut before, mut after) = (expired, head + 1);
        while before + 1 < after {
            let middle = before + (after - before) / 2;
            let event = store::event::at(&reader.db(), &[middle]).await?.pop();
            if event.is_none_or(|event| event.recorded_at < time) {
                before = middle;
            } else {
                after = middle;
            }
        }
        Ok(before)
    }

    /// Removes deliveries of events up to a position; those that are pending only where their events go as well.
    async fn remove_deliveries(
        &self,
        caller: &Caller,
        id: WebhookEndpointId,
        up_to: i64,
        pending_too: bool,
    ) -> Result<(), Fault> {
        loop {
            let work = UnitOfWork::begin(&self.app, caller).await?;
            store::webhook::lock(&work.db(), id).await?;
            let removed =
                store::webhook_delivery::remove(&work.db(), id, up_to, pending_too, AT_ONCE).await?;
            if pending_too && removed > 0 {
                store::webhook_delivery::activate_all(&work.db(), id, work.now).await?;
            }
            work.commit().await.map_err(Error::into_fault)?;
            if removed < AT_ONCE {
                return Ok(());
            }
        }
    }

    async fn remove_endpoint(&self, caller: &Caller, id: WebhookEndpointId) -> Result<(), Fault> {
        self.remove_deliveries(caller, id, i64::MAX, true).await?;
        let work = UnitOfWork::begin(&self.app, caller).await?;
        store::webhook::remove(&work.db(), id).await?;
        work.commit().await.map_err(Error::into_fault)?;
        Ok(())
    }

    /// Removes events up to a position. First it is said that they are not kept: whoever reads looks at that after
    /// reading, and so takes no gap for the log.
    async fn remove_events(&self, tenant: &Tenant, caller: &Caller, up_to: i64) -> Result<(), Fault> {
        if up_to == 0 {
            return Ok(());
        }
        let work = UnitOfWork::begin(&self.app, caller).await?;
        store::event::expire(&work.db(), up_to).await?;
        work.commit().await.map_err(Error::into_fault)?;
        let mut total = 0;
        loop {
            let work = UnitOfWork::begin(&self.app, caller).await?;
            let removed = store::event::remove(&work.db(), up_to, AT_ONCE).await?;
            work.commit().await.map_err(Error::into_fault)?;
            total += removed;
            if removed < AT_ONCE {
                break;
            }
        }
        if total > 0 {
            tracing::info!(tenant.id = %tenant, events = total, "removed events that are older than they are kept");
        }
        Ok(())
    }
}
