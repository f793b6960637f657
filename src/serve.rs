//! Puts the parts together, starts them in order and stops them in order.

use std::{io, panic::AssertUnwindSafe, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    access::{Access, Fetch, Trust},
    app::App,
    compute::Compute,
    config::{AccessConfig, Config, DataKeyFile, KeySource},
    events::{Hub, Wake},
    http::{self, Sockets},
    metrics::Metrics,
    outbound::{self, AddressRules},
    plugins::{PluginManager, Worker},
    seam::{Clock, Ids},
    secret::{Keyring, LoadError},
    store::{self, Database, Statistics, contact::Contacts},
    trace::{Post, Traces},
    usecase::{
        attribute::Indexer, idempotency::Cleaner, order::Together, plugin::ConditionReporter,
        retention::Retention,
    },
    webhooks,
};

/// How long requests in flight and open sockets may take to end once the server stops.
const REQUESTS_END_WITHIN: Duration = Duration::from_secs(20);
/// How long the background services may then take; what they leave undone is taken up by another process.
const SERVICES_END_WITHIN: Duration = Duration::from_secs(10);
/// How long the store's connections may then take to close.
const STORE_CLOSES_WITHIN: Duration = Duration::from_secs(5);
/// How long an issuer may take to give its keys.
const KEYS_COME_WITHIN: Duration = Duration::from_secs(5);
/// How long a collector of traces may take to take some.
const SPANS_GO_WITHIN: Duration = Duration::from_secs(10);
/// How long to wait before a service that panicked is started anew.
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// A background service: its name for the log, and how it is started.
type Service = (&'static str, fn(App, CancellationToken) -> BoxFuture<'static, ()>);

/// Everything that runs beside the requests.
const SERVICES: [Service; 10] = [
    ("wake-ups", |app, stop| app.wake.service(app.database.clone()).run(stop).boxed()),
    ("signing keys", |app, stop| async move { app.access.keep_fresh(stop).await }.boxed()),
    ("event tail", |app, stop| app.hub.tail(app.database.clone(), app.wake.clone()).run(stop).boxed()),
    ("plugin worker", |app, stop| Worker::new(app).run(stop).boxed()),
    ("condition reporter", |app, stop| ConditionReporter::new(app).run(stop).boxed()),
    ("webhooks", |app, stop| webhooks::Worker::new(app).run(stop).boxed()),
    ("event cleaner", |app, stop| Retention::new(app).run(stop).boxed()),
    ("indexer", |app, stop| Indexer::new(app).run(stop).boxed()),
    ("idempotency cleaner", |app, stop| Cleaner::new(app).run(stop).boxed()),
    ("statistics", |app, stop| Statistics::new(app.database).run(stop).boxed()),
];

/// Opens the store that is configured, brings its schema up to date and puts the program's parts together.
pub async fn open(config: Config) -> anyhow::Result<App> {
    let (clock, ids) = (Clock::system(), Ids::random());
    // Before the store, so that wherever there is a store there is its key.
    let keyring = open_keyring(&config, &ids)?;
    let url = config.database_url.expose();
    // These errors carry their cause in their text.
    let database =
        Database::open(url, config.database_connections).await.map_err(|error| anyhow!("{error}"))?;
    database.migrate().await.map_err(|error| anyhow!("{error}"))?;
    assemble(config, database, keyring, clock, ids)
}

/// Puts the program's parts together around an open store.
pub fn assemble(
    config: Config,
    database: Database,
    keyring: Keyring,
    clock: Clock,
    ids: Ids,
) -> anyhow::Result<App> {
    let rules = AddressRules { allowed: config.plugin_allow_net.clone() };
    let metrics = Arc::<Metrics>::default();
    let keyring = Arc::new(keyring);
    let contacts = Contacts::new(Arc::clone(&keyring), ids.clone());
    let access = Arc::new(open_access(&config.access, &database, &clock)?);
    let traces = open_traces(&config, &ids)?;
    let compute = Compute::default();
    Ok(App {
        hook: PluginManager::new(contacts.clone(), Arc::clone(&metrics), compute.clone()),
        compute,
        contacts,
        database,
        access,
        config: Arc::new(config),
        hub: Hub::default().timed(clock.clone(), metrics.event_lag()),
        metrics,
        traces,
        clock,
        ids,
        keyring,
        outbound: outbound::Client::new(rules)?,
        wake: Wake::default(),
        lifecycles: Arc::default(),
        definitions: Arc::default(),
        together: Together::default(),
    })
}

