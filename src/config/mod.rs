//! What the operator configures: read once, checked once, every problem named together.
//!
//! Flags win over the environment, the environment over the file, the file over the defaults. Nothing but this module
//! reads the environment, and nothing changes a [`Config`] once it is loaded.

mod access;
mod flags;
mod limits;
mod parse;
mod problem;
mod source;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    ffi::OsString,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use axum::http::HeaderValue;
use ipnet::IpNet;

pub use access::{AccessConfig, KeySource};
pub use flags::Flags;
pub use limits::{LimitFlags, Limits};
pub use problem::{Problem, Problems};

use crate::{secret::Secret, store};
use limits::Limit;
use source::{Setting, Sources};

/// Everything that can be configured. [`Config::default`] is a server without flags, environment and file; the values
/// below in parentheses are its own.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the server listens (127.0.0.1:8080): a loopback address, unless access is configured.
    pub listen: SocketAddr,
    /// Where plugins reach this service for answers that come later, without a slash at the end (the address that it
    /// listens on).
    pub public_url: Option<String>,
    /// The store (sqlite://waybill.db). Secret: it may carry a password.
    pub database_url: Secret<String>,
    /// Bounds the connections to PostgreSQL that write and those that read, or the readers of SQLite (8, or 4).
    pub database_connections: Option<u32>,
    /// Where the keys are that encrypt what the store holds.
    pub data_key_file: DataKeyFile,
    /// Whose callers are let in (everybody).
    pub access: AccessConfig,
    /// Networks that plugins and webhooks may reach although they are private (none).
    pub plugin_allow_net: Vec<IpNet>,
    /// Whether questions about the schema are answered (yes).
    pub introspection: bool,
    /// How many operations one request may hold (1, and that is not a list).
    pub batch_limit: usize,
    /// The only documents that are executed, by their ids (any document is executed).
    pub trusted_documents: Option<Arc<TrustedDocuments>>,
    /// Origins whose pages may use the server (none).
    pub cors_origins: Vec<HeaderValue>,
    /// Where metrics are served alone (with everything else, while no access is configured).
    pub metrics_listen: Option<SocketAddr>,
    /// Where a collector of traces takes OTLP over HTTP, without a slash at the end (no traces are recorded).
    pub otlp_endpoint: Option<String>,
    /// Which log lines are written: a level, or directives such as `info,waybill=debug` (info).
    pub log: String,
    /// How log lines are written (text).
    pub log_format: LogFormat,
    /// How much callers may ask for.
    pub limits: Limits,
    /// How long the answer to a request with an idempotency key is kept (24 h).
    pub idempotency_keep: Duration,
    /// How long events are kept (for ever).
    pub event_keep: Option<Duration>,
}

/// Documents by their ids.
pub type TrustedDocuments = HashMap<String, String>;

/// Where the data keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataKeyFile {
    /// A file that the operator named. It has to be there.
    Given(PathBuf),
    /// A file whose place follows from the store; it is made where nothing is encrypted yet.
    Own(PathBuf),
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            public_url: None,
            database_url: Secret::new("sqlite://waybill.db".to_owned()),
            database_connections: None,
            data_key_file: DataKeyFile::Own(PathBuf::from("waybill.db.data-key")),
            access: AccessConfig::default(),
            plugin_allow_net: Vec::new(),
            introspection: true,
            batch_limit: 1,
            trusted_documents: None,
            cors_origins: Vec::new(),
            metrics_listen: None,
            otlp_endpoint: None,
            log: "info".to_owned(),
            log_format: LogFormat::default(),
            limits: Limits::default(),
            idempotency_keep: Duration::from_hours(24),
            event_keep: None,
        }
    }
}

