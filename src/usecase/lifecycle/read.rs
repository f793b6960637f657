//! Shows the lifecycle in force.

use chrono::{DateTime, Utc};

use crate::{
    domain::lifecycle::{Lifecycle, Owner, built_in},
    fault::Fault,
    store::{self, TenantDb},
};

/// A lifecycle in force, and who set it when.
#[derive(Clone, Debug)]
pub struct InForce {
    /// Whose lifecycle it is.
    pub owner: Owner,
    /// The lifecycle.
    pub lifecycle: Lifecycle,
    /// When it was set; none for the one that is built in.
    pub created_at: Option<DateTime<Utc>>,
    /// Who set it.
    pub created_by: Option<String>,
}

/// The tenant's lifecycle in force, as the store has it now.
pub async fn in_force(db: &TenantDb<'_>, owner: Owner) -> Result<InForce, Fault> {
    Ok(match store::lifecycle::newest(db, owner.into()).await? {
        Some(row) => InForce {
            owner,
            lifecycle: serde_json::from_str(&row.definition)?,
            created_at: Some(row.created_at),
            created_by: Some(row.created_by),
        },
        None => InForce {
            owner,
            lifecycle: Lifecycle::clone(&built_in(owner)),
            created_at: None,
            created_by: None,
        },
    })
}
