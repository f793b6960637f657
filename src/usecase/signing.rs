//! Signing secrets: made, shown once, kept sealed, and rotated without a gap. For a day after a rotation calls are signed
//! with the old secret as well, so that a receiver may change over when it suits it.

use chrono::{DateTime, Utc};

use crate::{
    app::App,
    fault::Fault,
    outbound::{SECRET_LENGTH, SigningSecret},
    secret::{NONCE_LENGTH, Secret},
};

/// For how long calls are signed with both secrets after a rotation.
const BOTH_FOR: chrono::Duration = chrono::Duration::days(1);

/// A secret that was just made.
#[derive(Debug)]
pub struct NewSecret {
    /// Its text, to be shown once.
    pub text: Secret<String>,
    /// The same sealed, to be kept.
    pub sealed: String,
}

/// The secrets of whoever is called, sealed.
#[derive(Clone, Copy, Debug)]
pub struct Sealed<'a> {
    /// The present one.
    pub current: &'a str,
    /// The one before.
    pub previous: Option<&'a str>,
    /// Until when calls are signed with that as well.
    pub previous_until: Option<DateTime<Utc>>,
}

/// Makes a secret; it opens for `context` and nothing else.
pub fn make(app: &App, context: &str) -> NewSecret {
    let mut random = [0; SECRET_LENGTH];
    app.ids.fill(&mut random);
    let text = SigningSecret::generate(random).to_text();
    let mut nonce = [0; NONCE_LENGTH];
    app.ids.fill(&mut nonce);
    let sealed = app.keyring.seal(text.expose().as_bytes(), context, nonce);
    NewSecret { text, sealed }
}

/// Until when a secret that is replaced now still signs.
pub fn previous_until(now: DateTime<Utc>) -> DateTime<Utc> {
    now + BOTH_FOR
}

/// The secrets that a call is signed with now, the present one first.
pub fn open(
    app: &App,
    context: &str,
    sealed: Sealed<'_>,
    now: DateTime<Utc>,
) -> Result<Vec<SigningSecret>, Fault> {
    let previous = sealed.previous.filter(|_| sealed.previous_until.is_some_and(|until| now < until));
    [Some(sealed.current), previous]
        .into_iter()
        .flatten()
        .map(|sealed| open_one(app, context, sealed))
        .collect()
}

fn open_one(app: &App, context: &str, sealed: &str) -> Result<SigningSecret, Fault> {
    let bytes = app.keyring.open(sealed, context).map_err(|error| {
        Fault::broken(format!("a sealed value does not open; is the data key file the right one? {error}"))
    })?;
    let text = String::from_utf8(bytes).map_err(|_| Fault::broken("a sealed value is no text"))?;
    SigningSecret::parse(&text)
        .map_err(|error| Fault::broken(format!("a stored signing secret cannot be read: {error}")))
}
