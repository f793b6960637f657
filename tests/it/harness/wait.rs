//! Waiting for what must come: never for a time alone, and never for ever.

use std::{
    task::Poll,
    time::{Duration, Instant},
};

use futures_util::{Stream, StreamExt as _};

/// How long anything that must come may take. Far more than it needs: a busy machine is no failure.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
/// How long to let others work before a condition is looked at again.
const PAUSE: Duration = Duration::from_millis(5);

/// What `future` gives, if it does so in time.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(PATIENCE, future).await;
    outcome.unwrap_or_else(|_| panic!("{what} did not come within {PATIENCE:?}"))
}

/// Looks again and again until there is something.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what} did not come about within {PATIENCE:?}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Lets a stream do what it can without waiting for it.
pub(crate) async fn poll_once<S: Stream + Unpin>(stream: &mut S) -> Poll<Option<S::Item>> {
    std::future::poll_fn(|context| Poll::Ready(stream.poll_next_unpin(context))).await
}
