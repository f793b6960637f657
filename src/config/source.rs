//! Where settings come from, and which place wins.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use super::{Flags, Problem, limits::Limit};

/// The variable that names the file.
const FILE_VARIABLE: &str = "WAYBILL_CONFIG";

/// A setting. Its flag, its variable and its key in the file follow from one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    Listen,
    PublicUrl,
    DatabaseUrl,
    DatabaseConnections,
    DataKeyFile,
    JwtSecretFile,
    Jwks,
    JwtAudience,
    JwtIssuer,
    ApiKeys,
    PluginAllowNet,
    EventKeepDays,
    IdempotencyKeepHours,
    Introspection,
    BatchLimit,
    TrustedDocuments,
    CorsOrigin,
    MetricsListen,
    OtlpEndpoint,
    Log,
    LogFormat,
    Limit(Limit),
}

impl Setting {
    pub(super) const ALL: [Self; 40] = [
        Self::Listen,
        Self::PublicUrl,
        Self::DatabaseUrl,
        Self::DatabaseConnections,
        Self::DataKeyFile,
        Self::JwtSecretFile,
        Self::Jwks,
        Self::JwtAudience,
        Self::JwtIssuer,
        Self::ApiKeys,
        Self::PluginAllowNet,
        Self::EventKeepDays,
        Self::IdempotencyKeepHours,
        Self::Introspection,
        Self::BatchLimit,
        Self::TrustedDocuments,
        Self::CorsOrigin,
        Self::MetricsListen,
        Self::OtlpEndpoint,
        Self::Log,
        Self::LogFormat,
        Self::Limit(Limit::Depth),
        Self::Limit(Limit::Complexity),
        Self::Limit(Limit::Values),
        Self::Limit(Limit::AnswerBytes),
        Self::Limit(Limit::Rows),
        Self::Limit(Limit::StoreSeconds),
        Self::Limit(Limit::ProcessorMillis),
        Self::Limit(Limit::Aliases),
        Self::Limit(Limit::Directives),
        Self::Limit(Limit::RootFields),
        Self::Limit(Limit::Tokens),
        Self::Limit(Limit::DocumentBytes),
        Self::Limit(Limit::BodyBytes),
        Self::Limit(Limit::List),
        Self::Limit(Limit::VariableValues),
        Self::Limit(Limit::Seconds),
        Self::Limit(Limit::Sockets),
        Self::Limit(Limit::Rate),
        Self::Limit(Limit::TenantRate),
    ];

    /// Its key in the file.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Listen => "listen",
            Self::PublicUrl => "public_url",
            Self::DatabaseUrl => "database_url",
            Self::DatabaseConnections => "database_connections",
            Self::DataKeyFile => "data_key_file",
            Self::JwtSecretFile => "jwt_secret_file",
            Self::Jwks => "jwks",
            Self::JwtAudience => "jwt_audience",
            Self::JwtIssuer => "jwt_issuer",
            Self::ApiKeys => "api_keys",
            Self::PluginAllowNet => "plugin_allow_net",
            Self::EventKeepDays => "event_keep_days",
            Self::IdempotencyKeepHours => "idempotency_keep_hours",
            Self::Introspection => "introspection",
            Self::BatchLimit => "batch_limit",
            Self::TrustedDocuments => "trusted_documents",
            Self::CorsOrigin => "cors_origin",
            Self::MetricsListen => "metrics_listen",
            Self::OtlpEndpoint => "otlp_endpoint",
            Self::Log => "log",
            Self::LogFormat => "log_format",
            Self::Limit(limit) => limit.key(),
        }
    }

    /// Its environment variable.
    pub(super) fn variable(self) -> String {
        format!("WAYBILL_{}", self.key().to_ascii_uppercase())
    }

    /// Its flag.
    pub(super) fn flag(self) -> String {
        format!("--{}", self.key().replace('_', "-"))
    }
}

/// Where a value was found.
#[derive(Clone, Copy, Debug)]
enum Place<'a> {
    Flag(Setting),
    Variable(Setting),
    File(Setting, &'a Path),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(setting) => write!(formatter, "{}", setting.flag()),
            Self::Variable(setting) => write!(formatter, "{}", setting.variable()),
            Self::File(setting, path) => write!(formatter, "{} in {}", setting.key(), path.display()),
        }
    }
}

/// A value as it was found: one text, or several.
struct Found<'a> {
    place: Place<'a>,
    texts: Result<Vec<String>, String>,
}

/// All places that settings come from.
pub(super) struct Sources<'a> {
    flags: &'a Flags,
    environment: &'a dyn Fn(&str) -> Option<OsString>,
    file: Option<(PathBuf, toml::Table)>,
}

