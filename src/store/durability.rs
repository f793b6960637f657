//! The settings of a session: what makes an acknowledged write survive a power cut, and a statement end with its client.
//!
//! SQLite keeps a write-ahead log and is told `synchronous=FULL`: each commit ends with an fsync of the log. PostgreSQL
//! does the same unless it was told otherwise. `synchronous_commit=off`, which a role or a database may have, is put
//! right for our own sessions; every other value waits for the disk of the server at least, and is left as it is. The
//! settings of the whole server can only be pointed out.

use sea_orm::sqlx::{self, Executor as _, PgConnection, PgPool};

const COMMIT_TO_DISK: &str = "SELECT set_config('synchronous_commit', 'on', false) \
    WHERE current_setting('synchronous_commit') = 'off'";
const UNSAFE_SETTINGS: &str = "SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off' ORDER BY name";

/// PostgreSQL looks every second whether the client of a statement under way is still there; from version 14 on, and where
/// its system can tell.
const CHECK_CLIENT: &str =
    "SELECT set_config(name, '1s', false) FROM pg_settings WHERE name = 'client_connection_check_interval'";

/// Makes the commits of a new session wait for the server's disk, and its statements end with their client.
pub(super) async fn prepare(session: &mut PgConnection) -> Result<(), sqlx::Error> {
    session.execute(COMMIT_TO_DISK).await?;
    if let Err(error) = session.execute(CHECK_CLIENT).await {
        tracing::debug!(%error, "statements of a client that has gone go on until they end");
    }
    Ok(())
}

/// Says in the log which settings of a server put acknowledged writes at risk.
pub(super) async fn warn_of_settings(pool: &PgPool) -> Result<(), sqlx::Error> {
    let settings: Vec<String> = sqlx::query_scalar(UNSAFE_SETTINGS).fetch_all(pool).await?;
    for setting in settings {
        tracing::warn!(
            "PostgreSQL runs with {setting}=off: a power cut may lose acknowledged writes, or damage the database; \
             turn it on unless nothing in it matters"
        );
    }
    Ok(())
}
