//! JSON Web Tokens: who signed one, for whom, and until when it is good.

use chrono::{DateTime, Utc};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode, errors::ErrorKind,
};
use serde::{Deserialize, Serialize};

use super::{Caller, Denied, Scope, Scopes, Verified, crypto, jwks::KeySet};
use crate::{secret::Secret, store::Tenant};

/// The longest name of a tenant or a subject, in characters.
const MAX_NAME_CHARS: usize = 255;

/// Verifies tokens.
#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) secret: Option<DecodingKey>,
    pub(super) keys: Option<KeySet>,
    pub(super) audience: Option<String>,
    pub(super) issuer: Option<String>,
}

/// What a token says.
#[derive(Debug, Deserialize)]
struct Claims {
    tenant: String,
    sub: String,
    /// A number of seconds, which may have a fraction.
    exp: f64,
    nbf: Option<f64>,
    /// Names with spaces between them, as OAuth has it.
    scope: Option<Names>,
    /// Names in a list.
    scopes: Option<Names>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Names {
    Text(String),
    List(Vec<String>),
}

impl Names {
    /// Those of ours. An issuer has names for others too.
    fn scopes(&self) -> Vec<Scope> {
        let known = |name: &str| Scope::from_name(name);
        match self {
            Self::Text(names) => names.split_ascii_whitespace().filter_map(known).collect(),
            Self::List(names) => names.iter().filter_map(|name| known(name)).collect(),
        }
    }
}

impl Tokens {
    /// Who the bearer of a token is. The algorithm follows from the key, never from the token.
    pub(super) async fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Verified, Denied> {
        let header =
            decode_header(token).map_err(|_| Denied::Invalid("the token is not one that is known here"))?;
        if header.crit.is_some() {
            return Err(Denied::Invalid("the token asks for extensions that are not known here"));
        }
        let claims = match header.alg {
            Algorithm::HS256 => {
                let secret =
                    self.secret.as_ref().ok_or(Denied::Invalid("tokens are not signed by HS256 here"))?;
                self.claims(token, secret, Algorithm::HS256)?
            }
            Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA => {
                let keys = self.keys.as_ref().ok_or(Denied::Invalid("tokens are signed by HS256 here"))?;
                let key = keys.find(header.kid.as_deref(), header.alg).await;
                let key =
                    key.ok_or(Denied::Invalid("the token was signed by a key that is not known here"))?;
                self.claims(token, &key.key, key.algorithm)?
            }
            _ => return Err(Denied::Invalid("tokens are signed by HS256, RS256, ES256 or EdDSA here")),
        };
        claims.verified(now)
    }

    fn claims(&self, token: &str, key: &DecodingKey, algorithm: Algorithm) -> Result<Claims, Denied> {
        let mut validation = Validation::new(algorithm);
        // Looked at by `Claims::verified`, with the program's own clock.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        match &self.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                validation.required_spec_claims.insert("aud".to_owned());
            }
            None => validation.validate_aud = false,
        }
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
            validation.required_spec_claims.insert("iss".to_owned());
        }
        let token = decode::<Claims>(token, key, &validation).map_err(|error| {
            Denied::Invalid(match error.kind() {
                ErrorKind::InvalidSignature => "the token's signature is wrong",
                ErrorKind::InvalidAudience => "the token is for another audience",
                ErrorKind::InvalidIssuer => "the token is of another issuer",
                ErrorKind::MissingRequiredClaim(_) => "the token does not say of whom or for whom it is",
                _ => "the token lacks one of tenant, sub and exp, or has them in another form",
            })
        })?;
        Ok(token.claims)
    }
}

impl Claims {
    fn verified(self, now: DateTime<Utc>) -> Result<Verified, Denied> {
        // A float of this size is exact to less than a microsecond; far more than tokens are.
        #[expect(clippy::cast_precision_loss, reason = "see above")]
        let at = now.timestamp_micros() as f64 / 1e6;
        if at >= self.exp {
            return Err(Denied::Invalid("the token has expired"));
        }
        if self.nbf.is_some_and(|nbf| nbf > at) {
            return Err(Denied::Invalid("the token is not good yet"));
        }
        if !is_name(&self.tenant) || !is_name(&self.sub) {
            return Err(Denied::Invalid(
                "tenant and sub of a token have 1 to 255 characters, none of them a control",
            ));
        }
        #[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate")]
        let expires_at = DateTime::from_timestamp_micros((self.exp * 1e6) as i64);
        let names = self.scope.iter().chain(&self.scopes);
        let scopes: Scopes = names.flat_map(Names::scopes).collect();
        let caller =
            Caller { tenant: Tenant::new(&self.tenant), subject: self.sub.into(), scopes, trace: None };
        Ok(Verified { caller, expires_at })
    }
}

/// Whether that can be a tenant or a subject: 1 to 255 characters, none of them a control, because it is written to rows
/// and logs.
pub fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_CHARS).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}

/// A token that an operator makes.
#[derive(Debug, Serialize)]
struct Minted<'a> {
    tenant: &'a str,
    sub: &'a str,
    scope: String,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
}

/// Makes a token for a caller, signed by HS256. The error says what is wrong with the caller.
pub fn mint(
    secret: &Secret<Vec<u8>>,
    caller: &Caller,
    (issued_at, expires_at): (DateTime<Utc>, DateTime<Utc>),
    audience: Option<&str>,
    issuer: Option<&str>,
) -> Result<String, String> {
    let (tenant, subject) = (caller.tenant.as_str(), &*caller.subject);
    if !is_name(tenant) || !is_name(subject) {
        return Err(format!(
            "tenant and subject have 1 to {MAX_NAME_CHARS} characters, none of them a control"
        ));
    }
    crypto::install();
    let minted = Minted {
        tenant,
        sub: subject,
        scope: caller.scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(" "),
        iat: issued_at.timestamp(),
        exp: expires_at.timestamp(),
        aud: audience,
        iss: issuer,
    };
    encode(&Header::new(Algorithm::HS256), &minted, &EncodingKey::from_secret(secret.expose()))
        .map_err(|error| format!("the token cannot be signed: {error}"))
}
