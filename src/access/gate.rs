//! Lets callers in, and says when their right has ended.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use jsonwebtoken::DecodingKey;
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::{
    Caller, api_key, crypto,
    jwks::{Fetch, KeySet},
    jwt::Tokens,
};
use crate::{
    fault::Fault,
    seam::Clock,
    secret::Secret,
    store::{Cache, Database},
};

/// How long a verified caller is remembered, and so how long a key that another process revoked is still good at most.
const FRESH_FOR: Duration = Duration::from_secs(3);
/// Far longer than any token that is meant for a header.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Whose tokens are taken.
#[derive(Default)]
pub struct Trust {
    /// The secret of tokens that are signed by HS256.
    pub secret: Option<Secret<Vec<u8>>>,
    /// Reads the public keys of tokens that are signed by RS256, ES256 or EdDSA.
    pub keys: Option<Fetch>,
    /// What tokens must name as their audience.
    pub audience: Option<String>,
    /// What tokens must name as their issuer.
    pub issuer: Option<String>,
}

/// Why a caller is not let in.
#[derive(Debug)]
pub enum Denied {
    /// It does not say who it is.
    Missing,
    /// What it says is not to be trusted; why, in words for the caller.
    Invalid(&'static str),
    /// Nobody can tell now.
    Fault(Fault),
}

/// Who somebody is, and until when that is known.
#[derive(Clone, Debug)]
pub(super) struct Verified {
    pub(super) caller: Caller,
    pub(super) expires_at: Option<DateTime<Utc>>,
}

/// A caller that was let in.
#[derive(Clone, Debug)]
pub struct Session {
    /// Who it is.
    pub caller: Caller,
    /// What it showed; nothing where nobody has to show anything.
    token: Option<Secret<Arc<str>>>,
}

/// Tells who is calling.
#[derive(Debug)]
pub struct Access {
    clock: Clock,
    /// None where no access is configured.
    ways: Option<Ways>,
    /// How often open streams ask whether they still may.
    recheck_every: Duration,
    /// By the SHA-256 of what callers showed: no token is kept in the memory of the process.
    verified: Cache<[u8; 32], Verified>,
}

/// How callers can show who they are.
#[derive(Debug)]
struct Ways {
    tokens: Tokens,
    /// Where the API keys are.
    database: Database,
}

impl Access {
    /// Everybody is let in, as [`Caller::local`].
    pub fn open(clock: Clock) -> Self {
        Self { clock, ways: None, recheck_every: Duration::MAX, verified: Cache::new(FRESH_FOR) }
    }

    /// Only callers that show an API key of the store, or a token of somebody who is trusted, are let in.
    pub fn closed(trust: Trust, database: Database, clock: Clock, recheck_every: Duration) -> Self {
        crypto::install();
        let Trust { secret, keys, audience, issuer } = trust;
        let tokens = Tokens {
            secret: secret.map(|secret| DecodingKey::from_secret(secret.expose())),
            keys: keys.map(|fetch| KeySet::new(fetch, clock.clone())),
            audience,
            issuer,
        };
        Self { clock, ways: Some(Ways { tokens, database }), recheck_every, verified: Cache::new(FRESH_FOR) }
    }

    /// Whether callers have to show something.
    pub const fn is_configured(&self) -> bool {
        self.ways.is_some()
    }

    /// How often open streams ask whether they still may; never where everybody may.
    pub fn recheck_every(&self) -> Option<Duration> {
        self.is_configured().then_some(self.recheck_every)
    }

    /// Lets a caller in who shows `token`, or not.
    pub async fn admit(&self, token: Option<&str>) -> Result<Session, Denied> {
        let Some(ways) = &self.ways else {
            return Ok(Session { caller: Caller::local(), token: None });
        };
        let token = token.ok_or(Denied::Missing)?;
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Denied::Invalid("the token is too long"));
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        let now = self.clock.now();
        let mut verified = self.verified.get(&digest, || ways.verify(token, now)).await?;
        if verified.expires_at.is_some_and(|end| end <= now) {
            // It says itself in which words it is refused.
            verified = Arc::new(ways.verify(token, now).await?);
        }
        Ok(Session { caller: verified.caller.clone(), token: Some(Secret::new(token.into())) })
    }

    /// Whether a caller that was let in still may. Where nobody can tell, it may.
    pub async fn still_admits(&self, session: &Session) -> bool {
        let token = session.token.as_ref().map(|token| &**token.expose());
        match self.admit(token).await {
            Ok(now) => now.caller == session.caller,
            Err(Denied::Missing | Denied::Invalid(_)) => false,
            Err(Denied::Fault(fault)) => {
                tracing::warn!(error = %fault, "cannot tell whether a stream may go on");
                true
            }
        }
    }

    /// Reads the keys of issuers from time to time until it is told to stop.
    pub async fn keep_fresh(&self, stop: CancellationToken) {
        match self.ways.as_ref().and_then(|ways| ways.tokens.keys.as_ref()) {
            Some(keys) => keys.keep_fresh(stop).await,
            None => stop.cancelled().await,
        }
    }

    /// Looks at everybody anew: somebody's right has ended.
    pub fn forget(&self) {
        self.verified.forget_all();
    }
}

impl Ways {
    /// Finds out whose a token is.
    async fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Verified, Denied> {
        if api_key::is_one(token) {
            api_key::verify(&self.database, token, now).await
        } else {
            self.tokens.verify(token, now).await
        }
    }
}
