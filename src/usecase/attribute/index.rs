//! Builds and removes the entries by which lists are filtered and sorted on an attribute.
//!
//! An attribute's index has an entry for every owner, also for those without the attribute. While it is being built,
//! every write adds or changes its own entries already, and a pass over all orders adds those that are missing, a few
//! orders a transaction. How far it came stands with the definition, so that any process goes on after any end of
//! another.

use std::time::Duration;

use entity::{
    attribute_definition::Model,
    id::AttributeDefinitionId,
    list_entry,
    stored::{AttributeOwner, IndexState},
};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::values::entry;
use crate::{
    access::Caller,
    app::App,
    fault::Fault,
    store::{self, Tenant, attribute::Known},
    usecase::{Error, work::UnitOfWork},
};

/// How many orders may be gone through while a definition is saved; with more, it is done in the background.
const AT_ONCE: u64 = 1_000;
/// How many orders a transaction goes through.
const ORDERS_PER_STEP: u64 = 250;
/// How many entries a transaction removes.
const REMOVED_PER_STEP: u64 = 5_000;
/// Other processes know of a change after a second. Until well after that they may write without entries of it, so that
/// a pass that must meet everything begins later.
const OTHERS_KNOW_AFTER: chrono::Duration = chrono::Duration::seconds(3);
/// How often work is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How many definitions are looked at in one go.
const MAX_DUE: u64 = 16;

/// An attribute becomes indexed.
pub(super) async fn begin(work: &UnitOfWork<'_>, row: &mut Model) -> Result<(), Fault> {
    let db = work.db();
    // Whatever is done at once is gone through again, because other processes may not know yet.
    row.index_due = Some(work.now + OTHERS_KNOW_AFTER);
    (row.index_cursor, row.index_done, row.index_total) = (None, 0, 0);
    if row.index_state == IndexState::Removing
        && store::list_entry::remove(&db, row.id.0, REMOVED_PER_STEP).await? == REMOVED_PER_STEP
    {
        return Ok(());
    }
    let (_, few) = store::order::count(&db, AT_ONCE).await?;
    row.index_state = if few { IndexState::Ready } else { IndexState::Building };
    while few && write_next(work, row).await? {}
    row.index_cursor = None;
    Ok(())
}

/// An attribute is not indexed any more.
pub(super) fn end(work: &UnitOfWork<'_>, row: &mut Model) {
    row.index_state = IndexState::Removing;
    row.index_due = Some(work.now + OTHERS_KNOW_AFTER);
    (row.index_cursor, row.index_done, row.index_total) = (None, 0, 0);
}

/// Writes the entries of the next orders; whether there may be more.
async fn write_next(work: &UnitOfWork<'_>, row: &mut Model) -> Result<bool, Fault> {
    let db = work.db();
    let known = Known::try_from(row.clone())?;
    // Held until the commit: nobody changes the attributes that were read here before their entries are written.
    let orders = store::order::lock_after(&db, row.index_cursor, ORDERS_PER_STEP).await?;
    let Some(last) = orders.last().map(|order| order.id) else { return Ok(false) };
    let entries = match row.owner {
        AttributeOwner::Order => {
            let of = |order: &entity::order::Model| entry_of(&known, order.id.0, &order.custom_attributes);
            orders.iter().map(of).collect::<Result<Vec<_>, _>>()?
        }
        AttributeOwner::WorkOrder => {
            let ids: Vec<_> = orders.iter().map(|order| order.id).collect();
            let work_orders = store::work_order::of_orders(&db, &ids).await?;
            let of = |row: &entity::work_order::Model| entry_of(&known, row.id.0, &row.custom_attributes);
            work_orders.iter().map(of).collect::<Result<Vec<_>, _>>()?
        }
    };
    store::list_entry::put(&db, &entries).await?;
    row.index_cursor = Some(last);
    row.index_done += i64::try_from(orders.len()).unwrap_or(0);
    Ok(u64::try_from(orders.len()).is_ok_and(|count| count == ORDERS_PER_STEP))
}

fn entry_of(known: &Known, entity_id: uuid::Uuid, attributes: &str) -> Result<list_entry::Model, Fault> {
    let map: Map<String, Value> = serde_json::from_str(attributes)?;
    Ok(entry(known, &known.row.tenant_id, entity_id, map.get(&known.row.key)))
}

/// Does in the background what is to be done about indexes.
#[derive(Clone, Debug)]
pub struct Indexer {
    app: App,
}

impl Indexer {
    /// The indexer of a process.
    pub const fn new(app: App) -> Self {
        Self { app }
    }

    /// Works until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            match self.work_once().await {
                // Whoever waited to write meanwhile comes first: connections are handed out in turn.
                Ok(steps) if steps > 0 => tokio::task::yield_now().await,
                outcome => {
                    if let Err(error) = outcome {
                        tracing::warn!(%error, "an attribute's index could not be built; trying again later");
                    }
                    tokio::select! {
                        () = shutdown.cancelled() => {}
                        () = tokio::time::sleep(LOOK_EVERY) => {}
                    }
                }
            }
        }
    }

    /// Takes one step with every index that is due, and gives how many steps that were.
    pub async fn work_once(&self) -> Result<usize, Fault> {
        let due = store::queue::due_indexes(&self.app.database, self.app.clock.now(), MAX_DUE).await?;
        let count = due.len();
        for (tenant, id) in due {
            match self.step(tenant, id).await {
                Ok(()) => {}
                Err(Error::Fault(fault)) => return Err(fault),
                Err(Error::Refused(_)) => return Err(Fault::broken("building an index was refused")),
            }
        }
        Ok(count)
    }

    async fn step(&self, tenant: Tenant, id: AttributeDefinitionId) -> Result<(), Error> {
        let caller = Caller::system(tenant);
        let work = UnitOfWork::begin(&self.app, &caller).await?;
        let db = work.db();
        let Some(mut row) = store::attribute::lock(&db, id).await? else { return Ok(()) };
        if row.index_due.is_none_or(|due| due > work.now) {
            // Another process was faster.
            return Ok(());
        }
        let before = row.index_state;
        match row.index_state {
            IndexState::None => row.index_due = None,
            IndexState::Removing => {
                if store::list_entry::remove(&db, row.id.0, REMOVED_PER_STEP).await? < REMOVED_PER_STEP {
                    let again = row.indexed && row.archived_at.is_none();
                    row.index_state = if again { IndexState::Building } else { IndexState::None };
                    // Writers must know before the pass begins.
                    row.index_due = again.then(|| work.now + OTHERS_KNOW_AFTER);
                }
            }
            IndexState::Building | IndexState::Ready => {
                if row.index_cursor.is_none() {
                    row.index_done = 0;
                    let (total, _) = store::order::count(&db, u64::from(u32::MAX)).await?;
                    row.index_total = i64::try_from(total).unwrap_or(i64::MAX);
                }
                if !write_next(&work, &mut row).await? {
                    row.index_state = IndexState::Ready;
                    row.index_due = None;
                }
            }
        }
        store::attribute::save(&db, &row).await?;
        work.commit().await?;
        if row.index_state != before {
            tracing::info!(tenant.id = %caller.tenant, attribute = row.key, state = row.index_state.as_str(), "index");
            self.app.definitions.forget(&caller.tenant);
        }
        Ok(())
    }
}