impl<'a> Sources<'a> {
    /// Opens the file, if one is named, and looks through its keys.
    pub(super) fn open(
        flags: &'a Flags,
        environment: &'a dyn Fn(&str) -> Option<OsString>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let named_by = |place: &str, path: PathBuf| (place.to_owned(), path);
        let named = flags.config.clone().map(|path| named_by("--config", path)).or_else(|| {
            let path = environment(FILE_VARIABLE).filter(|path| !path.is_empty())?;
            Some(named_by(FILE_VARIABLE, PathBuf::from(path)))
        });
        let file = named.and_then(|(place, path)| match read_file(&path) {
            Ok(table) => {
                problems.extend(unknown_keys(&table, &path));
                Some((path, table))
            }
            Err(message) => {
                problems.push(Problem { place, message });
                None
            }
        });
        Self { flags, environment, file }
    }

    /// Puts what was found for a setting into `target`.
    pub(super) fn read<T>(
        &self,
        setting: Setting,
        target: &mut T,
        parse: impl Fn(&str) -> Result<T, String>,
        problems: &mut Vec<Problem>,
    ) {
        let one = |texts: &[String]| match texts {
            [text] => parse(text),
            _ => Err("this is a list; give one value".to_owned()),
        };
        self.read_with(setting, target, one, problems);
    }

    /// Puts what was found for a setting that takes several values into `target`: each text may hold several, with
    /// commas between them.
    pub(super) fn read_list<T>(
        &self,
        setting: Setting,
        target: &mut Vec<T>,
        parse: impl Fn(&str) -> Result<T, String>,
        problems: &mut Vec<Problem>,
    ) {
        let all = |texts: &[String]| {
            let parts = texts.iter().flat_map(|text| text.split(',')).map(str::trim);
            let (values, wrong): (Vec<_>, Vec<_>) =
                parts.filter(|part| !part.is_empty()).map(&parse).partition(Result::is_ok);
            if wrong.is_empty() {
                Ok(values.into_iter().flatten().collect())
            } else {
                Err(wrong.into_iter().filter_map(Result::err).collect::<Vec<_>>().join("; "))
            }
        };
        self.read_with(setting, target, all, problems);
    }

    fn read_with<T>(
        &self,
        setting: Setting,
        target: &mut T,
        parse: impl Fn(&[String]) -> Result<T, String>,
        problems: &mut Vec<Problem>,
    ) {
        let Some(found) = self.find(setting) else { return };
        match found.texts.and_then(|texts| parse(&texts)) {
            Ok(value) => *target = value,
            Err(message) => problems.push(Problem { place: found.place.to_string(), message }),
        }
    }

    /// Where a setting was made; its flag, if nowhere.
    pub(super) fn place(&self, setting: Setting) -> String {
        self.find(setting).map_or_else(|| setting.flag(), |found| found.place.to_string())
    }

    /// The value that wins. An empty variable is taken for one that is not set.
    fn find(&self, setting: Setting) -> Option<Found<'_>> {
        if let Some(texts) = self.flags.given(setting) {
            return Some(Found { place: Place::Flag(setting), texts: Ok(texts) });
        }
        if let Some(value) = (self.environment)(&setting.variable()).filter(|value| !value.is_empty()) {
            let texts = value.into_string().map(|text| vec![text]);
            let texts = texts.map_err(|_| "the value is not valid Unicode".to_owned());
            return Some(Found { place: Place::Variable(setting), texts });
        }
        let (path, table) = self.file.as_ref()?;
        let value = table.get(setting.key())?;
        Some(Found { place: Place::File(setting, path), texts: texts_of(value) })
    }
}

fn read_file(path: &Path) -> Result<toml::Table, String> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        format!("cannot read {}: {error}; check its place and permissions", path.display())
    })?;
    text.parse::<toml::Table>().map_err(|error| {
        // Without the line itself, which the error would show: it may hold a password.
        let start = error.span().map_or(0, |span| span.start);
        let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
        format!("{} is not TOML: line {line}: {}", path.display(), error.message())
    })
}

fn unknown_keys(table: &toml::Table, path: &Path) -> Vec<Problem> {
    let is_known = |key: &str| Setting::ALL.iter().any(|setting| setting.key() == key);
    let unknown = table.keys().filter(|key| !is_known(key));
    unknown
        .map(|key| {
            let meant = key.to_lowercase().replace('-', "_");
            let meant = meant.strip_prefix("waybill_").unwrap_or(&meant);
            let remedy = if is_known(meant) {
                format!("write {meant}")
            } else {
                let known: Vec<_> = Setting::ALL.iter().map(|setting| setting.key()).collect();
                format!("the settings are {}", known.join(", "))
            };
            Problem {
                place: format!("{key} in {}", path.display()),
                message: format!("there is no such setting; {remedy}"),
            }
        })
        .collect()
}

fn texts_of(value: &toml::Value) -> Result<Vec<String>, String> {
    let text_of = |value: &toml::Value| match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        other => Err(format!("this is a {}; give a text, a number or a list of texts", other.type_str())),
    };
    match value {
        toml::Value::Array(values) => values.iter().map(text_of).collect(),
        value => text_of(value).map(|text| vec![text]),
    }
}
