//! What no caller can act on.

use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{self, error::DatabaseError, postgres::PgDatabaseError},
};

use crate::budget::Exhausted;

/// Something below failed; the caller hears only that it did, the log hears why.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The store did not do what it was asked.
    #[error("the store failed: {0}")]
    Store(#[source] DbErr),
    /// The store has no connection free, or cannot be reached, or too much waits already; it may be better soon.
    #[error("not available: {0}")]
    Unavailable(#[source] DbErr),
    /// The operation has used its budget up.
    #[error("an operation was given up: {0}")]
    Exhausted(Exhausted),
    /// What the store holds, or what the program computed, cannot be: a defect.
    #[error("{0}")]
    Broken(String),
}

impl Fault {
    /// A defect, in words for the log.
    pub fn broken(what: impl Into<String>) -> Self {
        Self::Broken(what.into())
    }

    /// Too much of the same waits already, in words for the log; it may be better soon.
    pub fn busy(what: &str) -> Self {
        Self::Unavailable(DbErr::Custom(what.to_owned()))
    }

    /// Whether the store refused what it was asked, rather than being out of reach: a transaction that failed so was
    /// certainly not committed.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Store(
                DbErr::Query(RuntimeErr::SqlxError(error)) | DbErr::Exec(RuntimeErr::SqlxError(error)),
            ) => matches!(**error, sqlx::Error::Database(_)),
            Self::Store(_) | Self::Unavailable(_) | Self::Exhausted(_) | Self::Broken(_) => false,
        }
    }

    /// Whether the same may go through later although nobody mends anything: the store is out of reach, busy or full.
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// The same fault for somebody else whom it befell.
    #[must_use]
    pub fn repeated(&self) -> Self {
        match self {
            Self::Store(error) => Self::Store(DbErr::Custom(error.to_string())),
            Self::Unavailable(error) => Self::Unavailable(DbErr::Custom(error.to_string())),
            Self::Exhausted(exhausted) => Self::Exhausted(*exhausted),
            Self::Broken(what) => Self::Broken(what.clone()),
        }
    }
}

impl From<DbErr> for Fault {
    fn from(error: DbErr) -> Self {
        if let DbErr::Query(RuntimeErr::SqlxError(source)) = &error
            && let sqlx::Error::AnyDriverError(source) = &**source
            && let Some(exhausted) = source.downcast_ref::<Exhausted>()
        {
            return Self::Exhausted(*exhausted);
        }
        match Condition::told_by(&error) {
            Condition::Well => Self::Store(error),
            Condition::Unavailable | Condition::TakesNoWrites => Self::Unavailable(error),
        }
    }
}

/// The condition of a store, as an error of its tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The store works, and refused what it was asked.
    Well,
    /// The store cannot be reached, is busy, or gave up what it was at; the same may go through later.
    Unavailable,
    /// The store cannot keep anything new: its disk is full or fails, or it is read-only for now.
    TakesNoWrites,
}

impl Condition {
    /// The condition that an error tells.
    pub fn told_by(error: &DbErr) -> Self {
        let error = match error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(RuntimeErr::SqlxError(_)) => return Self::Unavailable,
            DbErr::Query(RuntimeErr::SqlxError(error)) | DbErr::Exec(RuntimeErr::SqlxError(error)) => error,
            _ => return Self::Well,
        };
        match &**error {
            sqlx::Error::Database(error) => Self::told_by_code(&**error),
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable,
            _ => Self::Well,
        }
    }

    fn told_by_code(error: &dyn DatabaseError) -> Self {
        let code = error.code().unwrap_or_default();
        if error.as_error().is::<PgDatabaseError>() {
            Self::of_postgres(&code)
        } else {
            Self::of_sqlite(&code)
        }
    }

    /// The condition by SQLSTATE: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
    fn of_postgres(code: &str) -> Self {
        match code {
            // read_only_sql_transaction, as after a failover; disk_full; io_error.
            "25006" | "53100" | "58030" => Self::TakesNoWrites,
            // lock_not_available; idle_in_transaction_session_timeout, transaction_timeout.
            "55P03" | "25P03" | "25P04" => Self::Unavailable,
            // Connections, lost races, resources, operators.
            _ if ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class)) => Self::Unavailable,
            _ => Self::Well,
        }
    }

    /// The condition by the primary part of an extended result code: <https://sqlite.org/rescode.html>.
    fn of_sqlite(code: &str) -> Self {
        match code.parse::<u32>().map(|code| code & 0xff) {
            // READONLY, IOERR, FULL, CANTOPEN.
            Ok(8 | 10 | 13 | 14) => Self::TakesNoWrites,
            // BUSY, LOCKED, NOMEM, INTERRUPT, PROTOCOL.
            Ok(5 | 6 | 7 | 9 | 15) => Self::Unavailable,
            _ => Self::Well,
        }
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Broken(format!("a stored document cannot be read or written: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_of_postgres_tells_whether_the_same_may_go_through_later() {
        for (codes, expected) in [
            (&["25006", "53100", "58030"][..], Condition::TakesNoWrites),
            (
                &["08006", "40001", "40P01", "53300", "53200", "55P03", "57014", "57P01", "57P03", "25P03"],
                Condition::Unavailable,
            ),
            (&["23505", "23503", "22021", "42P01", "25P02", "XX000", ""], Condition::Well),
        ] {
            for code in codes {
                assert_eq!(Condition::of_postgres(code), expected, "{code}");
            }
        }
    }

    #[test]
    fn a_code_of_sqlite_tells_whether_the_same_may_go_through_later() {
        for (codes, expected) in [
            // Among them IOERR_WRITE, IOERR_FSYNC, IOERR_SHMSIZE, READONLY_DBMOVED and CANTOPEN_FULLPATH.
            (&["8", "10", "13", "14", "778", "1034", "4874", "1032", "782"][..], Condition::TakesNoWrites),
            (&["5", "6", "261", "517", "7", "9", "15"], Condition::Unavailable),
            (&["1", "11", "19", "1555", "2067", "20", "26", ""], Condition::Well),
        ] {
            for code in codes {
                assert_eq!(Condition::of_sqlite(code), expected, "{code}");
            }
        }
    }
}
