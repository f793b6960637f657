//! One subscriber's events: first those of the log, then live ones, without a gap and without a repeat.

use std::sync::Arc;

use async_stream::try_stream;
use entity::event::Model;
use futures_util::Stream;
use tokio::sync::broadcast::error::RecvError;

use super::{Cursor, Hub};
use crate::{
    fault::Fault,
    store::{self, Reader, event::EventFilter},
};

/// How many events are read from the log at once.
const REPLAY_LIMIT: u64 = 200;

/// Why a subscription ends.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The log cannot be read.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The server stops; the subscriber resumes elsewhere from its last cursor.
    #[error("the server is stopping")]
    Stopping,
}

/// Every event after `after` that passes the filter, in commit order, once; without `after`, every event that commits
/// from now on.
///
/// Why there is neither gap nor repeat: listening begins before the log is read, and the log is read until nothing
/// more is there; so whatever is not in the log by then is heard live. What is heard live and was read already has a
/// position that is not after the last one seen, and is passed over. A subscriber that is too slow for the live feed
/// goes back to the log, which has everything.
pub fn stream(
    hub: Hub,
    reader: Reader,
    filter: EventFilter,
    after: Option<Cursor>,
) -> impl Stream<Item = Result<Arc<Model>, StreamError>> + Send {
    try_stream! {
        let mut live = hub.subscribe(&reader).await?;
        let mut seen = match after {
            Some(Cursor(position)) => position,
            None => store::event::head(&reader.db()).await.map_err(Fault::from)?,
        };
        let mut behind = after.is_some();
        loop {
            while behind {
                let events = store::event::after(&reader.db(), &filter, seen, REPLAY_LIMIT)
                    .await
                    .map_err(Fault::from)?;
                behind = !events.is_empty();
                for event in events {
                    seen = event.position;
                    yield Arc::new(event);
                }
            }
            match live.recv().await {
                Ok(event) => {
                    if event.position > seen {
                        seen = event.position;
                        if filter.matches(&event) {
                            yield event;
                        }
                    }
                }
                Err(RecvError::Lagged(_)) => behind = true,
                Err(RecvError::Closed) => Err(StreamError::Stopping)?,
            }
        }
    }
}
