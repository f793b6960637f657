//! Makes a repetition harmless: the first use of a key runs and its answer is kept, the same key with the same input
//! gets that answer again, with another input it is refused. Refusals are not kept.

use std::{collections::HashMap, time::Duration};

use entity::{id::EventId, idempotency_key};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Error, work::UnitOfWork};
use crate::{
    app::App,
    domain::problem::{Code, Path, Problem},
    events::Cursor,
    fault::Fault,
    store::{self, TenantDb},
};

/// A key that a caller set, and what it set it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The key.
    pub key: String,
    /// The mutation.
    pub operation: &'static str,
    /// SHA-256 of the mutation's input.
    pub input_hash: [u8; 32],
}

/// The kept answer to an earlier request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What the request was about.
    pub entity_id: Uuid,
    /// Its cursor.
    pub cursor: Cursor,
}

impl Key {
    /// What is to be kept under this key.
    pub(super) fn answer(
        &self,
        work: &UnitOfWork<'_>,
        entity_id: Uuid,
        last_event: Option<EventId>,
    ) -> idempotency_key::Model {
        idempotency_key::Model {
            tenant_id: work.caller.tenant.to_string(),
            key: self.key.clone(),
            operation: self.operation.to_owned(),
            input_hash: self.input_hash.to_vec(),
            entity_id,
            event_id: last_event,
            created_at: work.now,
        }
    }

    /// The answer that is kept under this key to this request, if one is. Definitions of attributes may be narrower now
    /// than they were then: what was answered once is answered so again.
    pub(super) async fn kept(&self, db: &TenantDb<'_>) -> Result<Option<Answer>, Fault> {
        let kept = Kept::load(db, std::slice::from_ref(&self.key)).await?;
        Ok(kept.answer(self, &Path::root()).unwrap_or_default())
    }

    /// The answer that is kept under this key, if one is; refused if it was to another request.
    pub(super) async fn look_up(&self, db: &TenantDb<'_>, path: &Path) -> Result<Option<Answer>, Error> {
        let kept = Kept::load(db, std::slice::from_ref(&self.key)).await?;
        Ok(kept.answer(self, path)?)
    }
}

/// The answers that are kept under some keys.
#[derive(Debug)]
pub(super) struct Kept {
    answers: HashMap<String, idempotency_key::Model>,
    positions: HashMap<EventId, i64>,
}

impl Kept {
    /// Loads what is kept under those keys.
    pub(super) async fn load(db: &TenantDb<'_>, keys: &[String]) -> Result<Self, Fault> {
        let answers = store::idempotency::by_keys(db, keys).await?;
        let events: Vec<_> = answers.iter().filter_map(|answer| answer.event_id).collect();
        let events = if events.is_empty() { Vec::new() } else { store::event::by_ids(db, &events).await? };
        Ok(Self {
            answers: answers.into_iter().map(|answer| (answer.key.clone(), answer)).collect(),
            positions: events.into_iter().map(|event| (event.id, event.position)).collect(),
        })
    }

    /// The answer to a request with this key, if one is kept; refused if it was to another request.
    pub(super) fn answer(&self, key: &Key, path: &Path) -> Result<Option<Answer>, Problem> {
        let Some(kept) = self.answers.get(&key.key) else { return Ok(None) };
        if kept.operation != key.operation || kept.input_hash != key.input_hash {
            return Err(mismatch(path));
        }
        // Without its event, whoever resumes from the answer begins at the beginning, and misses nothing.
        let position = kept.event_id.and_then(|id| self.positions.get(&id)).copied().unwrap_or(0);
        Ok(Some(Answer { entity_id: kept.entity_id, cursor: Cursor(position) }))
    }
}

/// The refusal of a key for another request than its first.
pub(super) fn mismatch(path: &Path) -> Problem {
    Problem::new(
        Code::IdempotencyMismatch,
        &path.field("idempotencyKey"),
        "this idempotency key was used with another input: use a new key for a new request, and the same input to \
         repeat one",
    )
}

/// What cannot be: a key was taken and is not there.
pub(super) fn vanished() -> Fault {
    Fault::broken("an idempotency key was taken by another transaction, but is not there")
}

/// How often answers that are too old are looked for.
const CLEAN_EVERY: Duration = Duration::from_mins(10);
/// How many of them one statement removes, so that no writer waits long.
const AT_ONCE: u64 = 1_000;

/// Forgets answers once they have been kept for the configured time.
#[derive(Clone, Debug)]
pub struct Cleaner {
    app: App,
}

impl Cleaner {
    /// The cleaner of a process.
    pub const fn new(app: App) -> Self {
        Self { app }
    }

    /// Works until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            tokio::select! {
                () = shutdown.cancelled() => return,
                result = self.clean() => if let Err(error) = result {
                    tracing::warn!(%error, "old idempotency keys could not be removed; trying again later");
                },
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(CLEAN_EVERY) => {}
            }
        }
    }

    /// Forgets what has been kept for long enough now, of every tenant, and gives how many answers that were.
    pub async fn clean(&self) -> Result<u64, Fault> {
        let keep_for = chrono::Duration::from_std(self.app.config.idempotency_keep);
        let before = self.app.clock.now().checked_sub_signed(keep_for.unwrap_or(chrono::Duration::MAX));
        let Some(before) = before else { return Ok(0) };
        let mut total = 0;
        loop {
            let forgotten = store::queue::forget_answers(&self.app.database, before, AT_ONCE).await?;
            total += forgotten;
            if forgotten < AT_ONCE {
                return Ok(total);
            }
        }
    }
}
