//! `waybill import`: orders from a file or from standard input, in bulk and through the API, so that there is one
//! definition of what an order is.
//!
//! Input is read, split and parsed on a thread of its own, one batch ahead of the batch that the store is writing; no
//! more than these is ever held, however long the input.

mod batch;
mod input;
mod item;
mod report;
mod split;

use std::{path::PathBuf, time::Duration};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    events::Wake,
    serve,
    store::{Database, Tenant},
};
use batch::Importer;
use input::{Input, Read};
use item::{Place, Problem};
use report::Report;

/// How long the last wake-up of other processes may take; they look by themselves once a second.
const WAKE_UPS_END_WITHIN: Duration = Duration::from_millis(200);

/// Imports `file`, or standard input for `-`, as orders of `tenant`. Says whether every order is there now; what is wrong
/// was reported.
pub(super) async fn run(config: Config, tenant: Tenant, file: PathBuf) -> anyhow::Result<bool> {
    let shutdown = serve::stop_on_signal()?;
    // Before the store, so that a mistyped name makes no database.
    let input = Input::open(&file)?;
    let app = Box::pin(serve::open(config)).await?;
    let mut report = Report::new(input.length(), app.config.idempotency_keep);
    let importer = Importer::new(app.clone(), tenant);
    let end = with_wake_ups(&app.wake, &app.database, import(input, &importer, &mut report, &shutdown)).await;
    app.database.close().await;
    Ok(report.finish(&end))
}

/// How an import ended.
#[derive(Debug)]
enum End {
    /// With the end of the input.
    Whole,
    /// Before it, because it was told to; `after` is what was read last.
    Interrupted { after: Option<Place> },
    /// Before it, because it cannot be read further.
    Broken(String),
    /// Before it, because orders could not be written.
    Failed(String),
}

async fn import(input: Input, importer: &Importer, report: &mut Report, shutdown: &CancellationToken) -> End {
    let mut batches = input.read();
    let mut after = None;
    loop {
        let read = tokio::select! {
            biased;
            () = shutdown.cancelled() => return End::Interrupted { after },
            read = batches.recv() => read,
        };
        let batch = match read {
            Some(Read::Batch(batch)) => batch,
            Some(Read::End) => return End::Whole,
            Some(Read::Broken(message)) => return End::Broken(message),
            None => return End::Broken("the input could not be read to its end".to_owned()),
        };
        let (first, last, position) = (batch.first(), batch.last(), batch.position);
        match Box::pin(importer.import(batch, shutdown)).await {
            Ok(outcome) => report.add(&outcome, position),
            Err(message) => {
                let place = first.zip(last).map(|(first, last)| format!("{first} to {last}: "));
                return End::Failed(format!("{}{message}", place.unwrap_or_default()));
            }
        }
        after = last.or(after);
    }
}

/// Does something while processes on the same PostgreSQL are woken for what it commits.
async fn with_wake_ups<T>(wake: &Wake, database: &Database, work: impl Future<Output = T>) -> T {
    let service = wake.service(database.clone()).run(CancellationToken::new());
    tokio::pin!(service, work);
    let mut serving = true;
    let outcome = loop {
        tokio::select! {
            outcome = &mut work => break outcome,
            // Where there is nobody to wake, it ends at once.
            () = &mut service, if serving => serving = false,
        }
    };
    if serving {
        let _ = timeout(WAKE_UPS_END_WITHIN, service).await;
    }
    outcome
}
