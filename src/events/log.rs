//! Appends to the log.

use sea_orm::DbErr;

use super::{Cursor, NewEvent};
use crate::store::{self, TenantDb};

/// Appends events, in their order, to the tenant's log, and gives the position of the first. From here to the end of
/// the transaction the tenant's log is locked (see [`Cursor`]); so this is the last thing that a transaction does.
pub async fn append(db: &TenantDb<'_>, events: Vec<NewEvent>) -> Result<Cursor, DbErr> {
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let first = store::event::advance_head(db, count).await? - count + 1;
    let rows: Vec<_> =
        (first..).zip(events).map(|(position, event)| event.into_row(db.tenant_id(), position)).collect();
    store::event::insert(db, &rows).await?;
    Ok(Cursor(first))
}
