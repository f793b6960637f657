//! `waybill serve`.

use crate::{config::Config, serve};

/// Serves until it is told to stop.
pub(super) async fn run(config: Config) -> anyhow::Result<()> {
    let shutdown = serve::stop_on_signal()?;
    // Before the store is touched: most often the port is taken because a server is running on it.
    let listener = serve::bind(&config).await?;
    // Port 0 is known by now.
    let config = Config { listen: listener.local_addr()?, ..config };
    let app = Box::pin(serve::open(config)).await?;
    serve::run(app, listener, shutdown).await
}
