//! What every part of the running program shares.

use std::sync::Arc;

use crate::{
    access::{Access, Caller},
    compute::Compute,
    config::Config,
    domain::attribute::{MAX_PATTERN_BYTES, Pattern},
    events::{Hub, Wake},
    fault::Fault,
    metrics::Metrics,
    outbound,
    seam::{Clock, Ids},
    secret::Keyring,
    store::{Database, Reader, TenantCache, attribute::Definitions, contact::Contacts},
    trace::Traces,
    usecase::{lifecycle::KnownLifecycles, order::Together, work::CommitHook},
};

/// The program's parts; cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// The store.
    pub database: Database,
    /// What the operator configured.
    pub config: Arc<Config>,
    /// Tells the time.
    pub clock: Clock,
    /// Makes ids.
    pub ids: Ids,
    /// Tells who is calling.
    pub access: Arc<Access>,
    /// Seals what must not be read in the store.
    pub keyring: Arc<Keyring>,
    /// Seals and opens contacts.
    pub contacts: Contacts,
    /// Calls addresses that tenants name.
    pub outbound: outbound::Client,
    /// Tells readers and workers that something committed.
    pub wake: Wake,
    /// Where subscriptions get live events.
    pub hub: Hub,
    /// Runs what tenants have computed.
    pub compute: Compute,
    /// The lifecycles that orders are born with, and were born with.
    pub lifecycles: Arc<KnownLifecycles>,
    /// What tenants define of custom attributes.
    pub definitions: Arc<TenantCache<Definitions>>,
    /// What the process counts about itself.
    pub metrics: Arc<Metrics>,
    /// Passes traces on, and records what is done.
    pub traces: Traces,
    /// Where creates that come at the same time meet.
    pub together: Together,
    /// Sees the events of every transaction before it commits.
    pub hook: Arc<dyn CommitHook>,
}

impl App {
    /// Reads what `caller` may see.
    pub fn reader(&self, caller: &Caller) -> Reader {
        Reader::new(self.database.clone(), caller.tenant.clone()).on_behalf_of(&caller.subject)
    }

    /// What the caller's tenant defines of custom attributes.
    pub async fn definitions(&self, caller: &Caller) -> Result<Arc<Definitions>, Fault> {
        let reader = self.reader(caller);
        let load = async || {
            let definitions = Definitions::load(&reader.db()).await?;
            let patterns: Vec<_> = definitions.patterns().cloned().collect();
            if patterns.iter().any(|pattern| !pattern.is_compiled()) {
                self.compute.run(&caller.tenant, move || compile(&patterns)).await?;
            }
            Ok(definitions)
        };
        self.definitions.get(&caller.tenant, load).await
    }
}

/// Compiles patterns before they are used, as many as a tenant may have.
fn compile(patterns: &[Pattern]) {
    let mut bytes = 0;
    for pattern in patterns {
        bytes += pattern.bytes();
        if bytes > MAX_PATTERN_BYTES {
            return;
        }
    }
}
