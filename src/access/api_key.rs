//! API keys: long random texts that a tenant gives to its programs. Only their hashes are kept; a text of 256 random bits
//! needs no slow hash, because nobody can try them all.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use entity::api_key::Model;
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use super::{Caller, Denied, Scope, Scopes, Verified};
use crate::{
    fault::Fault,
    seam::Ids,
    secret::Secret,
    store::{self, Database, Tenant},
};

/// What every key begins with, so that a scanner for leaked secrets knows one when it sees it.
const PREFIX: &str = "wbk_";
/// How long a key is, without its prefix.
const KEY_CHARS: usize = 43;
/// How long a caller waits until it is written down that its key was used.
const NOTE_USE_TIMEOUT: Duration = Duration::from_millis(100);

/// A key that was just made.
#[derive(Debug)]
pub struct NewApiKey {
    /// Its text, to be shown once.
    pub text: Secret<String>,
    /// What is kept of it.
    pub hash: [u8; 32],
}

impl NewApiKey {
    /// Makes a key.
    pub fn generate(ids: &Ids) -> Self {
        let mut random = [0; 32];
        ids.fill(&mut random);
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
        Self { hash: hash(&text), text: text.into() }
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// Whether a token is meant to be an API key.
pub(super) fn is_one(token: &str) -> bool {
    token.starts_with(PREFIX)
}

/// Who the bearer of a key is.
pub(super) async fn verify(database: &Database, text: &str, now: DateTime<Utc>) -> Result<Verified, Denied> {
    const UNKNOWN: Denied = Denied::Invalid("there is no such API key");
    if text.len() != PREFIX.len() + KEY_CHARS {
        return Err(UNKNOWN);
    }
    let found = store::api_key::by_hash(database, hash(text)).await;
    let key = found.map_err(|error| Denied::Fault(error.into()))?.ok_or(UNKNOWN)?;
    if key.revoked_at.is_some() {
        return Err(Denied::Invalid("the API key was revoked"));
    }
    if key.expires_at.is_some_and(|end| end <= now) {
        return Err(Denied::Invalid("the API key has expired"));
    }
    let scopes = scopes(&key.scopes).map_err(Denied::Fault)?;
    let subject = format!("key:{}", key.name).into();
    let caller = Caller { tenant: Tenant::new(&key.tenant_id), subject, scopes, trace: None };
    let verified = Verified { caller, expires_at: key.expires_at };
    note_use(database.clone(), key, now).await;
    Ok(verified)
}

/// Writes that a key was shown. A store that is busy with the writes of others keeps nobody waiting for long, and a write
/// that fails keeps nobody out.
async fn note_use(database: Database, key: Model, now: DateTime<Utc>) {
    let note = tokio::spawn(async move {
        if let Err(error) = store::api_key::note_use(&database, &key, now).await {
            tracing::warn!(%error, "the use of an API key was not written down");
        }
    });
    // Past this it goes on by itself.
    drop(timeout(NOTE_USE_TIMEOUT, note).await);
}

/// The scopes that a row has.
pub fn scopes(stored: &str) -> Result<Scopes, Fault> {
    let names: Vec<String> = serde_json::from_str(stored)?;
    Ok(names.iter().filter_map(|name| Scope::from_name(name)).collect())
}
