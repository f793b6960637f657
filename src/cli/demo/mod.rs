//! `waybill demo`: a server with plugins and a stream of made-up orders, so that a newcomer sees a living system.
//!
//! Whatever happens, happens through the API: the demo is a client like any other, inside of the process.

mod attributes;
mod choice;
mod client;
mod orders;
mod plugins;
mod simulation;

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use anyhow::Context as _;
use ipnet::IpNet;
use tokio_util::sync::CancellationToken;

pub use plugins::Plugins;
pub use simulation::{Simulation, Tick};

use crate::{
    config::{Config, Flags, Problems},
    seam::Ids,
    secret::Secret,
    serve,
};

/// The name of the demo's database in its folder.
const DATABASE_FILE: &str = "demo.db";
/// What the name of its folder begins with.
const FOLDER_PREFIX: &str = "waybill-demo-";

/// What to paste first.
const SUBSCRIPTION: &str = "subscription {
    orderStatusChanged {
      fromStatus toStatus reasonCode
      order { clientName clientOrderId statusExplanation }
    }
  }";

/// Loads the configuration of a server whose database, if none is configured, is a new file in a temporary folder; and
/// says where that folder is to be.
pub(super) fn configure(flags: &Flags) -> Result<(Config, Option<PathBuf>), Problems> {
    let folder = std::env::temp_dir().join(format!("{FOLDER_PREFIX}{}", Ids::random().uuid().simple()));
    let url = format!("sqlite://{}", folder.join(DATABASE_FILE).display());
    let defaults = Config { database_url: Secret::new(url.clone()), ..Config::default() };
    let mut config = Config::load_over(flags, defaults)?;
    config.plugin_allow_net.push(IpNet::from(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    let is_own = *config.database_url.expose() == url;
    Ok((config, is_own.then_some(folder)))
}

/// Serves, and simulates until it is told to stop.
pub(super) async fn run(config: Config, folder: Option<PathBuf>) -> anyhow::Result<()> {
    let shutdown = serve::stop_on_signal()?;
    let listener = serve::bind(&config).await?;
    let address = listener.local_addr()?;
    let folder = folder.map(OwnFolder::make).transpose()?;
    let database = folder.as_ref().map_or_else(
        || "the one that is configured".to_owned(),
        |folder| format!("{} (removed when the demo ends)", folder.0.join(DATABASE_FILE).display()),
    );
    // Port 0 is known by now.
    let config = Config { listen: listener.local_addr()?, ..config };
    let app = Box::pin(serve::open(config)).await?;
    let plugins = Plugins::start(&app).await?;
    let jitter = app.ids.clone();
    let mut simulation = Simulation::new(app.clone(), Box::new(move || jitter.jitter())).await?;
    greet(address, &database, &plugins);

    let stop_serving = CancellationToken::new();
    let server = serve::run(app, listener, stop_serving.clone());
    tokio::pin!(server);
    tokio::select! {
        outcome = &mut server => return outcome,
        () = simulation.run(&shutdown) => {}
    }
    // Only now, so that the simulation finds the database open to its last step, and plugins answer to theirs.
    stop_serving.cancel();
    server.await?;
    plugins.stop();
    Ok(())
}

fn greet(address: SocketAddr, database: &str, plugins: &Plugins) {
    let text = format!(
        "\nA Waybill to look at: orders come in, plugins check them, their work is done, or is not. All made up.\n\n  \
         GraphiQL  http://{address}/\n  \
         GraphQL   http://{address}/graphql\n  \
         database  {database}\n  \
         plugins   {}\n\n\
         Paste this into GraphiQL, or fire events on the orders yourself:\n\n  {SUBSCRIPTION}\n\n\
         Ctrl-C stops everything.\n",
        plugins.urls().join("\n            ")
    );
    // Where standard output is closed, the log has the address too.
    let _ = io::Write::write_all(&mut io::stdout(), text.as_bytes());
}

/// The folder that is made for the demo's database, and removed in the end.
struct OwnFolder(PathBuf);

impl OwnFolder {
    fn make(folder: PathBuf) -> anyhow::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder).with_context(|| {
            format!("cannot make the folder {}; name a database with --database-url", folder.display())
        })?;
        Ok(Self(folder))
    }
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!("cannot remove {}: {error}", self.0.display());
        }
    }
}
