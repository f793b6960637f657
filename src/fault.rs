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

    /// Whether the store refused what it was asked, rather than being out of reach: a transaction that failed so was
    /// certainly not committed.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Store(
                DbErr::Query(RuntimeErr::SqlxError(error)) | DbErr::Exec(RuntimeErr::SqlxError(error)),
            ) => matches!(**error, sqlx::Error::Database(_)),
            Self::Store(_) | Self::Unavailable(_) | Self::Broken(_) => false,
        }
    }

    /// The same fault for somebody else whom it befell.
    #[must_use]
    pub fn repeated(&self) -> Self {
        match self {
            Self::Store(error) => Self::Store(DbErr::Custom(error.to_string())),
            Self::Unavailable(error) => Self::Unavailable(DbErr::Custom(error.to_string())),
            Self::Broken(what) => Self::Broken(what.clone()),
        }
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
