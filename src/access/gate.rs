//! Lets callers in, and says when their right has ended.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use jsonwebtoken::DecodingKey;
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::{
    Caller, api_key, crypto,
    jwks::{Fetch, KeySet},
    jwt::Tokens,
};
use crate::{fault::Fault, seam::Clock, secret::Secret, store::Database};

/// How long a verified caller is remembered, and so how long a key that another process revoked is still good at most.
const FRESH_FOR: Duration = Duration::from_secs(3);
/// How many callers are remembered; beyond it all are forgotten, and looked at as they come.
const MAX_REMEMBERED: usize = 10_000;
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
    remembered: Mutex<Remembered>,
}

/// How callers can show who they are.
#[derive(Debug)]
struct Ways {
    tokens: Tokens,
    /// Where the API keys are.
    database: Database,
}

/// Callers that were let in, by the SHA-256 of what they showed: no token is kept in the memory of the process.
#[derive(Debug, Default)]
struct Remembered {
    callers: HashMap<[u8; 32], Admitted>,
    /// Counts how often all were forgotten, so that a look-up that began before is not remembered after it.
    forgotten: u64,
}

#[derive(Debug)]
struct Admitted {
    verified: Verified,
    /// When the caller was verified: by the program's clock, which may be set back, and by a monotonic one.
    at: (DateTime<Utc>, Instant),
}

impl Admitted {
    fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        let age = (now - self.at.0).to_std();
        age.is_ok_and(|age| age < FRESH_FOR) && self.at.1.elapsed() < FRESH_FOR
    }
}

impl Access {
    /// Everybody is let in, as [`Caller::local`].
    pub fn open(clock: Clock) -> Self {
        Self { clock, ways: None, recheck_every: Duration::MAX, remembered: Mutex::default() }
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
        Self { clock, ways: Some(Ways { tokens, database }), recheck_every, remembered: Mutex::default() }
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
        let at = (self.clock.now(), Instant::now());
        let verified = match self.recall(&digest, at.0) {
            Ok(verified) => verified,
            Err(forgotten) => {
                let verified = if api_key::is_one(token) {
                    api_key::verify(&ways.database, token, at.0).await?
                } else {
                    ways.tokens.verify(token, at.0).await?
                };
                self.remember(digest, Admitted { verified: verified.clone(), at }, forgotten);
                verified
            }
        };
        Ok(Session { caller: verified.caller, token: Some(Secret::new(token.into())) })
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
        let mut remembered = self.lock();
        remembered.callers.clear();
        remembered.forgotten += 1;
    }

    /// The remembered caller of a token's digest, if it is still fresh; else how often all callers were forgotten so far.
    fn recall(&self, digest: &[u8; 32], now: DateTime<Utc>) -> Result<Verified, u64> {
        let remembered = self.lock();
        let known = remembered.callers.get(digest).filter(|admitted| {
            admitted.is_fresh(now) && admitted.verified.expires_at.is_none_or(|end| now < end)
        });
        known.map(|admitted| admitted.verified.clone()).ok_or(remembered.forgotten)
    }

    /// Remembers a caller, unless all were forgotten since its look-up began.
    fn remember(&self, digest: [u8; 32], admitted: Admitted, forgotten: u64) {
        let mut remembered = self.lock();
        if remembered.forgotten != forgotten {
            return;
        }
        if remembered.callers.len() >= MAX_REMEMBERED {
            remembered.callers.clear();
        }
        remembered.callers.insert(digest, admitted);
    }

    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    const DIGEST: [u8; 32] = [7; 32];

    fn admitted(at: DateTime<Utc>, instant: Instant) -> Admitted {
        Admitted { verified: Verified { caller: Caller::local(), expires_at: None }, at: (at, instant) }
    }

    #[test]
    fn a_caller_is_remembered_for_a_while_and_not_at_all_once_the_clock_is_set_back() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let access = Access::open(Clock::manual(now));
        access.remember(DIGEST, admitted(now, Instant::now()), 0);
        for (seconds, expected) in [(0, true), (2, true), (3, false), (-1, false), (-3_600, false)] {
            let found = access.recall(&DIGEST, now + TimeDelta::seconds(seconds));
            assert_eq!(found.is_ok(), expected, "{seconds} s later");
        }
        // However the clock is set, time passes.
        let long_ago = Instant::now().checked_sub(FRESH_FOR).unwrap();
        access.remember(DIGEST, admitted(now, long_ago), 0);
        assert!(access.recall(&DIGEST, now).is_err());
    }

    #[test]
    fn a_look_up_that_began_before_a_revocation_is_not_remembered_after_it() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let access = Access::open(Clock::manual(now));
        let forgotten = access.recall(&DIGEST, now).unwrap_err();
        access.forget();
        access.remember(DIGEST, admitted(now, Instant::now()), forgotten);
        let forgotten = access.recall(&DIGEST, now).unwrap_err();
        access.remember(DIGEST, admitted(now, Instant::now()), forgotten);
        assert!(access.recall(&DIGEST, now).is_ok());
    }
}
