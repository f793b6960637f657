//! One subscriber's events: first those of the log, then live ones, without a gap and without a repeat.

use std::{sync::Arc, time::Instant};

use async_stream::try_stream;
use entity::event::Model;
use futures_util::Stream;
use tokio::sync::broadcast::error::RecvError;

use super::{Cursor, Hub, Place};
use crate::{
    fault::Fault,
    store::{
        self, Reader,
        event::{Bounds, EventFilter},
    },
};

/// How many events are read from the log at once; so many wait for a subscriber that is being caught up.
const REPLAY_LIMIT: usize = 50;
/// How much of the log one statement looks through for events that pass a filter.
const REPLAY_WINDOW: i64 = 10_000;

/// Why a subscription ends.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The log cannot be read.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The server stops; the subscriber resumes elsewhere from its last cursor.
    #[error("the server is stopping")]
    Stopping,
    /// The log is not kept as far back as the subscriber's position.
    #[error("the log is not kept that far back")]
    Expired,
    /// The subscriber fell behind what happens, and did not catch up; it resumes here.
    #[error("the subscriber is too slow")]
    Slow(Cursor),
}

/// What a subscriber wants.
#[derive(Debug)]
pub struct Subscriber {
    /// Whose events.
    pub reader: Reader,
    /// Which of them.
    pub filter: EventFilter,
    /// Those after this position; those that commit from now on, if left out.
    pub after: Option<Cursor>,
    /// Where it is told how far it has come.
    pub place: Option<Arc<Place>>,
}

impl Subscriber {
    fn pass(&self, position: i64) {
        if let Some(place) = &self.place {
            place.pass(position);
        }
    }

    fn hand_out(&self, position: i64) {
        if let Some(place) = &self.place {
            place.hand_out(position);
        }
    }

    /// How far the log reaches. What was removed after a position was read is an error, never a gap: how far it was
    /// removed is looked up afterwards, and is said before anything is removed.
    async fn bounds(&self, seen: Option<i64>) -> Result<Bounds, StreamError> {
        let bounds = store::event::bounds(&self.reader.db()).await.map_err(Fault::from)?;
        if seen.is_some_and(|seen| seen < bounds.expired) { Err(StreamError::Expired) } else { Ok(bounds) }
    }
}

/// Every event after `after` that passes the filter, in commit order, once; without `after`, every event that commits
/// from now on.
///
/// Why there is neither gap nor repeat: listening begins before the log is read, and the log is read until nothing
/// more is there; so whatever is not in the log by then is heard live. What is heard live and was read already has a
/// position that is not after the last one seen, and is passed over. A subscriber that is too slow for the live feed
/// goes back to the log, which has everything; one that stays too slow for the time that the hub allows is sent away.
pub fn stream(
    hub: Hub,
    subscriber: Subscriber,
) -> impl Stream<Item = Result<Arc<Model>, StreamError>> + Send {
    try_stream! {
        let mut live = hub.subscribe(&subscriber.reader).await?;
        let mut bounds = subscriber.bounds(subscriber.after.map(|cursor| cursor.0)).await?;
        let mut seen = subscriber.after.map_or(bounds.head, |cursor| cursor.0);
        subscriber.pass(seen);
        // Since when a subscriber that was live has not been so. A long replay is not slow.
        let mut slow_since: Option<Instant> = None;
        loop {
            while seen < bounds.head {
                let end = bounds.head.min(seen.saturating_add(REPLAY_WINDOW));
                let db = subscriber.reader.db();
                let events = store::event::between(&db, &subscriber.filter, seen, end, REPLAY_LIMIT)
                    .await
                    .map_err(Fault::from)?;
                bounds = subscriber.bounds(Some(seen)).await?;
                let is_all = events.len() < REPLAY_LIMIT;
                for event in events {
                    seen = event.position;
                    subscriber.hand_out(seen);
                    yield Arc::new(event);
                    subscriber.pass(seen);
                }
                if is_all {
                    seen = end;
                    subscriber.pass(seen);
                }
                if seen < bounds.head && slow_since.is_some_and(|since| since.elapsed() > hub.patience()) {
                    Err(StreamError::Slow(Cursor(seen)))?;
                }
            }
            match live.recv().await {
                Ok(event) => {
                    slow_since = None;
                    if event.position > seen {
                        seen = event.position;
                        if subscriber.filter.matches(&event) {
                            subscriber.hand_out(seen);
                            yield event;
                        }
                        subscriber.pass(seen);
                    }
                }
                Err(RecvError::Lagged(_)) => {
                    bounds = subscriber.bounds(Some(seen)).await?;
                    slow_since.get_or_insert_with(Instant::now);
                }
                Err(RecvError::Closed) => Err(StreamError::Stopping)?,
            }
        }
    }
}