impl Config {
    /// Where plugins reach this service, without a slash at the end.
    pub fn public_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.listen))
    }

    /// Reads flags, the process's environment and the file that one of them names.
    pub fn load(flags: &Flags) -> Result<Self, Problems> {
        Self::load_from(flags, &|name| std::env::var_os(name))
    }

    /// The same with other defaults.
    pub fn load_over(flags: &Flags, defaults: Self) -> Result<Self, Problems> {
        Self::load_all(flags, &|name| std::env::var_os(name), defaults)
    }

    /// The same with another environment.
    fn load_from(flags: &Flags, environment: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, Problems> {
        Self::load_all(flags, environment, Self::default())
    }

    fn load_all(
        flags: &Flags,
        environment: &dyn Fn(&str) -> Option<OsString>,
        defaults: Self,
    ) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let sources = Sources::open(flags, environment, &mut problems);
        let mut config = defaults;
        sources.read(Setting::Listen, &mut config.listen, parse::address, &mut problems);
        sources.read(
            Setting::PublicUrl,
            &mut config.public_url,
            |text| parse::public_url(text).map(Some),
            &mut problems,
        );
        sources.read(Setting::DatabaseUrl, &mut config.database_url, parse::database_url, &mut problems);
        sources.read(
            Setting::DatabaseConnections,
            &mut config.database_connections,
            |text| parse::connections(text).map(Some),
            &mut problems,
        );
        let access = &mut config.access;
        sources.read(Setting::JwtSecretFile, &mut access.jwt_secret, access::jwt_secret_file, &mut problems);
        sources.read(Setting::Jwks, &mut access.jwks, access::jwks, &mut problems);
        let name = |text: &str| Ok(Some(text.to_owned()));
        sources.read(Setting::JwtAudience, &mut access.jwt_audience, name, &mut problems);
        sources.read(Setting::JwtIssuer, &mut access.jwt_issuer, name, &mut problems);
        sources.read(Setting::ApiKeys, &mut access.api_keys, parse::switch, &mut problems);
        sources.read_list(
            Setting::PluginAllowNet,
            &mut config.plugin_allow_net,
            parse::network,
            &mut problems,
        );
        sources.read(
            Setting::EventKeepDays,
            &mut config.event_keep,
            |text| parse::keep_days(text).map(Some),
            &mut problems,
        );
        sources.read(
            Setting::IdempotencyKeepHours,
            &mut config.idempotency_keep,
            parse::keep_hours,
            &mut problems,
        );
        sources.read(Setting::Introspection, &mut config.introspection, parse::switch, &mut problems);
        sources.read(Setting::BatchLimit, &mut config.batch_limit, parse::batch_limit, &mut problems);
        sources.read(
            Setting::TrustedDocuments,
            &mut config.trusted_documents,
            |text| parse::trusted_documents(text).map(Some),
            &mut problems,
        );
        sources.read_list(Setting::CorsOrigin, &mut config.cors_origins, parse::origin, &mut problems);
        sources.read(
            Setting::MetricsListen,
            &mut config.metrics_listen,
            |text| parse::address(text).map(Some),
            &mut problems,
        );
        sources.read(
            Setting::OtlpEndpoint,
            &mut config.otlp_endpoint,
            |text| parse::otlp_endpoint(text).map(Some),
            &mut problems,
        );
        sources.read(Setting::Log, &mut config.log, parse::log_filter, &mut problems);
        sources.read(Setting::LogFormat, &mut config.log_format, parse::log_format, &mut problems);
        for limit in Limit::ALL {
            let parse = |text: &str| limit.parse(text);
            sources.read(Setting::Limit(limit), limit.of(&mut config.limits), parse, &mut problems);
        }
        config.data_key_file = parse::own_key_file(config.database_url.expose());
        sources.read(Setting::DataKeyFile, &mut config.data_key_file, parse::data_key_file, &mut problems);
        if problems.is_empty() {
            problems.extend(config.contradictions(&sources));
        }
        Problems::none_of(problems).map(|()| config)
    }

    /// What is wrong with settings that are right by themselves.
    fn contradictions(&self, sources: &Sources<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let is_configured = self.access.is_configured();
        if !is_configured && !self.listen.ip().to_canonical().is_loopback() {
            let message = format!(
                "{} can be reached from other machines, but no access is configured: whoever reaches the server may \
                 do everything; configure access with --jwt-secret-file, --jwks or --api-keys, or listen on a loopback address \
                 such as 127.0.0.1:{}",
                self.listen,
                self.listen.port()
            );
            problems.push(Problem { place: sources.place(Setting::Listen), message });
        }
        let is_own = matches!(self.data_key_file, DataKeyFile::Own(_));
        if is_configured && is_own && store::sqlite_path(self.database_url.expose()).is_none() {
            let message = "with PostgreSQL and access configured, the data key has to be named: every process on the \
                           database needs the same one; make one with: (umask 077; head -c 32 /dev/urandom | base64 > \
                           FILE)";
            problems
                .push(Problem { place: sources.place(Setting::DataKeyFile), message: message.to_owned() });
        }
        problems
    }
}
