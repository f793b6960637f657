//! One subscriber's events: first those of the log, then live ones, without a gap and without a repeat.

use std::{sync::Arc, time::Instant};

use async_stream::try_stream;
use futures_util::Stream;

use super::{About, Cursor, Hub, Place, Record, about::Subject, hub::Stopped, window::Next};
use crate::{
    fault::Fault,
    store::{self, Reader, event::EventFilter},
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
    /// About what.
    pub about: Option<About>,
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

    /// Whether an event that passes the filter is about what the subscriber wants.
    async fn wants(&self, record: &Record) -> Result<bool, StreamError> {
        let Some(about) = &self.about else { return Ok(true) };
        Ok(about.passes(&record.row, record.subject(&self.reader).await?)?)
    }

    /// Where it begins.
    async fn beginning(&self) -> Result<i64, StreamError> {
        match self.after {
            Some(cursor) => Ok(cursor.0),
            None => Ok(store::event::head(&self.reader.db()).await.map_err(Fault::from)?),
        }
    }

    /// Reads on in the log after a position and up to another. Gives the events that pass the filter, and how far it
    /// came.
    async fn read(&self, seen: i64, up_to: i64) -> Result<(Vec<Record>, i64), StreamError> {
        let db = self.reader.db();
        let end = up_to.min(seen.saturating_add(REPLAY_WINDOW));
        let events = store::event::between(&db, &self.filter, seen, end, REPLAY_LIMIT).await;
        let events = events.map_err(Fault::from)?;
        // What was removed is an error, never a gap: how far the log was removed is said before anything is, and is
        // looked up after it was read.
        let bounds = store::event::bounds(&db).await.map_err(Fault::from)?;
        if seen < bounds.expired {
            return Err(StreamError::Expired);
        }
        let is_all = events.len() < REPLAY_LIMIT;
        let reached = events.last().filter(|_| !is_all).map_or(end, |last| last.position);
        let records: Vec<_> = events.into_iter().map(Record::from).collect();
        if self.about.is_some() {
            Subject::load_all(&db, &records).await?;
        }
        Ok((records, reached))
    }
}

impl From<Stopped> for StreamError {
    fn from(_: Stopped) -> Self {
        Self::Stopping
    }
}

/// Every event after `after` that passes the filter, in commit order, once; without `after`, every event that commits
/// from now on.
///
/// Why there is neither gap nor repeat: the position of the last event that was seen decides alone what comes next. The
/// hub's window has what comes after it, without gaps, or says that it is in the log; and nothing that is in neither
/// has committed. Listening begins before the log is read, so that the window reaches back to what the log did not have
/// yet. A subscriber that is too slow for the window goes back to the log, which has everything; one that stays too slow
/// for the time that the hub allows is sent away.
pub fn stream(
    hub: Hub,
    subscriber: Subscriber,
) -> impl Stream<Item = Result<Arc<Record>, StreamError>> + Send {
    try_stream! {
        let mut feed = hub.subscribe(&subscriber.reader).await?;
        let mut seen = subscriber.beginning().await?;
        subscriber.pass(seen);
        // When it last was, if it ever was: a long replay is not slow.
        let mut live: Option<Instant> = None;
        loop {
            match feed.after(seen) {
                Next::Nothing => {
                    feed.grown().await?;
                    live = Some(Instant::now());
                }
                Next::Records(records) => {
                    for record in records {
                        seen = record.row.position;
                        if subscriber.filter.matches(&record.row) && subscriber.wants(&record).await? {
                            subscriber.hand_out(seen);
                            yield record;
                        }
                        subscriber.pass(seen);
                    }
                    live = Some(Instant::now());
                }
                Next::Log(head) => {
                    let (records, reached) = subscriber.read(seen, head).await?;
                    for record in records {
                        seen = record.row.position;
                        if subscriber.wants(&record).await? {
                            subscriber.hand_out(seen);
                            yield Arc::new(record);
                        }
                        subscriber.pass(seen);
                    }
                    seen = reached;
                    subscriber.pass(seen);
                    if seen < head && live.is_some_and(|live| live.elapsed() > hub.patience()) {
                        Err(StreamError::Slow(Cursor(seen)))?;
                    }
                }
            }
        }
    }
}
