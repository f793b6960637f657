//! Appends to the log.

use sea_orm::DbErr;

use super::{Cursor, NewEvent};
use crate::store::{self, TenantDb};

/// Appends events, in their order, to the tenant's log, and gives the position of the first. From here to the end of
/// the transaction the tenant's log is locked (see [`Cursor`]); so this is the last thing that a transaction does.
pub async fn append(db: &TenantDb<'_>, events: Vec<NewEvent>) -> Result<Cursor, DbErr> {
    let rows = (1..).zip(events).map(|(number, event)| event.into_row(db.tenant_id(), number));
    store::event::append(db, rows.collect()).await.map(Cursor)
}
