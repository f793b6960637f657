//! Whether the store takes writes.
//!
//! A store can answer every question and yet keep nothing: its disk is full or broken, or it became read-only. The first
//! write that fails for such a reason is said in the log and makes the process not ready; from then on a write of the
//! process's own is tried once a second, until one is kept.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sea_orm::{ConnAcquireErr, ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr};
use tokio::runtime::Handle;

use super::{database::Statements, transaction::Transaction};
use crate::fault::Condition;

/// How often a write is tried while none is kept.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// Whether the store takes writes, as far as this process knows; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Writes {
    writer: DatabaseConnection,
    are_failing: Arc<AtomicBool>,
}

impl Writes {
    /// What is known of a store that was just opened: nothing that speaks against it.
    pub(super) fn new(writer: DatabaseConnection) -> Self {
        Self { writer, are_failing: Arc::default() }
    }

    /// Whether no write was kept since one failed.
    pub(super) fn are_failing(&self) -> bool {
        self.are_failing.load(Ordering::Relaxed)
    }

    /// Notes why a part of a transaction failed. Where that shows that the store takes no writes, they are tried until it
    /// does.
    pub(super) fn note(&self, error: &DbErr) {
        let tells = Condition::told_by(error) == Condition::TakesNoWrites;
        if !tells || self.are_failing.swap(true, Ordering::Relaxed) {
            return;
        }
        tracing::error!(%error, "the database takes no writes; trying again until it does");
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(self.clone().recover());
        }
    }

    /// Tries writes until one is kept, or the store is closed.
    async fn recover(self) {
        loop {
            tokio::time::sleep(TRY_EVERY).await;
            match self.probe().await {
                Ok(()) => break,
                Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)) => return,
                Err(error) => tracing::debug!(%error, "the database takes no writes yet"),
            }
        }
        self.are_failing.store(false, Ordering::Relaxed);
        tracing::info!("the database takes writes again");
    }

    /// Commits a write that needs about as much room as one of a caller.
    async fn probe(&self) -> Result<(), DbErr> {
        // It changes each time: SQLite writes no page that stays as it is.
        let filler = match self.writer.get_database_backend() {
            DbBackend::Postgres => {
                "SELECT 1, string_agg(md5(random()::text), '') FROM generate_series(1, 2048)"
            }
            _ => "VALUES (1, hex(randomblob(32768)))",
        };
        let statement = format!(
            "INSERT INTO write_probe (id, filler) {filler} ON CONFLICT (id) DO UPDATE SET filler = excluded.filler"
        );
        let tx = Transaction::begin(&self.writer, &Statements::default(), self).await?;
        tx.execute_unprepared(&statement).await?;
        tx.commit().await
    }
}