/// What tells who is calling.
fn open_access(config: &AccessConfig, database: &Database, clock: &Clock) -> anyhow::Result<Access> {
    if !config.is_configured() {
        return Ok(Access::open(clock.clone()));
    }
    let trust = Trust {
        secret: config.jwt_secret.clone(),
        keys: config.jwks.as_ref().map(fetch).transpose()?,
        audience: config.jwt_audience.clone(),
        issuer: config.jwt_issuer.clone(),
    };
    Ok(Access::closed(trust, database.clone(), clock.clone(), config.recheck_every))
}

/// What reads the key set that the operator named. It is the operator's address, so it may be anywhere.
fn fetch(source: &KeySource) -> anyhow::Result<Fetch> {
    match source {
        KeySource::File(path) => {
            let path = path.clone();
            let read = move || {
                let path = path.clone();
                async move { tokio::fs::read(path).await.map_err(|error| error.to_string()) }.boxed()
            };
            Ok(Arc::new(read))
        }
        KeySource::Url(url) => {
            let client = client_for_anywhere()?;
            let url = url.to_string();
            Ok(Arc::new(move || get_keys(client.clone(), url.clone()).boxed()))
        }
    }
}

async fn get_keys(client: outbound::Client, url: String) -> Result<Vec<u8>, String> {
    let request = outbound::Request {
        method: outbound::Method::Get,
        url,
        query: Vec::new(),
        headers: vec![("accept".to_owned(), "application/json".to_owned().into())],
        body: Vec::new(),
        timeout: KEYS_COME_WITHIN,
    };
    match client.send(request).await {
        Ok(response) if response.status == 200 => Ok(response.body),
        Ok(response) => Err(format!("the issuer answered with the status {}", response.status)),
        Err(error) => Err(error.to_string()),
    }
}

/// Calls addresses that the operator named.
fn client_for_anywhere() -> anyhow::Result<outbound::Client> {
    let everywhere = ["0.0.0.0/0".parse()?, "::/0".parse()?];
    Ok(outbound::Client::new(AddressRules { allowed: everywhere.into() })?)
}

/// Sends traces to the collector that the operator named, if they named one.
fn open_traces(config: &Config, ids: &Ids) -> anyhow::Result<Traces> {
    let Some(endpoint) = &config.otlp_endpoint else { return Ok(Traces::off(ids.clone())) };
    let client = client_for_anywhere()?;
    let post: Post =
        Arc::new(move |url, headers, body| post_spans(client.clone(), url, headers, body).boxed());
    let traces = Traces::exporting(ids.clone(), endpoint, post).context("cannot export traces")?;
    tracing::info!("traces go to {endpoint}");
    Ok(traces)
}

async fn post_spans(
    client: outbound::Client,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
) -> Result<(u16, Vec<u8>), String> {
    let headers = headers.into_iter().map(|(name, value)| (name, value.into())).collect();
    let method = outbound::Method::Post;
    let timeout = SPANS_GO_WITHIN;
    let request = outbound::Request { method, url, query: Vec::new(), headers, body, timeout };
    match client.send(request).await {
        Ok(response) | Err(outbound::SendError::TooLarge(response)) => Ok((response.status, response.body)),
        Err(error) => Err(error.to_string()),
    }
}

/// Loads the data keys; a file of our own is made where nothing can be encrypted yet.
fn open_keyring(config: &Config, ids: &Ids) -> anyhow::Result<Keyring> {
    let (path, may_create) = match &config.data_key_file {
        DataKeyFile::Given(path) => (path, false),
        DataKeyFile::Own(path) => (path, true),
    };
    let is_new = may_create && !path.exists();
    let sqlite_file = store::sqlite_path(config.database_url.expose());
    if let Some(file) = sqlite_file.as_ref().filter(|file| is_new && holds_something(file)) {
        bail!(
            "the data key file {} is missing, but the store {} is not new: put the key file back, or name its place \
             with --data-key-file; what it encrypted cannot be read without it",
            path.display(),
            file.display()
        );
    }
    let keyring = match Keyring::load_or_create(path, may_create, |bytes| ids.fill(bytes)) {
        Ok(keyring) => keyring,
        // This one has its cause in its text.
        Err(error @ LoadError::Invalid { .. }) => bail!("{error}"),
        Err(error) => {
            let remedy = "check that its folder exists and that this user may write there, or name another place \
                          with --data-key-file";
            return Err(anyhow!("{:#}; {remedy}", anyhow::Error::from(error)));
        }
    };
    if is_new && sqlite_file.is_none() {
        tracing::warn!(
            "made the data key file {}: every process on this database needs the same one, and what it encrypts is \
             lost without it; keep it safe, and name it with --data-key-file",
            path.display()
        );
    }
    tracing::debug!(path = %path.display(), keys = ?keyring.key_ids(), "loaded the data keys");
    Ok(keyring)
}

