//! `waybill reencrypt`: seals everything with the first data key, while servers run.

use std::io::{self, Write as _};

use anyhow::{Context as _, anyhow};

use crate::{
    access::Caller,
    app::App,
    config::Config,
    serve, store,
    usecase::{Error, reencrypt},
};

/// How often the progress is told, in orders.
const TOLD_EVERY: usize = 10_000;

/// Goes through everything that is sealed.
pub(super) async fn run(config: Config) -> anyhow::Result<()> {
    let app = Box::pin(serve::open(config)).await?;
    let done = all(&app).await;
    app.database.close().await;
    let (orders, sealed) = done?;
    writeln!(io::stdout(), "{orders} orders gone through, {sealed} texts sealed with the first key")
        .context("cannot write to standard output")
}

async fn all(app: &App) -> anyhow::Result<(usize, usize)> {
    let (mut orders, mut sealed) = (0, 0);
    let tenants = store::queue::tenants_with_secrets(&app.database).await;
    for tenant in tenants.map_err(|error| anyhow!("{error}"))? {
        let caller = Caller::system(tenant);
        sealed += reencrypt::secrets(app, &caller).await.map_err(explain)?;
        let mut after = None;
        loop {
            let step = reencrypt::orders(app, &caller, after).await.map_err(explain)?;
            if step.last.is_none() {
                break;
            }
            after = step.last;
            if (orders + step.orders) / TOLD_EVERY > orders / TOLD_EVERY {
                tracing::info!(orders = orders + step.orders, sealed, "going through the orders");
            }
            orders += step.orders;
            sealed += step.sealed;
        }
    }
    Ok((orders, sealed))
}

fn explain(error: Error) -> anyhow::Error {
    match error {
        Error::Refused(_) => anyhow!("refused"),
        Error::Fault(fault) => anyhow!("{fault}"),
    }
}
