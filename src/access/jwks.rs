//! The public keys of whoever issues tokens: a JSON Web Key Set, read anew from time to time and when a token names a
//! key that is not known yet.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse},
};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::seam::Clock;

/// How often the set is read anew, so that a key that was taken out of it ceases to be good.
const REFRESH_EVERY: Duration = Duration::from_mins(5);
/// However many tokens name keys that are not known, the set is not read more often.
const AT_MOST_EVERY: TimeDelta = TimeDelta::seconds(10);
/// No issuer has so many keys at once.
const MAX_KEYS: usize = 100;

/// Reads the text of the set from where the operator has it, in bounded time.
pub type Fetch = Arc<dyn Fn() -> BoxFuture<'static, Result<Vec<u8>, String>> + Send + Sync>;

/// A key that verifies, by one algorithm only.
pub(super) struct SigningKey {
    id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

/// The keys that tokens may be signed with.
pub(super) struct KeySet {
    fetch: Fetch,
    clock: Clock,
    keys: RwLock<Vec<Arc<SigningKey>>>,
    /// When the set was last asked for; held while it is.
    asked: Mutex<Option<DateTime<Utc>>>,
}

impl fmt::Debug for KeySet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeySet")
    }
}

impl KeySet {
    /// A set that is read when it is first needed.
    pub(super) fn new(fetch: Fetch, clock: Clock) -> Self {
        Self { fetch, clock, keys: RwLock::default(), asked: Mutex::default() }
    }

    /// The key of that id for that algorithm; without an id, the only one for the algorithm.
    pub(super) async fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Arc<SigningKey>> {
        if let Some(key) = self.known(id, algorithm) {
            return Some(key);
        }
        self.read(true).await;
        self.known(id, algorithm)
    }

    fn known(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Arc<SigningKey>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let mut fitting =
            keys.iter().filter(|key| key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id));
        fitting.next().filter(|_| fitting.next().is_none()).map(Arc::clone)
    }

    /// Reads the set; if `only_if_due`, not if that was done a moment ago. A set that cannot be read leaves the keys as
    /// they were: an issuer that is away for a while must not lock everybody out.
    async fn read(&self, only_if_due: bool) {
        let mut asked = self.asked.lock().await;
        let now = self.clock.now();
        if only_if_due && asked.is_some_and(|asked| now - asked < AT_MOST_EVERY) {
            return;
        }
        *asked = Some(now);
        match (self.fetch)().await.and_then(|text| parse(&text)) {
            Ok(keys) => {
                tracing::debug!(keys = keys.len(), "read the key set");
                let keys = keys.into_iter().map(Arc::new).collect();
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
            }
            Err(error) => tracing::warn!(%error, "cannot read the key set; the keys known so far stay good"),
        }
    }

    /// Reads the set from time to time until it is told to stop.
    pub(super) async fn keep_fresh(&self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(REFRESH_EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => self.read(false).await,
            }
        }
    }
}

/// The keys in a set that can be used here. The error says what is wrong with the text.
pub(super) fn parse(text: &[u8]) -> Result<Vec<SigningKey>, String> {
    let set: JwkSet =
        serde_json::from_slice(text).map_err(|error| format!("it is not a JSON Web Key Set: {error}"))?;
    let keys: Vec<_> = set.keys.iter().take(MAX_KEYS).filter_map(usable).collect();
    if keys.is_empty() {
        return Err("the set has no key for RS256, ES256 or EdDSA".to_owned());
    }
    Ok(keys)
}

/// The key, with the one algorithm that it is for. Symmetric keys are left out: whoever reads the set could sign.
fn usable(jwk: &Jwk) -> Option<SigningKey> {
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        _ => return None,
    };
    let named = match &jwk.common.key_algorithm {
        None => Some(algorithm),
        Some(KeyAlgorithm::RS256) => Some(Algorithm::RS256),
        Some(KeyAlgorithm::ES256) => Some(Algorithm::ES256),
        Some(KeyAlgorithm::EdDSA) => Some(Algorithm::EdDSA),
        Some(_) => None,
    };
    let signs = matches!(&jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let key = DecodingKey::from_jwk(jwk).ok()?;
    (signs && named == Some(algorithm)).then(|| SigningKey { id: jwk.common.key_id.clone(), algorithm, key })
}
