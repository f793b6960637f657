//! Sets a tenant's lifecycle.

use entity::lifecycle;

use super::{InForce, in_force};
use crate::{
    access::{Granted, right::ConfigWrite},
    app::App,
    domain::{
        lifecycle::{Lifecycle, Owner, check},
        problem::{Path, Problem},
    },
    store::{self, lifecycle::Written},
    usecase::{Error, work::UnitOfWork},
};

/// A lifecycle that is to come into force.
#[derive(Clone, Debug)]
pub struct Update {
    /// Whose lifecycle it is.
    pub owner: Owner,
    /// Nothing happens unless this version is in force.
    pub expected_version: Option<i32>,
    /// The lifecycle; its version is given by what is in force.
    pub lifecycle: Lifecycle,
}

/// Stores a new version of a lifecycle, for what is born from now on; orders at work keep theirs. What is in force already
/// is no new version.
pub async fn update(app: &App, caller: Granted<'_, ConfigWrite>, command: Update) -> Result<InForce, Error> {
    let Update { owner, expected_version, mut lifecycle } = command;
    check(owner, &lifecycle)?;
    let path = Path::root().field("expectedVersion");
    let work = UnitOfWork::begin(app, &caller).await?;
    let present = in_force(&work.db(), owner).await?;
    let version = present.lifecycle.version;
    if let Some(expected) = expected_version.filter(|expected| *expected != version) {
        return Err(Problem::version_conflict(&path, expected, version).into());
    }
    lifecycle.version = version;
    if lifecycle == present.lifecycle {
        return Ok(present);
    }
    lifecycle.version = version + 1;
    let row = lifecycle::Model {
        tenant_id: caller.tenant.to_string(),
        owner: owner.into(),
        version: lifecycle.version,
        definition: serde_json::to_string(&lifecycle)?,
        created_at: work.now,
        created_by: caller.subject.to_string(),
    };
    if store::lifecycle::insert(&work.db(), row).await? == Written::Taken {
        // Somebody else was first, between our look at it and our write.
        return Err(Problem::version_conflict(&path, version, version + 1).into());
    }
    let now = work.now;
    work.commit().await?;
    app.lifecycles.changed(&caller.tenant);
    Ok(InForce { owner, lifecycle, created_at: Some(now), created_by: Some(caller.subject.to_string()) })
}