fn holds_something(file: &Path) -> bool {
    file.metadata().is_ok_and(|found| found.is_file() && found.len() > 0)
}

/// Takes the address that is configured, and says who is served there: the first line of the log.
pub async fn bind(config: &Config) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(config.listen).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => anyhow!(
            "the address {} is in use: stop what serves there, or choose another with --listen",
            config.listen
        ),
        _ => anyhow!("cannot listen on {}: {error}; choose another address with --listen", config.listen),
    })?;
    if config.access.is_configured() {
        tracing::info!(
            "access is configured: callers show a token or an API key; listening on {}",
            listener.local_addr()?
        );
        return Ok(listener);
    }
    tracing::warn!(
        "no access is configured: serving tenant \"default\" with every scope to whoever reaches {}, a loopback \
         address only",
        listener.local_addr()?
    );
    Ok(listener)
}

/// Serves until `shutdown`, and then stops: no new connections, requests in flight end, sockets are closed, services
/// end, the store is closed. Each of these may take its time, but not for ever.
pub async fn run(app: App, listener: TcpListener, shutdown: CancellationToken) -> anyhow::Result<()> {
    let (services, stop_services) = (TaskTracker::new(), CancellationToken::new());
    for service in SERVICES {
        services.spawn(keep_running(service, app.clone(), stop_services.clone()));
    }
    let address = listener.local_addr()?;
    let sockets = Sockets::new(shutdown.clone());
    let router = http::router_until(app.clone(), sockets.clone());
    let server = http::serve(listener, router, shutdown.clone());
    if let Some(address) = app.config.metrics_listen {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            anyhow!(
                "cannot serve metrics on {address}: {error}; choose another address with --metrics-listen"
            )
        })?;
        tracing::info!("metrics at http://{}/metrics", listener.local_addr()?);
        let router = http::metrics_router(app.clone(), sockets.clone());
        services.spawn(http::serve(listener, router, stop_services.clone()));
    }
    app.database.warn_of_settings().await;
    tracing::info!("GraphQL at http://{address}/graphql, GraphiQL at http://{address}/");

    let ended = async {
        server.await;
        sockets.ended().await;
    };
    let overdue = async {
        shutdown.cancelled().await;
        tracing::info!("stopping: nothing new is taken, requests in flight end, sockets are closed");
        tokio::time::sleep(REQUESTS_END_WITHIN).await;
    };
    tokio::select! {
        // The first one first, so that what happens is logged in order.
        biased;
        () = overdue => tracing::warn!("some requests or sockets did not end in time and are cut off"),
        () = ended => {}
    }

    services.close();
    stop_services.cancel();
    if timeout(SERVICES_END_WITHIN, services.wait()).await.is_err() {
        tracing::warn!(
            "background services did not end in time; what they were at is taken up after the next start"
        );
    }
    app.traces.stop().await;
    if timeout(STORE_CLOSES_WITHIN, app.database.close()).await.is_err() {
        tracing::warn!("the store's connections did not close in time");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Runs a service until it ends. One that panics, which is a defect, is started anew: without it the server would go
/// on, but deaf.
async fn keep_running((name, start): Service, app: App, stop: CancellationToken) {
    // A service keeps its state in the store, so that a panic leaves nothing half done behind.
    while AssertUnwindSafe(start(app.clone(), stop.clone())).catch_unwind().await.is_err() {
        tracing::error!(service = name, "a background service panicked; starting it anew");
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RESTART_AFTER) => {}
        }
    }
}

/// Cancelled by the first SIGTERM or Ctrl-C. The second one ends the process at once.
pub fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    tokio::spawn(async move {
        signals.next().await;
        stop.cancel();
        signals.next().await;
        tracing::warn!("told to stop again: ending at once");
        std::process::exit(1);
    });
    Ok(shutdown)
}

/// The signals that end a server.
#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The signals that end a server: where there is no SIGTERM, Ctrl-C.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
