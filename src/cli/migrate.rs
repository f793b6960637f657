//! `waybill migrate`.

use crate::{config::Config, serve};

/// Opens the store, which brings its schema up to date, and closes it again.
pub(super) async fn run(config: Config) -> anyhow::Result<()> {
    let app = Box::pin(serve::open(config)).await?;
    app.database.close().await;
    tracing::info!("the schema is up to date");
    Ok(())
}
