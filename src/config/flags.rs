//! The flags, as they were given: what they mean is for [`super::parse`] to say.

#![allow(rustdoc::bare_urls, reason = "they are shown by --help as they stand")]

use std::path::PathBuf;

use clap::Args;

use super::{limits::LimitFlags, source::Setting};

/// Flags that every command takes. Each can be set in the environment and in the file as well.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Settings")]
pub struct Flags {
    /// A TOML file with settings [env: WAYBILL_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Address and port to serve on; without access control, a loopback address only [env: WAYBILL_LISTEN] [default:
    /// 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub listen: Option<String>,

    /// Where plugins reach this service for answers that come later, such as https://orders.example.com
    /// [env: WAYBILL_PUBLIC_URL] [default: the address that it listens on]
    #[arg(long, global = true, value_name = "URL")]
    pub public_url: Option<String>,

    /// The store: sqlite://FILE or postgres://USER:PASSWORD@HOST/DATABASE [env: WAYBILL_DATABASE_URL] [default:
    /// sqlite://waybill.db]
    #[arg(long, global = true, value_name = "URL")]
    pub database_url: Option<String>,

    /// Most connections to PostgreSQL for writing and for reading each, or readers of SQLite [env: WAYBILL_DATABASE_CONNECTIONS] [default: 8, or 4]
    #[arg(long, global = true, value_name = "NUMBER")]
    pub database_connections: Option<String>,

    /// The keys that encrypt stored secrets and personal data: 32 bytes in base64 on a line, the first one encrypts
    /// [env: WAYBILL_DATA_KEY_FILE] [default: made at the first start, beside the SQLite file or as waybill.data-key]
    #[arg(long, global = true, value_name = "FILE")]
    pub data_key_file: Option<String>,

    /// A file with the secret of tokens that are signed by HS256, at least 32 bytes [env: WAYBILL_JWT_SECRET_FILE]
    #[arg(long, global = true, value_name = "FILE")]
    pub jwt_secret_file: Option<String>,

    /// The public keys of tokens that are signed by RS256, ES256 or EdDSA: a JSON Web Key Set [env: WAYBILL_JWKS]
    #[arg(long, global = true, value_name = "FILE|URL")]
    pub jwks: Option<String>,

    /// What a token must name as its audience [env: WAYBILL_JWT_AUDIENCE] [default: any]
    #[arg(long, global = true, value_name = "NAME")]
    pub jwt_audience: Option<String>,

    /// What a token must name as its issuer [env: WAYBILL_JWT_ISSUER] [default: any]
    #[arg(long, global = true, value_name = "NAME")]
    pub jwt_issuer: Option<String>,

    /// Whether access is by API keys alone, where no tokens are taken; where they are, API keys are taken as well
    /// [env: WAYBILL_API_KEYS] [default: off]
    #[arg(long, global = true, value_name = "on|off", num_args = 0..=1, require_equals = true, default_missing_value = "on")]
    pub api_keys: Option<String>,

    /// A private network that plugins and webhooks may call, such as 10.1.0.0/16; repeatable, or with commas
    /// [env: WAYBILL_PLUGIN_ALLOW_NET]
    #[arg(long, global = true, value_name = "CIDR")]
    pub plugin_allow_net: Vec<String>,

    /// How many days events are kept, at least 7; older cursors then no longer resume [env: WAYBILL_EVENT_KEEP_DAYS]
    /// [default: for ever]
    #[arg(long, global = true, value_name = "DAYS")]
    pub event_keep_days: Option<String>,

    /// How many hours the answer to a request with an idempotency key is kept, 24 to 168 [env:
    /// WAYBILL_IDEMPOTENCY_KEEP_HOURS] [default: 24]
    #[arg(long, global = true, value_name = "HOURS")]
    pub idempotency_keep_hours: Option<String>,

    /// Answer questions about the schema: on or off [env: WAYBILL_INTROSPECTION] [default: on]
    #[arg(long, global = true, value_name = "ON|OFF")]
    pub introspection: Option<String>,

    /// How many operations one request may hold, as a list [env: WAYBILL_BATCH_LIMIT] [default: 1, no lists]
    #[arg(long, global = true, value_name = "NUMBER")]
    pub batch_limit: Option<String>,

    /// Execute the documents of this JSON file only, an object of documents by their ids [env:
    /// WAYBILL_TRUSTED_DOCUMENTS]
    #[arg(long, global = true, value_name = "FILE")]
    pub trusted_documents: Option<String>,

    /// An origin whose pages may use the server, such as https://app.example.com; repeatable, or with commas
    /// [env: WAYBILL_CORS_ORIGIN]
    #[arg(long, global = true, value_name = "ORIGIN")]
    pub cors_origin: Vec<String>,

    /// Another address and port, to serve metrics on alone; without it they are at /metrics, while no access is configured
    /// [env: WAYBILL_METRICS_LISTEN]
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub metrics_listen: Option<String>,

    /// Where a collector of OpenTelemetry traces takes OTLP over HTTP, such as http://127.0.0.1:4318
    /// [env: WAYBILL_OTLP_ENDPOINT] [default: no traces are recorded]
    #[arg(long, global = true, value_name = "URL")]
    pub otlp_endpoint: Option<String>,

    /// What to log: error, warn, info, debug, trace, or directives such as info,waybill=debug [env: WAYBILL_LOG]
    /// [default: info]
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,

    /// How to log: text or json [env: WAYBILL_LOG_FORMAT] [default: text]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<String>,

    /// How much callers may ask for.
    #[command(flatten)]
    pub limits: LimitFlags,
}

impl Flags {
    /// What was given for a setting, if anything was.
    pub(super) fn given(&self, setting: Setting) -> Option<Vec<String>> {
        let one = |value: &Option<String>| value.clone().map(|value| vec![value]);
        let several = |values: &Vec<String>| Some(values.clone()).filter(|values| !values.is_empty());
        match setting {
            Setting::Listen => one(&self.listen),
            Setting::PublicUrl => one(&self.public_url),
            Setting::DatabaseUrl => one(&self.database_url),
            Setting::DatabaseConnections => one(&self.database_connections),
            Setting::DataKeyFile => one(&self.data_key_file),
            Setting::JwtSecretFile => one(&self.jwt_secret_file),
            Setting::Jwks => one(&self.jwks),
            Setting::JwtAudience => one(&self.jwt_audience),
            Setting::JwtIssuer => one(&self.jwt_issuer),
            Setting::ApiKeys => one(&self.api_keys),
            Setting::PluginAllowNet => several(&self.plugin_allow_net),
            Setting::EventKeepDays => one(&self.event_keep_days),
            Setting::IdempotencyKeepHours => one(&self.idempotency_keep_hours),
            Setting::Introspection => one(&self.introspection),
            Setting::BatchLimit => one(&self.batch_limit),
            Setting::TrustedDocuments => one(&self.trusted_documents),
            Setting::CorsOrigin => several(&self.cors_origin),
            Setting::MetricsListen => one(&self.metrics_listen),
            Setting::OtlpEndpoint => one(&self.otlp_endpoint),
            Setting::Log => one(&self.log),
            Setting::LogFormat => one(&self.log_format),
            Setting::Limit(limit) => self.limits.given(limit).map(|value| vec![value.to_owned()]),
        }
    }
}
