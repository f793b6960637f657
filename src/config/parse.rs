//! What the text of a setting means. Each function gives the value, or what is wrong and what to do.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::http::HeaderValue;
use ipnet::IpNet;
use tracing_subscriber::EnvFilter;
use url::Url;

use super::{DataKeyFile, LogFormat, TrustedDocuments};
use crate::{secret::Secret, store};

/// Far more than any server serves well.
const MOST_CONNECTIONS: u32 = 1_000;

const KEEP_DAYS: std::ops::RangeInclusive<u32> = 7..=36_500;

/// A client may count on a day. The answer names an event, so it goes before any event can.
const KEEP_HOURS: std::ops::RangeInclusive<u32> = 24..=7 * 24;

/// A batch is executed one operation after the other, within the time of one request.
const BATCH_LIMIT: std::ops::RangeInclusive<usize> = 1..=1_000;

/// Where the key file is kept with PostgreSQL, unless the operator says where.
const KEY_FILE: &str = "waybill.data-key";

/// What is appended to the name of a SQLite file to name its key file.
const KEY_FILE_SUFFIX: &str = ".data-key";

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let address = match text.strip_prefix("localhost:").map(str::parse) {
        Some(Ok(port)) => Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)),
        _ => text.parse::<SocketAddr>(),
    };
    address.map_err(|_| {
        format!(
            "{text:?} is not an address with a port; give one such as 127.0.0.1:8080, [::1]:8080 or \
             localhost:8080"
        )
    })
}

pub(super) fn public_url(text: &str) -> Result<String, String> {
    base_url(text).ok_or_else(|| {
        format!(
            "{text:?} is no address of this service; give one such as https://orders.example.com, without a query"
        )
    })
}

/// Says nothing of the text itself, which may carry a password.
pub(super) fn otlp_endpoint(text: &str) -> Result<String, String> {
    base_url(text).ok_or_else(|| {
        "this is no address of a collector; give one such as http://127.0.0.1:4318, without a query; credentials \
         go into the variable OTEL_EXPORTER_OTLP_HEADERS"
            .to_owned()
    })
}

/// A URL that paths can be appended to, without a slash at the end.
fn base_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https");
    let is_plain = url.username().is_empty() && url.password().is_none();
    let is_bare = url.query().is_none() && url.fragment().is_none();
    (is_web && is_plain && is_bare).then(|| url.as_str().trim_end_matches('/').to_owned())
}

/// Says nothing of the text itself, which may carry a password.
pub(super) fn database_url(text: &str) -> Result<Secret<String>, String> {
    const FORMS: &str = "give sqlite://FILE or postgres://USER:PASSWORD@HOST/DATABASE";
    if let Some(path) = store::sqlite_path(text) {
        let path = path.to_string_lossy();
        if path.is_empty() {
            return Err("the URL names no file; give one such as sqlite://waybill.db".to_owned());
        }
        if path == ":memory:" || text.contains("mode=memory") {
            return Err("a store in memory would lose acknowledged orders; give a file such as \
                        sqlite://waybill.db"
                .to_owned());
        }
    } else if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        Url::parse(text).map_err(|error| {
            format!(
                "the URL is malformed ({error}); {FORMS}, special characters in a password percent-encoded"
            )
        })?;
    } else {
        return Err(format!("the URL is of no store that is known; {FORMS}"));
    }
    Ok(Secret::new(text.to_owned()))
}

pub(super) fn connections(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|count| (1..=MOST_CONNECTIONS).contains(count)).ok_or_else(|| {
        format!("{text:?} is not a number of connections; give one from 1 to {MOST_CONNECTIONS}")
    })
}

/// Not less than a webhook endpoint may fail before it is disabled, and than an idempotent answer, which names an event,
/// is kept.
pub(super) fn keep_days(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .filter(|days| KEEP_DAYS.contains(days))
        .map(|days| Duration::from_hours(24 * u64::from(days)))
        .ok_or_else(|| {
            let (min, max) = (KEEP_DAYS.start(), KEEP_DAYS.end());
            format!("{text:?} is not a number of days; give one from {min} to {max}, or leave it out to keep everything")
        })
}

