//! Threads of their own for what tenants have computed: expressions, templates, documents of plugins, patterns. The
//! threads that serve requests never do that.

use std::{sync::Arc, thread};

use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::{fault::Fault, store::Tenant};

/// Runs computations, few at once; cheap to clone.
#[derive(Clone, Debug)]
pub struct Compute {
    places: Arc<Semaphore>,
}

impl Default for Compute {
    /// Half of the processors for computations, one at least.
    fn default() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self { places: Arc::new(Semaphore::new((processors / 2).max(1))) }
    }
}

impl Compute {
    /// Runs a computation of a tenant when it is its turn. One whose caller went away before that is not run.
    pub async fn run<T: Send + 'static>(
        &self,
        _tenant: &Tenant,
        computation: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_| Fault::broken("the places for computations are closed"))?;
        let run = move || {
            // Held until the computation has ended, also where its caller went away meanwhile.
            let _place = place;
            computation()
        };
        spawn_blocking(run).await.map_err(|_| Fault::broken("a computation did not end"))
    }
}
