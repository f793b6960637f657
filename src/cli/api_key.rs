//! `waybill api-key`: makes, lists and revokes keys, past the API, for operators.

use std::io::{self, Write as _};

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use clap::Subcommand;
use entity::{api_key, id::ApiKeyId};

use super::tenant::OfTenant;
use crate::{
    access::Caller,
    app::App,
    config::Config,
    serve, store,
    usecase::{self, Error, api_key::NewKey},
};

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Make a key, and print it: it is shown only now
    Create {
        #[command(flatten)]
        of: OfTenant,
        /// What it is called in the history
        #[arg(long, value_name = "NAME")]
        name: String,
        /// What its bearer may do: orders:read, orders:write, config:read, config:write, pii:read, admin; with commas
        #[arg(long, value_name = "SCOPES", value_delimiter = ',', required = true)]
        scopes: Vec<String>,
        /// How many days it is good for; for ever, if left out
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
        days: Option<u32>,
    },
    /// Print the tenant's keys, one a line: id, name, scopes, expiry, last use, revocation; with tabs between them
    List {
        #[command(flatten)]
        of: OfTenant,
    },
    /// Revoke a key; servers refuse it within seconds
    Revoke {
        #[command(flatten)]
        of: OfTenant,
        /// Its id, `key_…`
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// Does it on the store that is configured.
pub(super) async fn run(config: Config, action: Action) -> anyhow::Result<()> {
    let app = Box::pin(serve::open(config)).await?;
    let done = act(&app, action).await;
    app.database.close().await;
    writeln!(io::stdout(), "{}", done?).context("cannot write to standard output")
}

async fn act(app: &App, action: Action) -> anyhow::Result<String> {
    match action {
        Action::Create { of, name, scopes, days } => {
            let expires_at = days.map(|days| app.clock.now() + TimeDelta::days(days.into()));
            let new = NewKey { name, scopes, expires_at };
            let created = usecase::api_key::create(app, operator(of).grant()?, new).await.map_err(explain)?;
            Ok(created.text.into_exposed())
        }
        Action::List { of } => {
            let reader = app.reader(&operator(of));
            let keys = store::api_key::all(&reader.db()).await.map_err(|error| anyhow!("{error}"))?;
            Ok(keys.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
        Action::Revoke { of, id } => {
            let id = ApiKeyId::parse(&id).map_err(|error| anyhow!("{error}"))?;
            let id = usecase::api_key::revoke(app, operator(of).grant()?, id).await.map_err(explain)?;
            Ok(format!("revoked {id}"))
        }
    }
}

fn operator(of: OfTenant) -> Caller {
    Caller::system(of.tenant).named("operator")
}

fn line(key: &api_key::Model) -> String {
    let time = |time: Option<DateTime<Utc>>| {
        time.map_or_else(|| "-".to_owned(), |time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
    };
    [
        key.id.to_string(),
        key.name.clone(),
        key.scopes.clone(),
        time(key.expires_at),
        time(key.last_used_at),
        time(key.revoked_at),
    ]
    .join("\t")
}

fn explain(error: Error) -> anyhow::Error {
    match error {
        Error::Refused(problems) => {
            let lines = problems.as_slice().iter().map(|problem| problem.message.clone());
            anyhow!("{}", lines.collect::<Vec<_>>().join("; "))
        }
        Error::Fault(fault) => anyhow!("{fault}"),
    }
}
