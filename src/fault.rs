//! What no caller can act on.

use sea_orm::{DbErr, RuntimeErr, sqlx};

/// Something below failed; the caller hears only that it did, the log hears why.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The store did not do what it was asked.
    #[error("the store failed: {0}")]
    Store(#[source] DbErr),
    /// The store has no connection free, or cannot be reached; it may be better soon.
    #[error("the store is not available: {0}")]
    Unavailable(#[source] DbErr),
    /// What the store holds, or what the program computed, cannot be: a defect.
    #[error("{0}")]
    Broken(String),
}

impl Fault {
    /// A defect, in words for the log.
    pub fn broken(what: impl Into<String>) -> Self {
        Self::Broken(what.into())
    }
}

impl From<DbErr> for Fault {
    fn from(error: DbErr) -> Self {
        let unavailable = matches!(
            &error,
            DbErr::ConnectionAcquire(_) | DbErr::Conn(RuntimeErr::SqlxError(_))
        ) || matches!(&error, DbErr::Query(RuntimeErr::SqlxError(e)) | DbErr::Exec(RuntimeErr::SqlxError(e))
                if matches!(**e, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_)));
        if unavailable { Self::Unavailable(error) } else { Self::Store(error) }
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Broken(format!("a stored document cannot be read or written: {error}"))
    }
}
