//! Threads of their own for what tenants have computed: expressions, templates, documents of plugins, patterns. The
//! threads that serve requests never do that.

use std::{thread, time::Duration};

use tokio::task::spawn_blocking;

use crate::{
    fair::{Gate, Rule, Slow},
    fault::Fault,
    store::Tenant,
};

/// The average duration of a computation from which on its tenant leaves half of the places to the others.
const SLOW_AFTER: Duration = Duration::from_millis(20);

/// Runs computations, few at once, and those of tenants in turn; cheap to clone.
#[derive(Clone, Debug)]
pub struct Compute(Gate<Tenant, ()>);

impl Default for Compute {
    /// Half of the processors for computations, one at least.
    fn default() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self::new((processors / 2).max(1))
    }
}

impl Compute {
    /// So many computations at once.
    pub fn new(places: usize) -> Self {
        let slow = Slow { after: SLOW_AFTER, places: (places / 2).max(1) };
        Self(Gate::new(places, Rule::Reserve { slow: Some(slow) }))
    }

    /// Runs a computation when it is its tenant's turn. One whose caller went away before that is not run.
    pub async fn run<T: Send + 'static>(
        &self,
        tenant: &Tenant,
        computation: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let place = self.0.acquire(tenant, &()).await;
        let place = place.map_err(|_| Fault::busy("too many computations of the tenant wait already"))?;
        let run = move || {
            // Held until the computation has ended, also where its caller went away meanwhile.
            let _place = place;
            computation()
        };
        spawn_blocking(run).await.map_err(|_| Fault::broken("a computation ended without a result"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::{FutureExt as _, future::join_all};

    use super::*;

    #[tokio::test]
    async fn tenants_are_served_in_turn_and_threads_that_serve_are_free() {
        let compute = Compute::new(1);
        let (a, b) = (Tenant::new("a"), Tenant::new("b"));
        let (go_on, wait) = mpsc::channel::<()>();
        let (order, ended) = mpsc::channel();
        let done = |name: &'static str| {
            let order = order.clone();
            move || order.send(name).unwrap()
        };
        let mut first = Box::pin(compute.run(&a, move || wait.recv().unwrap()));
        assert!((&mut first).now_or_never().is_none());
        // The only thread of this runtime is here, and free, while the first one computes.
        let mut rest = Box::pin(join_all([
            compute.run(&a, done("a2")).boxed(),
            compute.run(&a, done("a3")).boxed(),
            compute.run(&b, done("b1")).boxed(),
        ]));
        assert!((&mut rest).now_or_never().is_none());
        go_on.send(()).unwrap();
        first.await.unwrap();
        assert!(rest.await.into_iter().all(|result| result.is_ok()));
        assert_eq!(ended.try_iter().collect::<Vec<_>>(), ["b1", "a2", "a3"]);
    }

    #[tokio::test]
    async fn one_that_panics_gives_its_place_back() {
        let compute = Compute::new(1);
        let tenant = Tenant::new("a");
        let panicked = compute.run(&tenant, || std::panic::resume_unwind(Box::new("x"))).await;
        let panicked: Result<(), _> = panicked;
        assert_eq!(panicked.unwrap_err().to_string(), "a computation ended without a result");
        assert_eq!(compute.run(&tenant, || 1).await.unwrap(), 1);
    }
}