/// How long idempotent answers are kept.
pub(super) fn keep_hours(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .filter(|hours| KEEP_HOURS.contains(hours))
        .map(|hours| Duration::from_hours(u64::from(hours)))
        .ok_or_else(|| {
            let (min, max) = (KEEP_HOURS.start(), KEEP_HOURS.end());
            format!("{text:?} is not a number of hours; give one from {min} to {max}")
        })
}

pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let network = text
        .parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| format!("{text:?} is not a network; give one such as 10.1.0.0/16 or fd00:1::/32"))?;
    if network.trunc() == network {
        Ok(network)
    } else {
        Err(format!(
            "{network} is an address inside of a network; give {} for the network, or {} for the address alone",
            network.trunc(),
            IpNet::from(network.addr())
        ))
    }
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("{text:?} is neither on nor off; give one of them")),
    }
}

pub(super) fn batch_limit(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| BATCH_LIMIT.contains(count)).ok_or_else(|| {
        let (min, max) = (BATCH_LIMIT.start(), BATCH_LIMIT.end());
        format!("{text:?} is not a number of operations; give one from {min} (no lists) to {max}")
    })
}

/// Reads the whole file: what it holds does not change while the server runs.
pub(super) fn trusted_documents(text: &str) -> Result<Arc<TrustedDocuments>, String> {
    const FORM: &str = "give an object of documents by their ids, such as {\"sha256:5f3…\": \"query { … }\"}";
    let content = std::fs::read_to_string(text)
        .map_err(|error| format!("cannot read {text}: {error}; check its place and its permissions"))?;
    let documents: TrustedDocuments = serde_json::from_str(&content)
        .map_err(|error| format!("{text} has not the form that it must have ({error}); {FORM}"))?;
    if documents.is_empty() {
        return Err(format!("{text} holds no document, so that none would be executed; {FORM}"));
    }
    Ok(Arc::new(documents))
}

/// As a browser sends it in the header `origin`.
pub(super) fn origin(text: &str) -> Result<HeaderValue, String> {
    const FORM: &str = "give a scheme, a name and perhaps a port, such as https://app.example.com";
    if text == "*" {
        return Err(format!("* would let every page of the web use the server; name each origin: {FORM}"));
    }
    let url = Url::parse(text).map_err(|error| format!("{text:?} is not an origin ({error}); {FORM}"))?;
    let origin = url.origin().ascii_serialization();
    let is_web = matches!(url.scheme(), "http" | "https");
    if !is_web || !text.trim_end_matches('/').eq_ignore_ascii_case(&origin) {
        return Err(format!("{text:?} is not an origin; {FORM}"));
    }
    HeaderValue::from_str(&origin).map_err(|_| format!("{text:?} is not an origin; {FORM}"))
}

pub(super) fn log_filter(text: &str) -> Result<String, String> {
    // The filter's own error is about regular expressions as often as not.
    match EnvFilter::try_new(text) {
        Ok(_) if !text.trim().is_empty() => Ok(text.to_owned()),
        _ => Err(format!(
            "{text:?} is not a log filter; give error, warn, info, debug or trace, or directives such as \
             info,waybill=debug"
        )),
    }
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("{text:?} is not a log format; give text or json")),
    }
}

pub(super) fn data_key_file(text: &str) -> Result<DataKeyFile, String> {
    const MAKE: &str = "make one with: (umask 077; head -c 32 /dev/urandom | base64 > FILE)";
    let path = PathBuf::from(text);
    match std::fs::File::open(&path).and_then(|file| file.metadata()) {
        Ok(found) if found.is_dir() => Err(format!("{text} is a folder; {MAKE}")),
        Ok(_) => Ok(DataKeyFile::Given(path)),
        Err(error) => {
            Err(format!("cannot read {text}: {error}; check its place and its permissions, or {MAKE}"))
        }
    }
}

/// Where the key file is if the operator does not say: beside the file of SQLite, or in the working directory.
pub(super) fn own_key_file(database_url: &str) -> DataKeyFile {
    let path = match store::sqlite_path(database_url) {
        Some(file) => {
            let mut path = file.into_os_string();
            path.push(KEY_FILE_SUFFIX);
            PathBuf::from(path)
        }
        None => Path::new(KEY_FILE).to_owned(),
    };
    DataKeyFile::Own(path)
}
