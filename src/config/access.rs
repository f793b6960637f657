//! Whose callers are let in.

use std::{path::PathBuf, time::Duration};

use url::Url;

use crate::{access, secret::Secret};

/// A key for HS256 must not be shorter than what it makes (RFC 7518, 3.2).
const MIN_SECRET_BYTES: usize = 32;

/// Whose callers are let in; with any of it, also those with an API key. Without any of it, everybody is, and the server listens on a loopback address only.
#[derive(Clone, Debug)]
pub struct AccessConfig {
    /// The secret of tokens that are signed by HS256 (none).
    pub jwt_secret: Option<Secret<Vec<u8>>>,
    /// Where the public keys are of tokens that are signed by RS256, ES256 or EdDSA (none).
    pub jwks: Option<KeySource>,
    /// What a token must name as its audience (any).
    pub jwt_audience: Option<String>,
    /// What a token must name as its issuer (any).
    pub jwt_issuer: Option<String>,
    /// Whether API keys are taken even if no tokens are (no).
    pub api_keys: bool,
    /// How often an open stream is asked whether it still may (3 s).
    pub recheck_every: Duration,
}

/// Where a JSON Web Key Set is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In a file.
    File(PathBuf),
    /// Behind a URL.
    Url(Url),
}

impl Default for AccessConfig {
    fn default() -> Self {
        Self {
            jwt_secret: None,
            jwks: None,
            jwt_audience: None,
            jwt_issuer: None,
            api_keys: false,
            recheck_every: Duration::from_secs(3),
        }
    }
}

impl AccessConfig {
    /// Whether callers have to show who they are.
    pub const fn is_configured(&self) -> bool {
        self.jwt_secret.is_some() || self.jwks.is_some() || self.api_keys
    }
}

/// Reads the secret out of the file; a line break at its end, which editors leave there, is no part of it.
pub(super) fn jwt_secret_file(path: &str) -> Result<Option<Secret<Vec<u8>>>, String> {
    const MAKE: &str = "make one with: (umask 077; openssl rand -base64 48 > FILE)";
    let mut secret = std::fs::read(path).map_err(|error| {
        format!("cannot read {path}: {error}; check its place and its permissions, or {MAKE}")
    })?;
    while matches!(secret.last(), Some(b'\n' | b'\r')) {
        secret.pop();
    }
    if secret.len() < MIN_SECRET_BYTES {
        return Err(format!("the secret in {path} is shorter than {MIN_SECRET_BYTES} bytes; {MAKE}"));
    }
    Ok(Some(Secret::new(secret)))
}

/// A file, which is read to see whether it is any good, or a URL, which may come up later.
pub(super) fn jwks(text: &str) -> Result<Option<KeySource>, String> {
    if !text.contains("://") {
        let keys = std::fs::read(text)
            .map_err(|error| format!("cannot read {text}: {error}; check its place and its permissions"))?;
        access::check_key_set(&keys).map_err(|problem| format!("{text} is of no use: {problem}"))?;
        return Ok(Some(KeySource::File(PathBuf::from(text))));
    }
    let url = Url::parse(text).map_err(|error| format!("the URL is malformed: {error}"))?;
    let is_local = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() == "https" || (url.scheme() == "http" && is_local) {
        Ok(Some(KeySource::Url(url)))
    } else {
        // Whoever could change the keys on their way could make tokens.
        Err("give a file, an https URL, or an http URL of this machine".to_owned())
    }
}
