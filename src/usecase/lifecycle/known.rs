//! The lifecycles that this process knows: each version once, because none ever changes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use entity::{lifecycle, stored::LifecycleOwner};

use crate::{
    domain::lifecycle::{BUILT_IN_VERSION, Lifecycle, Owner, built_in},
    fault::Fault,
    store::{self, Reader, Tenant, TenantCache, TenantDb},
};

/// How many versions are remembered; beyond it all are forgotten, and read again as they are needed.
const MAX_VERSIONS: usize = 10_000;

/// The lifecycles of an order and of its work orders.
#[derive(Clone, Debug)]
pub struct Lifecycles {
    /// The order's.
    pub order: Arc<Lifecycle>,
    /// That of all its work orders.
    pub work_order: Arc<Lifecycle>,
}

/// Names a version of a tenant's lifecycle.
pub type Version = (Owner, i32);

/// Every lifecycle that was needed so far.
#[derive(Debug, Default)]
pub struct KnownLifecycles {
    in_force: TenantCache<Lifecycles>,
    versions: Mutex<HashMap<(Tenant, Version), Arc<Lifecycle>>>,
}

impl KnownLifecycles {
    /// What new orders are born with; what another process changed is seen within a second.
    pub async fn in_force(&self, reader: &Reader) -> Result<Arc<Lifecycles>, Fault> {
        let load = async || {
            let db = reader.db();
            Ok(Lifecycles {
                order: self.newest(&db, Owner::Order).await?,
                work_order: self.newest(&db, Owner::WorkOrder).await?,
            })
        };
        self.in_force.get(reader.tenant(), load).await
    }

    /// This process changed what is in force, and the change committed.
    pub fn changed(&self, tenant: &Tenant) {
        self.in_force.forget(tenant);
    }

    /// The lifecycles that an order and its work orders were born with.
    pub async fn of(&self, db: &TenantDb<'_>, order: i32, work_order: i32) -> Result<Lifecycles, Fault> {
        let wanted = [(Owner::Order, order), (Owner::WorkOrder, work_order)];
        let mut found = self.versions(db, &wanted).await?.into_iter();
        match (found.next(), found.next()) {
            (Some(order), Some(work_order)) => Ok(Lifecycles { order, work_order }),
            _ => Err(missing()),
        }
    }

    /// Those versions, in their order; those that are not known yet are read with one statement.
    pub async fn versions(
        &self,
        db: &TenantDb<'_>,
        wanted: &[Version],
    ) -> Result<Vec<Arc<Lifecycle>>, Fault> {
        let unknown: Vec<(LifecycleOwner, i32)> = wanted
            .iter()
            .filter(|version| self.get(db.tenant(), **version).is_none())
            .map(|(owner, version)| ((*owner).into(), *version))
            .collect();
        let mut read = HashMap::new();
        if !unknown.is_empty() {
            for row in store::lifecycle::versions(db, &unknown).await? {
                let version = (row.owner.into(), row.version);
                read.insert(version, self.remember(db.tenant(), &row)?);
            }
        }
        let find = |version: &Version| self.get(db.tenant(), *version).or_else(|| read.get(version).cloned());
        wanted.iter().map(|version| find(version).ok_or_else(missing)).collect()
    }

    /// That version, if it is known.
    pub fn get(&self, tenant: &Tenant, version: Version) -> Option<Arc<Lifecycle>> {
        if version.1 == BUILT_IN_VERSION {
            return Some(built_in(version.0));
        }
        self.lock().get(&(tenant.clone(), version)).cloned()
    }

    async fn newest(&self, db: &TenantDb<'_>, owner: Owner) -> Result<Arc<Lifecycle>, Fault> {
        match store::lifecycle::newest(db, owner.into()).await? {
            Some(row) => self.remember(db.tenant(), &row),
            None => Ok(built_in(owner)),
        }
    }

    fn remember(&self, tenant: &Tenant, row: &lifecycle::Model) -> Result<Arc<Lifecycle>, Fault> {
        let version = (row.owner.into(), row.version);
        if let Some(known) = self.get(tenant, version) {
            return Ok(known);
        }
        let lifecycle: Arc<Lifecycle> = Arc::new(serde_json::from_str(&row.definition)?);
        let mut versions = self.lock();
        if versions.len() >= MAX_VERSIONS {
            versions.clear();
        }
        versions.insert((tenant.clone(), version), Arc::clone(&lifecycle));
        Ok(lifecycle)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(Tenant, Version), Arc<Lifecycle>>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn missing() -> Fault {
    Fault::broken("an order has a lifecycle version that is not there")
}
