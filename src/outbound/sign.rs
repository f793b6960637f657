//! Signatures by which a receiver knows that a request comes from us: [Standard Webhooks].
//!
//! [Standard Webhooks]: https://github.com/standard-webhooks/standard-webhooks

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::secret::Secret;

/// The length of a new secret in bytes.
pub const SECRET_LENGTH: usize = 32;

/// What the text of a secret begins with.
const PREFIX: &str = "whsec_";

/// The lengths that the specification allows.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=BLOCK_LENGTH;

/// HMAC pads its key to the block of its hash: 64 bytes for SHA-256.
const BLOCK_LENGTH: usize = 64;

/// A signing secret of a plugin or a webhook endpoint; prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret {
    bytes: Vec<u8>,
}

/// Why a text is no signing secret. The text itself is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It does not begin with `whsec_`.
    #[error("a signing secret begins with whsec_")]
    Prefix,
    /// The rest is not base64.
    #[error("a signing secret is whsec_ and base64")]
    NotBase64,
    /// It is too short or too long.
    #[error("a signing secret has 24 to 64 bytes")]
    Length,
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl SigningSecret {
    /// A new secret, made of random bytes.
    pub fn generate(random: [u8; SECRET_LENGTH]) -> Self {
        Self { bytes: random.to_vec() }
    }

    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| SecretError::NotBase64)?;
        if LENGTHS.contains(&bytes.len()) { Ok(Self { bytes }) } else { Err(SecretError::Length) }
    }

    /// The text form, `whsec_<base64>`: what is stored sealed, and shown to the tenant once.
    pub fn to_text(&self) -> Secret<String> {
        Secret::new(format!("{PREFIX}{}", STANDARD.encode(&self.bytes)))
    }

    /// The signature of one message: `v1,<base64 of HMAC-SHA256 over "{id}.{timestamp}.{body}">`.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        // A key of at most one block is used as it is, padded with zeros; padding it here cannot fail, while giving
        // it as a slice could, as far as the compiler knows.
        let mut block = [0; BLOCK_LENGTH];
        for (place, byte) in block.iter_mut().zip(&self.bytes) {
            *place = *byte;
        }
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The value of `webhook-signature`: one signature for each secret, separated by spaces.
///
/// While a secret is being rotated there are two, so that receivers may change over when it suits them.
pub fn signatures(secrets: &[SigningSecret], id: &str, timestamp: i64, body: &[u8]) -> String {
    secrets.iter().map(|secret| secret.sign(id, timestamp, body)).collect::<Vec<_>>().join(" ")
}

/// The three headers of a signed message: `webhook-id`, `webhook-timestamp` (Unix seconds), `webhook-signature`.
pub fn signature_headers(
    secrets: &[SigningSecret],
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> [(String, Secret<String>); 3] {
    [
        ("webhook-id".to_owned(), id.to_owned().into()),
        ("webhook-timestamp".to_owned(), timestamp.to_string().into()),
        ("webhook-signature".to_owned(), signatures(secrets, id, timestamp, body).into()),
    ]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIMESTAMP: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn the_specifications_example_has_the_specifications_signature() {
        assert_eq!(SigningSecret::parse(SECRET).unwrap().sign(ID, TIMESTAMP, BODY), SIGNATURE);
    }

    #[test]
    fn each_secret_adds_a_signature() {
        let other = SigningSecret::generate([9; SECRET_LENGTH]);
        let secrets = [SigningSecret::parse(SECRET).unwrap(), other.clone()];
        let expected = format!("{SIGNATURE} {}", other.sign(ID, TIMESTAMP, BODY));
        assert_eq!(signatures(&secrets, ID, TIMESTAMP, BODY), expected);
        let [id, timestamp, signature] = signature_headers(&secrets, ID, TIMESTAMP, BODY);
        assert_eq!((id.0.as_str(), id.1.expose().as_str()), ("webhook-id", ID));
        assert_eq!(
            (timestamp.0.as_str(), timestamp.1.expose().as_str()),
            ("webhook-timestamp", "1614265330")
        );
        assert_eq!((signature.0.as_str(), signature.1.expose()), ("webhook-signature", &expected));
    }

    #[test]
    fn a_secret_survives_its_text_form() {
        let secret = SigningSecret::generate([9; SECRET_LENGTH]);
        assert_eq!(SigningSecret::parse(secret.to_text().expose()).unwrap(), secret);
        assert_eq!(SigningSecret::parse(SECRET).unwrap().to_text().expose(), SECRET);
        assert_eq!(format!("{secret:?}"), "***");
    }

    #[test]
    fn the_longest_secret_is_used_whole() {
        let text = |last: u8| {
            let mut bytes = [7; 64];
            *bytes.last_mut().unwrap() = last;
            format!("{PREFIX}{}", STANDARD.encode(bytes))
        };
        let sign = |text: String| SigningSecret::parse(&text).unwrap().sign(ID, TIMESTAMP, BODY);
        assert_ne!(sign(text(1)), sign(text(2)));
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        let encoded = |length: usize| format!("{PREFIX}{}", STANDARD.encode(vec![1; length]));
        for (text, expected) in [
            ("", SecretError::Prefix),
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SecretError::Prefix),
            ("whsec_not base64", SecretError::NotBase64),
            ("whsec_", SecretError::Length),
            (&encoded(23), SecretError::Length),
            (&encoded(65), SecretError::Length),
        ] {
            assert_eq!(SigningSecret::parse(text), Err(expected), "{text:?}");
        }
    }
}
